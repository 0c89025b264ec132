-- Types, constant tables and integer helpers that every streaming element shares.
--
-- Constant tables (weights, multipliers, thresholds, look-up tables) enter an element as rom_words_t:
-- the canonical bit string of the table cut into rows of 256 bits, bit 0 of the string in bit 0 of
-- row 0, the last row filled with zeros. rom_slice reads it at elaboration, so that one table serves
-- every folding.

library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;

package millrace_pkg is

  constant rom_word_bits : positive := 256;

  type rom_words_t is array (natural range <>) of std_ulogic_vector(rom_word_bits - 1 downto 0);

  -- The table of an element that has none.
  constant no_table : rom_words_t(1 to 0) := (others => (others => '0'));

  -- How a processing element requantizes: one multiplier per channel, or a sorted table of steps.
  type requantization_t is (scale, steps);

  -- What multiplies then: multipliers, look-up tables and adders, or an adder, a bit of the factor at a time.
  type scaling_t is (multiplied, multiplied_in_logic, serial);

  -- Edges of requantize.
  constant requantize_latency : positive := 5;

  -- What a pointwise element computes: an affine function per channel, or a table.
  type pointwise_operation_t is (op_requantize, op_lookup);

  -- Whether the condition holds; if not, elaboration ends with "entity: rule; got N". Call it in the
  -- first declaration of an architecture: asserts among the statements come too late.
  function require (condition : boolean; message : string) return boolean;

  -- Number of bits that count n different values: ceil(log2(n)); 0 for n = 1.
  function clog2 (n : positive) return natural;

  -- The greatest common divisor.
  function common_divisor (a, b : positive) return positive;

  function larger (a, b : integer) return integer;

  function smaller (a, b : integer) return integer;

  function sum (numbers : integer_vector) return integer;

  -- a if the condition holds, else b.
  function either (condition : boolean; a, b : integer) return integer;

  -- Whether n is a value of the given width and signedness.
  function fits (n : integer; bits : positive; is_signed : boolean) return boolean;

  -- Least width of n as a signed number.
  function signed_bits (n : integer) return positive;

  -- Number of places at which a window of the given span stands in an axis of a feature map.
  function places (length, pad_begin, pad_end, span, stride : natural) return integer;

  -- Whether the table holds that many bits and not a row more.
  function rom_holds (words : rom_words_t; bits : natural) return boolean;

  -- count bits of the table, from bit number first on.
  function rom_slice (words : rom_words_t; first : natural; count : positive)
    return std_ulogic_vector;

  -- The table of the bits from `first` on, `bits` of them, the last row filled up with zeros.
  function rom_part (words : rom_words_t; first : natural; bits : positive) return rom_words_t;

  -- Of constants that are tables read at a clock edge, for tools that take attributes.
  attribute rom_style : string;

  -- Where a table takes least: "block" RAM if it is large, else "distributed", look-up tables. It is what
  -- yosys chooses by itself for 7-series: half a block RAM counts as much as 129 LUTs of 64 bits each.
  function rom_style_of (words, width : positive) return string;

  -- GHDL 2.0's synthesis takes a constant for zero if its ones are all in its uppermost 32 bits and its
  -- length is a multiple of 32, beyond 32. Tables and wide summands keep away from that:

  -- Words of ones to append to a ROM, so that it is not taken for zero: 1 or 0. The address must count
  -- them, too, because what is read at a constant address is a constant of its own.
  function spare_rows (contents : std_ulogic_vector) return natural;

  -- The same for a ROM of the first so many bits of a table.
  function spare_rows (words : rom_words_t; bits : natural) return natural;

  function number_of_ones (bits : std_ulogic_vector) return natural;

  -- The least width of a constant from so many bits on that is not taken for zero.
  function constant_bits (bits : positive) return positive;

  -- Lane number index of a beat as a number. An unsigned lane gets a zero in front: bits + 1 wide.
  function lane_value (data : std_ulogic_vector; index : natural; bits : positive; is_signed : boolean)
    return signed;

  -- The number modulo 2 ** bits: sign-extended, or its upper bits dropped. Sums may wrap on the way if
  -- the final one fits.
  function wrap (number : signed; bits : positive) return signed;

  -- Whether the code left is greater than right, a code of as many bits. Signed codes are compared as
  -- unsigned ones with their signs exchanged: of a signed comparison yosys makes two carry chains.
  function is_greater (left, right : std_ulogic_vector; is_signed : boolean) return boolean;

  -- Width of lane_value.
  function value_bits (bits : positive; is_signed : boolean) return positive;

  -- The number, but not below low or above high, as a code of the given width. It compares no number
  -- wider than a code with a constant: GHDL 2.0 writes wrong Verilog for that beyond 32 bits.
  function clamp (number : signed; low, high : integer; bits : positive) return std_ulogic_vector;

  -- The same for a number of which is known: its lower bits as one more than a code has, which holds codes
  -- of either sign; whether it is another number than those; its sign.
  function limit_code (near : signed; is_far, is_negative : std_ulogic; low, high : integer)
    return std_ulogic_vector;

  -- The sum of a register, another number of its width, and a carry, modulo that width: one adder, whose
  -- LUTs also form the other number. It is the difference of the one and the complement of the other, the
  -- carry a bit below both: of a sum yosys takes either operand to the carry chain, at times the one that
  -- then needs LUTs of its own.
  function add_with_carry (kept, summand : signed; carry : std_ulogic) return signed;

  -- The sum plus, or less, a summand. What is multiplied by a negative constant is multiplied by its
  -- magnitude and subtracted: GHDL 2.0 drops the sign of a constant factor in products beyond 32 bits.
  function add_or_subtract (sum, summand : signed; subtracts : boolean) return signed;

  -- The number plus what makes its floored quotient by 2 ** shift the nearest integer, ties to even;
  -- with flip to odd. The sum must not pass the width of the number.
  function toward_even (number : signed; shift : natural; flip : boolean := false) return signed;

  -- A product in logic, in two steps of an adder or two each: for each two bits of b, the lowest first, the
  -- multiple of a that they ask for, a'length + 2 bits wide; that of a negative b is inverted at the top.
  function multiples (a, b : signed) return std_ulogic_vector;

  -- The product of which these are the multiples, modulo 2 ** bits; negative: the sign of b.
  function sum_of_multiples (
    parts : std_ulogic_vector; part_bits : positive; negative : std_ulogic; bits : positive)
    return signed;

  -- Each lane brought from one width to another: sign- or zero-extended, or without its upper bits.
  function resize_lanes (data : std_ulogic_vector; from_bits, to_bits : positive; is_signed : boolean)
    return std_ulogic_vector;

  -- Bits of an element of the given width on AXI4-Stream: 8, 16 or 32.
  function axis_element_bits (bits : positive) return positive;

