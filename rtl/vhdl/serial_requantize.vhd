-- Scales accumulators to output codes, exactly and without a multiplier: an addition for each bit of it.
--
--   channel = fold * lanes + lane
--   output(lane) = clamp((input(lane) * multiplier(channel) + offset(channel)) >> shift, low, high)
--
-- The same as requantize, with the same parameters, for multipliers that are not negative and shifts that
-- are at least as long. With n = multiplier_bits - 1, and m and r for multiplier and offset,
--
--   sum(0) = 0
--   sum(i + 1) = floor((sum(i) + input * bit i of m + bit i of r) / 2)    for i = 0 .. n - 1
--   sum(n + 1) = floor((sum(n) + floor(r / 2 ** n)) / 2)
--
-- so that sum(n + 1) = floor((input * m + r) / 2 ** (n + 1)): what is shifted out cannot change a floor. All
-- but the last are as wide as the input. The bit of r is the adder's carry.
--
-- Beat order: unchanged, fold 0 .. folds - 1 of each pixel; valid only, never stalled. The next beat comes
-- multiplier_bits edges later at the earliest.
-- Latency: multiplier_bits + 2 edges: operand and first bits, an edge for each sum, clamp.
-- Cycles per frame: multiplier_bits per beat.
-- Limits: an adder and a table of 2 bits for each bit of a multiplier, in each lane.

library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;

use work.millrace_pkg.all;

entity serial_requantize is
  generic (
    -- Width of the signed values that come in, and of the adder.
    input_bits : positive;
    -- Width of the codes that go out, and whether they are signed.
    output_bits : positive range 1 to 16;
    output_signed : boolean;
    -- Width of the signed multipliers, none of which is negative: edges per beat.
    multiplier_bits : positive range 2 to 64;
    -- Width of the signed offsets.
    offset_bits : positive;
    -- Bits shifted out, at least multiplier_bits; wires only.
    shift : natural;
    -- Least and greatest code: a fused ReLU or clip.
    low : integer;
    high : integer;
    -- Values per beat: one adder each.
    lanes : positive;
    -- Beats per pixel: words of the parameter ROMs.
    folds : positive;
    -- One number per channel.
    multipliers : rom_words_t;
    offsets : rom_words_t
  );
  port (
    clk : in std_ulogic;
    reset : in std_ulogic;
    --
    input_valid : in std_ulogic;
    input_data : in std_ulogic_vector(lanes * input_bits - 1 downto 0);
    --
    output_valid : out std_ulogic := '0';
    output_data : out std_ulogic_vector(lanes * output_bits - 1 downto 0)
  );
end entity;

architecture rtl of serial_requantize is

  constant range_is_right : boolean := require(low <= high,
    "serial_requantize: low must not exceed high; got " & integer'image(low) & " .. " & integer'image(high));
  constant low_is_right : boolean := require(fits(low, output_bits, output_signed),
    "serial_requantize: low must fit the output; got " & integer'image(low));
  constant high_is_right : boolean := require(fits(high, output_bits, output_signed),
    "serial_requantize: high must fit the output; got " & integer'image(high));
  constant shift_is_long : boolean := require(shift >= multiplier_bits,
    "serial_requantize: shift must be at least multiplier_bits; got " & integer'image(shift));
  constant multipliers_are_complete : boolean := require(
    rom_holds(multipliers, folds * lanes * multiplier_bits),
    "serial_requantize: multipliers must hold one number per channel in rows of 256 bits; rows got "
    & integer'image(multipliers'length));
  constant offsets_are_complete : boolean := require(rom_holds(offsets, folds * lanes * offset_bits),
    "serial_requantize: offsets must hold one number per channel in rows of 256 bits; rows got "
    & integer'image(offsets'length));

  function negative_multipliers return natural is
    variable count : natural := 0;
    variable factor : std_ulogic_vector(multiplier_bits - 1 downto 0);
  begin
    for channel in 0 to folds * lanes - 1 loop
      factor := rom_slice(multipliers, channel * multiplier_bits, multiplier_bits);
      if factor(multiplier_bits - 1) then
        count := count + 1;
      end if;
    end loop;
    return count;
  end function;

  constant none_is_negative : boolean := require(negative_multipliers = 0,
    "serial_requantize: no multiplier must be negative; got " & integer'image(negative_multipliers));

  -- Bits of a multiplier without its sign, and the edges of a beat.
  constant factor_bits : positive := multiplier_bits - 1;
  constant last_step : positive := factor_bits;
  -- The offset above those bits.
  constant upper_bits : positive := larger(offset_bits - factor_bits, 1);
  constant sum_bits : positive := larger(input_bits, upper_bits);
  -- The last sum, shifted by what is left of the shift.
  constant scaled_bits : positive := sum_bits - smaller(shift - multiplier_bits, sum_bits - 1);

  constant step_bits : positive := clog2(last_step + 1);
  constant steps : positive := 2 ** step_bits;

  function offset_of (channel : natural) return signed is
  begin
    return wrap(signed(rom_slice(offsets, channel * offset_bits, offset_bits)), factor_bits + upper_bits);
  end function;

  -- For each lane a bit of the multiplier above one of the offset.
  function digits_of (fold, step : natural) return std_ulogic_vector is
    variable digits : std_ulogic_vector(2 * lanes - 1 downto 0);
    variable factor : std_ulogic_vector(multiplier_bits - 1 downto 0);
    variable offset : signed(factor_bits + upper_bits - 1 downto 0);
  begin
    for lane in 0 to lanes - 1 loop
      factor := rom_slice(multipliers, (fold * lanes + lane) * multiplier_bits, multiplier_bits);
      offset := offset_of(fold * lanes + lane);
      digits(2 * lane) := offset(step);
      digits(2 * lane + 1) := factor(step);
    end loop;
    return digits;
  end function;

  function upper_of (fold : natural) return std_ulogic_vector is
    variable upper : std_ulogic_vector(lanes * upper_bits - 1 downto 0);
    variable offset : signed(factor_bits + upper_bits - 1 downto 0);
  begin
    for lane in 0 to lanes - 1 loop
      offset := offset_of(fold * lanes + lane);
      upper((lane + 1) * upper_bits - 1 downto lane * upper_bits) :=
        std_ulogic_vector(offset(factor_bits + upper_bits - 1 downto factor_bits));
    end loop;
    return upper;
  end function;

  -- Whether both tables have ones enough that none is taken for zero: see spare_rows of millrace_pkg.
  function have_ones return boolean is
    variable of_digits, of_uppers : natural := 0;
  begin
    for fold in 0 to folds - 1 loop
      for step in 0 to factor_bits - 1 loop
        of_digits := of_digits + number_of_ones(digits_of(fold, step));
      end loop;
      of_uppers := of_uppers + number_of_ones(upper_of(fold));
      exit when of_digits > 32 and of_uppers > 32;
    end loop;
    return of_digits > 32 and (of_uppers > 32 or of_uppers = 0);
  end function;

  -- Powers of two, because GHDL counts words from the end.
  constant fold_bits : positive := clog2(larger(folds + either(have_ones, 0, 1), 2));
  constant last_fold : positive := 2 ** fold_bits - 1;

  -- Digits are read of one table as long as that is a few LUTs, else those of a fold are read at once, when
  -- the fold before has gone.
  constant reads_digits : boolean := folds * steps <= 128 or factor_bits < 4;
  -- Up to four folds the table of the upper bits is part of the adder's LUTs.
  constant reads_late : boolean := folds <= 4;
  -- Digits in a word of the table.
  constant word_steps : positive := either(reads_digits, 1, steps);
  -- Tables may be block RAM, and have two registers; the second one of the upper bits takes a step more.
  constant holds_upper : boolean := factor_bits > 1;

  subtype word_t is std_ulogic_vector(word_steps * 2 * lanes - 1 downto 0);
  type words_t is array (0 to (last_fold + 1) * either(reads_digits, steps, 1) - 1) of word_t;
  type uppers_t is array (0 to last_fold) of std_ulogic_vector(lanes * upper_bits - 1 downto 0);

  function words return words_t is
    variable rom : words_t := (others => (others => '1'));
  begin
    for fold in 0 to folds - 1 loop
      if reads_digits then
        for step in 0 to factor_bits - 1 loop
          rom(fold * steps + step) := digits_of(fold, step);
        end loop;
      else
        for step in 0 to factor_bits - 1 loop
          rom(fold)((step + 1) * 2 * lanes - 1 downto step * 2 * lanes) := digits_of(fold, step);
        end loop;
      end if;
    end loop;
    return rom;
  end function;

  function uppers return uppers_t is
    variable rom : uppers_t := (others => (others => '1'));
  begin
    for fold in 0 to folds - 1 loop
      rom(fold) := upper_of(fold);
    end loop;
    return rom;
  end function;

  constant word_rom : words_t := words;
  constant upper_rom : uppers_t := uppers;

  attribute rom_style : string;
  attribute rom_style of word_rom : constant is
    rom_style_of(word_rom'length, 2 * lanes * either(reads_digits, 1, factor_bits));
  attribute rom_style of upper_rom : constant is rom_style_of(last_fold + 1, lanes * upper_bits);

  -- The fold of the next beat, and of this one.
  signal next_fold, fold : natural range 0 to last_fold := 0;
  -- Behind the next one: no counter is the address of a table, because yosys would share pieces of both.
  signal word_fold : natural range 0 to last_fold := 0;
  signal step : natural range 0 to last_step := 0;
  -- A beat comes or is under way; its last step.
  signal is_active, is_ending : std_ulogic;
  signal operand : std_ulogic_vector(lanes * input_bits - 1 downto 0);
  signal read_word, word : word_t;
  -- Zero between beats, so that the sums stay zero, and with a last step, which adds the upper bits alone.
  signal next_digits, digits : std_ulogic_vector(2 * lanes - 1 downto 0) := (others => '0');
  signal read_upper, held_upper, upper : std_ulogic_vector(lanes * upper_bits - 1 downto 0);
  -- Beside the digits: of the last step. It, and a reset, makes the next sum start from zero.
  signal is_last : std_ulogic := '0';
  signal clears : std_ulogic := '1';
  signal result_valid : std_ulogic := '0';

begin

  is_active <= '1' when input_valid = '1' or step /= 0 else '0';
  is_ending <= '1' when step = last_step else '0';

  load : process (clk)
  begin
    if rising_edge(clk) then
      if input_valid then
        operand <= input_data;
        -- pragma translate_off
        assert step = 0 report "serial_requantize: beats must come multiplier_bits edges apart"
          severity failure;
        -- pragma translate_on
        fold <= next_fold;
      end if;
      read_upper <= upper_rom(fold);
      held_upper <= read_upper;
    end if;
  end process;

  upper <= upper_rom(fold) when reads_late else held_upper when holds_upper else read_upper;

  digit_by_digit : if reads_digits generate
    next_digits <= word_rom(to_integer(to_unsigned(next_fold, fold_bits) & to_unsigned(step, step_bits)));
  end generate;

  fold_by_fold : if not reads_digits generate
    read : process (clk)
    begin
      if rising_edge(clk) then
        word_fold <= next_fold;
        read_word <= word_rom(word_fold);
        word <= read_word;
      end if;
    end process;

    next_digits <= word(step * 2 * lanes + 2 * lanes - 1 downto step * 2 * lanes);
  end generate;

  scale_lanes : for lane in 0 to lanes - 1 generate
    signal sum : signed(input_bits - 1 downto 0);
    signal addend : signed(sum_bits downto 0);
    signal next_sum : signed(sum_bits downto 0);
    signal result : signed(sum_bits - 1 downto 0);
    signal scaled : signed(scaled_bits - 1 downto 0);
  begin

    addend <=
      wrap(lane_value(upper, lane, upper_bits, true), sum_bits + 1) when is_last else
      wrap(lane_value(operand, lane, input_bits, true), sum_bits + 1) when digits(2 * lane + 1) else
      (others => '0');
    next_sum <= add_with_carry(resize(sum, sum_bits + 1), addend, digits(2 * lane));

    add : process (clk)
    begin
      if rising_edge(clk) then
        result <= next_sum(sum_bits downto 1);
        sum <= next_sum(input_bits downto 1);
        if clears then
          sum <= (others => '0');
        end if;
      end if;
    end process;

    -- Floor shift. It is no shift_right: GHDL 2.0 writes wrong Verilog for a shift of signed numbers.
    scaled <= result(sum_bits - 1 downto sum_bits - scaled_bits);

    limit : process (clk)
      variable near : signed(output_bits downto 0);
      variable is_far : std_ulogic;
    begin
      if rising_edge(clk) then
        near := wrap(scaled, output_bits + 1);
        is_far := '1' when wrap(near, larger(scaled_bits, output_bits + 1))
          /= wrap(scaled, larger(scaled_bits, output_bits + 1)) else '0';
        output_data((lane + 1) * output_bits - 1 downto lane * output_bits) <=
          limit_code(near, is_far, scaled(scaled_bits - 1), low, high);
      end if;
    end process;

  end generate;

  control : process (clk)
  begin
    if rising_edge(clk) then
      digits <= next_digits;
      if not is_active or is_ending then
        digits <= (others => '0');
      end if;
      if is_active then
        step <= 0 when step = last_step else step + 1;
        -- Early, so that the next word is there when the last digit of this one has been read. A counter
        -- of one value is left out: GHDL's synthesis refuses its sum.
        if folds > 1 and step = last_step - either(reads_digits, 1, 4) then
          next_fold <= 0 when next_fold = folds - 1 else next_fold + 1;
        end if;
      end if;
      is_last <= is_ending;
      clears <= is_ending;
      result_valid <= is_last;
      output_valid <= result_valid;

      if reset then
        next_fold <= 0;
        step <= 0;
        digits <= (others => '0');
        is_last <= '0';
        clears <= '1';
        result_valid <= '0';
        output_valid <= '0';
      end if;
    end if;
  end process;

end architecture;