end package;

package body millrace_pkg is

  function require (condition : boolean; message : string) return boolean is
  begin
    assert condition report message severity failure;
    return condition;
  end function;

  function clog2 (n : positive) return natural is
    variable bits : natural := 0;
    variable rest : natural := n - 1;
  begin
    while rest > 0 loop
      bits := bits + 1;
      rest := rest / 2;
    end loop;
    return bits;
  end function;

  function common_divisor (a, b : positive) return positive is
    variable larger, smaller, rest : natural;
  begin
    larger := a;
    smaller := b;
    while smaller > 0 loop
      rest := larger mod smaller;
      larger := smaller;
      smaller := rest;
    end loop;
    return larger;
  end function;

  function larger (a, b : integer) return integer is
  begin
    if a > b then
      return a;
    end if;
    return b;
  end function;

  function smaller (a, b : integer) return integer is
  begin
    if a < b then
      return a;
    end if;
    return b;
  end function;

  function sum (numbers : integer_vector) return integer is
    variable total : integer := 0;
  begin
    for number in numbers'range loop
      total := total + numbers(number);
    end loop;
    return total;
  end function;

  function either (condition : boolean; a, b : integer) return integer is
  begin
    if condition then
      return a;
    end if;
    return b;
  end function;

  function fits (n : integer; bits : positive; is_signed : boolean) return boolean is
  begin
    -- An integer has 32 bits; 2 ** 31 is none.
    if is_signed then
      return bits > 31 or (n >= -(2 ** (bits - 1)) and n <= 2 ** (bits - 1) - 1);
    end if;
    return n >= 0 and (bits > 30 or n <= 2 ** bits - 1);
  end function;

  function signed_bits (n : integer) return positive is
    variable bits : positive := 1;
    variable rest : integer := n;
  begin
    while rest /= 0 and rest /= -1 loop
      bits := bits + 1;
      -- Floor: mod is never negative.
      rest := (rest - rest mod 2) / 2;
    end loop;
    return bits;
  end function;

  function places (length, pad_begin, pad_end, span, stride : natural) return integer is
  begin
    if length + pad_begin + pad_end < span or stride = 0 then
      return 0;
    end if;
    return (length + pad_begin + pad_end - span) / stride + 1;
  end function;

  function rom_holds (words : rom_words_t; bits : natural) return boolean is
  begin
    return words'length = (bits + rom_word_bits - 1) / rom_word_bits;
  end function;

  function rom_slice (words : rom_words_t; first : natural; count : positive)
    return std_ulogic_vector is
    variable slice : std_ulogic_vector(count - 1 downto 0);
    variable row : natural := words'low + first / rom_word_bits;
    variable column : natural := first mod rom_word_bits;
    variable filled : natural := 0;
    variable length : natural;
  begin
    if column + count <= rom_word_bits then
      return words(row)(column + count - 1 downto column);
    end if;
    -- Whole pieces of rows instead of single bits: a 2-Mbit table is laid out in seconds.
    while filled < count loop
      length := smaller(count - filled, rom_word_bits - column);
      slice(filled + length - 1 downto filled) := words(row)(column + length - 1 downto column);
      filled := filled + length;
      row := row + 1;
      column := 0;
    end loop;
    return slice;
  end function;

  function rom_part (words : rom_words_t; first : natural; bits : positive) return rom_words_t is
    variable part : rom_words_t(0 to (bits + rom_word_bits - 1) / rom_word_bits - 1);
    variable length : positive;
  begin
    for row in part'range loop
      length := smaller(rom_word_bits, bits - row * rom_word_bits);
      part(row) := (others => '0');
      part(row)(length - 1 downto 0) := rom_slice(words, first + row * rom_word_bits, length);
    end loop;
    return part;
  end function;

  function rom_style_of (words, width : positive) return string is
    -- Of half a block RAM with 2 ** 14, 2 ** 13, .. words.
    constant widths : integer_vector(0 to 5) := (1, 2, 4, 9, 18, 36);
    variable depth, rows, halves : positive;
  begin
    for shape in widths'range loop
      depth := 2 ** (14 - shape);
      rows := (words + depth - 1) / depth;
      halves := (rows * width + widths(shape) - 1) / widths(shape);
      if 64 * 129 * halves + 32 * (rows - 1) * width < words * width then
        return "block";
      end if;
    end loop;
    return "distributed";
  end function;

  function spare_rows (contents : std_ulogic_vector) return natural is
    constant page : positive := 1024;
    constant flat : std_ulogic_vector(contents'length - 1 downto 0) := contents;
    variable ones : natural := 0;
  begin
    if constant_bits(larger(flat'length, 1)) = flat'length then
      return 0;
    end if;
    -- Two loops, because tools limit the iterations of one.
    for first in 0 to (flat'length - 1) / page loop
      for place in first * page to smaller(flat'length, (first + 1) * page) - 1 loop
        if flat(place) = '1' then
          ones := ones + 1;
        end if;
      end loop;
      if ones > 32 then
        return 0;
      end if;
    end loop;
    return either(ones > 0, 1, 0);
  end function;

  function spare_rows (words : rom_words_t; bits : natural) return natural is
    variable ones : natural := 0;
  begin
    if constant_bits(bits) = bits then
      return 0;
    end if;
    for row in words'range loop
      for column in 0 to rom_word_bits - 1 loop
        if words(row)(column) = '1' then
          ones := ones + 1;
        end if;
      end loop;
      if ones > 32 then
        return 0;
      end if;
    end loop;
    return either(ones > 0, 1, 0);
  end function;

  function number_of_ones (bits : std_ulogic_vector) return natural is
    variable ones : natural := 0;
  begin
    for place in bits'range loop
      if bits(place) = '1' then
        ones := ones + 1;
      end if;
    end loop;
    return ones;
  end function;

  function constant_bits (bits : positive) return positive is
  begin
    return either(bits > 32 and bits mod 32 = 0, bits + 1, bits);
  end function;

  function wrap (number : signed; bits : positive) return signed is
    -- Numbers that begin with a literal run upwards.
    constant downwards : signed(number'length - 1 downto 0) := number;
    variable wrapped : signed(bits - 1 downto 0);
  begin
    if bits < number'length then
      wrapped := downwards(bits - 1 downto 0);
    else
      wrapped := resize(number, bits);
    end if;
    return wrapped;
  end function;

  function value_bits (bits : positive; is_signed : boolean) return positive is
  begin
    if is_signed then
      return bits;
    end if;
    return bits + 1;
  end function;

  function lane_value (data : std_ulogic_vector; index : natural; bits : positive; is_signed : boolean)
    return signed is
    variable lane : std_ulogic_vector(bits - 1 downto 0);
  begin
    lane := data(data'low + (index + 1) * bits - 1 downto data'low + index * bits);
    if is_signed then
      return signed(lane);
    end if;
    return signed('0' & lane);
  end function;

  function is_greater (left, right : std_ulogic_vector; is_signed : boolean) return boolean is
    constant bits : positive := left'length;
    constant left_code : std_ulogic_vector(bits - 1 downto 0) := left;
    constant right_code : std_ulogic_vector(bits - 1 downto 0) := right;
    variable greater, smaller : unsigned(bits - 1 downto 0);
  begin
    greater := unsigned(left_code);
    smaller := unsigned(right_code);
    if is_signed then
      -- The one whose sign is not set is greater: as if the signs were the other one's.
      greater := right_code(bits - 1) & unsigned(left_code(bits - 2 downto 0));
      smaller := left_code(bits - 1) & unsigned(right_code(bits - 2 downto 0));
    end if;
    return greater > smaller;
  end function;

  function clamp (number : signed; low, high : integer; bits : positive) return std_ulogic_vector is
    constant near : signed(bits downto 0) := wrap(number, bits + 1);
    variable is_far : std_ulogic := '0';
  begin
    if number /= wrap(near, number'length) then
      is_far := '1';
    end if;
    return limit_code(near, is_far, number(number'high), low, high);
  end function;

  function limit_code (near : signed; is_far, is_negative : std_ulogic; low, high : integer)
    return std_ulogic_vector is
    constant bits : positive := near'length - 1;
    constant low_code : signed(bits downto 0) := to_signed(low, bits + 1);
    constant high_code : signed(bits downto 0) := to_signed(high, bits + 1);
    variable clamped : signed(bits downto 0) := near;
  begin
    if is_far then
      -- The sign tells on which side.
      if is_negative then
        clamped := low_code;
      else
        clamped := high_code;
      end if;
    elsif near < low_code then
      clamped := low_code;
    elsif near > high_code then
      clamped := high_code;
    end if;
    return std_ulogic_vector(clamped(bits - 1 downto 0));
  end function;

  function add_with_carry (kept, summand : signed; carry : std_ulogic) return signed is
    constant bits : positive := kept'length;
    variable sum : signed(bits downto 0);
  begin
    sum := (kept & carry) - (not summand & '1');
    return sum(bits downto 1);
  end function;

  function add_or_subtract (sum, summand : signed; subtracts : boolean) return signed is
  begin
    if subtracts then
      return sum - summand;
    end if;
    return sum + summand;
  end function;

  function toward_even (number : signed; shift : natural; flip : boolean := false) return signed is
    variable almost_half : signed(number'length - 1 downto 0) := (others => '0');
    variable is_odd : unsigned(0 downto 0);
  begin
    if shift = 0 then
      return number;
    end if;
    -- One less than a half of what is shifted out is added, or a half if the quotient is odd.
    for place in 0 to shift - 2 loop
      almost_half(place) := '1';
    end loop;
    is_odd(0) := number(number'low + shift);
    if flip then
      is_odd := not is_odd;
    end if;
    return number + almost_half + signed(resize(is_odd, number'length));
  end function;

  function multiples (a, b : signed) return std_ulogic_vector is
    constant bits : positive := a'length + 2;
    constant digits : positive := (b'length + 1) / 2;
    constant once : signed(bits - 1 downto 0) := wrap(a, bits);
    constant code : signed(2 * digits - 1 downto 0) := wrap(b, 2 * digits);
    constant twice : signed(bits - 1 downto 0) := once(bits - 2 downto 0) & '0';
    constant thrice : signed(bits - 1 downto 0) := once + twice;
    variable multiple : signed(bits - 1 downto 0);
    variable parts : std_ulogic_vector(digits * bits - 1 downto 0);
  begin
    for digit in 0 to digits - 1 loop
      multiple := (others => '0');
      if digit = digits - 1 then
        -- Worth -2 and 1: the magnitude, inverted; the 1 to add comes with the sum.
        if code(2 * digit) = '1' then
          multiple := once;
        elsif code(2 * digit + 1) = '1' then
          multiple := twice;
        end if;
        if code(2 * digit + 1) = '1' then
          multiple := not multiple;
        end if;
      elsif code(2 * digit + 1) = '1' and code(2 * digit) = '1' then
        multiple := thrice;
      elsif code(2 * digit + 1) = '1' then
        multiple := twice;
      elsif code(2 * digit) = '1' then
        multiple := once;
      end if;
      parts((digit + 1) * bits - 1 downto digit * bits) := std_ulogic_vector(multiple);
    end loop;
    return parts;
  end function;

  -- The level of the adder tree at which the topmost of so many nodes is first the upper one of two.
  function level_of_top (nodes : positive) return natural is
    variable level : natural := 0;
    variable count : positive := nodes;
  begin
    while count > 1 and count mod 2 = 1 loop
      count := (count + 1) / 2;
      level := level + 1;
    end loop;
    return level;
  end function;

  function sum_of_multiples (
    parts : std_ulogic_vector; part_bits : positive; negative : std_ulogic; bits : positive)
    return signed is
    constant digits : positive := parts'length / part_bits;
    constant carry_level : natural := level_of_top(digits);
    constant carry : signed(1 downto 0) := '0' & negative;
    type nodes_t is array (0 to digits - 1) of signed(bits - 1 downto 0);
    variable nodes : nodes_t;
    variable upper : signed(bits - 1 downto 0);
  begin
    for digit in 0 to digits - 1 loop
      nodes(digit) := wrap(lane_value(parts, digit, part_bits, true), bits);
    end loop;
    if digits = 1 then
      return nodes(0) + carry;
    end if;
    for level in 0 to clog2(digits) - 1 loop
      -- 2 * 2 ** level lower bits pass by the adder.
      for pair in 0 to (digits + 2 ** level - 1) / 2 ** level / 2 - 1 loop
        upper := wrap(nodes(2 * pair)(bits - 1 downto 2 * 2 ** level), bits);
        if level = carry_level and pair = (digits + 2 ** level - 1) / 2 ** level / 2 - 1 then
          upper := upper + nodes(2 * pair + 1) + carry;
        else
          upper := upper + nodes(2 * pair + 1);
        end if;
        nodes(pair) := upper(bits - 2 * 2 ** level - 1 downto 0)
          & nodes(2 * pair)(2 * 2 ** level - 1 downto 0);
      end loop;
      if (digits + 2 ** level - 1) / 2 ** level mod 2 = 1 then
        nodes((digits + 2 ** level - 1) / 2 ** level / 2) := nodes((digits + 2 ** level - 1) / 2 ** level - 1);
      end if;
    end loop;
    return nodes(0);
  end function;

  function resize_lanes (data : std_ulogic_vector; from_bits, to_bits : positive; is_signed : boolean)
    return std_ulogic_vector is
    constant lanes : natural := data'length / from_bits;
    variable result : std_ulogic_vector(lanes * to_bits - 1 downto 0);
  begin
    for lane in 0 to lanes - 1 loop
      result((lane + 1) * to_bits - 1 downto lane * to_bits) :=
        std_ulogic_vector(wrap(lane_value(data, lane, from_bits, is_signed), to_bits));
    end loop;
    return result;
  end function;

  function axis_element_bits (bits : positive) return positive is
  begin
    return 8 * 2 ** clog2((bits + 7) / 8);
  end function;

end package body;
