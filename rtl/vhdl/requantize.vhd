-- Scales accumulators to output codes, exactly: one multiplier and one offset per channel.
--
--   channel = fold * lanes + lane
--   output(lane) = clamp((input(lane) * multiplier(channel) + offset(channel)) >> shift, low, high)
--
-- The shift is arithmetic (floor). The offset holds the rounding constant, the output's zero point
-- times 2 ** shift and whatever is added to the accumulator, such as a convolution's bias.
--
-- Beat order: unchanged, fold 0 .. folds - 1 of each pixel; valid only, never stalled.
-- Latency: 5 edges. Where multipliers add (factor_bits of 25 and more): parameters and operand, product, sum,
-- shift and what is out of range, clamp. Where they do not, their products have a way to go to the adders:
-- parameters and operand, product, product beside the adder, sum, shift and clamp.
-- Cycles per frame: one per beat.
-- Multipliers that are the same for all folds are constants.
-- Limits: multiplier and sum are one DSP48 per lane up to 25 x 18 bits, 48-bit sums. Values wider than
-- factor_bits have two products, of their upper and of their lower bits, that the sum joins.

library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;

use work.millrace_pkg.all;

entity requantize is
  generic (
    -- Width of the signed values that come in.
    input_bits : positive;
    -- Width of the codes that go out, and whether they are signed.
    output_bits : positive range 1 to 16;
    output_signed : boolean;
    -- Width of the wider signed factor of a multiplier: 25 of 7-series, 27 of UltraScale, 18 of ECP5.
    factor_bits : positive range 2 to 64 := 25;
    -- Whether products are made in logic instead of multipliers.
    in_logic : boolean := false;
    -- Width of the signed multipliers: more than 18 bits cost a second DSP48 per lane.
    multiplier_bits : positive;
    -- Width of the signed offsets.
    offset_bits : positive;
    -- Bits shifted out; wires only.
    shift : natural;
    -- Least and greatest code: a fused ReLU or clip.
    low : integer;
    high : integer;
    -- Values per beat: one multiplier each.
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

architecture rtl of requantize is

  constant range_is_right : boolean := require(low <= high,
    "requantize: low must not exceed high; got " & integer'image(low) & " .. " & integer'image(high));
  constant low_is_right : boolean := require(fits(low, output_bits, output_signed),
    "requantize: low must fit the output; got " & integer'image(low));
  constant high_is_right : boolean := require(fits(high, output_bits, output_signed),
    "requantize: high must fit the output; got " & integer'image(high));
  constant multipliers_are_complete : boolean := require(
    rom_holds(multipliers, folds * lanes * multiplier_bits),
    "requantize: multipliers must hold one number per channel in rows of 256 bits; rows got "
    & integer'image(multipliers'length));
  constant offsets_are_complete : boolean := require(rom_holds(offsets, folds * lanes * offset_bits),
    "requantize: offsets must hold one number per channel in rows of 256 bits; rows got "
    & integer'image(offsets'length));

  constant is_split : boolean := input_bits > factor_bits and not in_logic;
  -- Bits of the lower part, to which a zero makes a sign.
  constant low_bits : natural := either(is_split, factor_bits - 1, 0);
  constant product_bits : positive := input_bits + multiplier_bits;
  constant sum_bits : positive := larger(product_bits, offset_bits) + 1;

  -- Beyond the words that are read
  constant spare : natural := larger(spare_rows(multipliers, folds * lanes * multiplier_bits),
    spare_rows(offsets, folds * lanes * offset_bits));
  -- Of few words a power of two: GHDL counts them from the end, which takes an adder otherwise.
  constant words : positive := folds + spare;
  constant last_word : natural := either(words <= 64, 2 ** clog2(words), words) - 1;

  type multiplier_rom_t is array (0 to last_word) of
    std_ulogic_vector(lanes * multiplier_bits - 1 downto 0);
  type offset_rom_t is array (0 to last_word) of std_ulogic_vector(lanes * offset_bits - 1 downto 0);

  function multiplier_words return multiplier_rom_t is
    variable rom : multiplier_rom_t := (others => (others => '1'));
  begin
    for fold in 0 to folds - 1 loop
      rom(fold) := rom_slice(multipliers, fold * lanes * multiplier_bits, lanes * multiplier_bits);
    end loop;
    return rom;
  end function;

  function offset_words return offset_rom_t is
    variable rom : offset_rom_t := (others => (others => '1'));
  begin
    for fold in 0 to folds - 1 loop
      rom(fold) := rom_slice(offsets, fold * lanes * offset_bits, lanes * offset_bits);
    end loop;
    return rom;
  end function;

  -- Whether every fold has the same multipliers: then they are constants, and powers of two are wires.
  function multipliers_are_same return boolean is
    constant bits : positive := lanes * multiplier_bits;
  begin
    for fold in 1 to folds - 1 loop
      if rom_slice(multipliers, fold * bits, bits) /= rom_slice(multipliers, 0, bits) then
        return false;
      end if;
    end loop;
    return true;
  end function;

  constant is_same : boolean := multipliers_are_same;
  constant multiplier_rom : multiplier_rom_t := multiplier_words;
  constant offset_rom : offset_rom_t := offset_words;
  attribute rom_style of multiplier_rom : constant is rom_style_of(last_word + 1, lanes * multiplier_bits);
  attribute rom_style of offset_rom : constant is rom_style_of(last_word + 1, lanes * offset_bits);

  -- Whether the sum is made beside the multiplier, not in it.
  constant adds_apart : boolean := factor_bits < 25 or in_logic;
  -- The shifted sum.
  constant scaled_bits : positive := sum_bits - smaller(shift, sum_bits - 1);

  -- The word to read, and the one behind it. yosys shares logic of a counter with tables that it is the address
  -- of: the way to them would lead through its adder.
  signal fold : natural range 0 to last_word := 0;
  signal next_fold : natural range 0 to last_word := 1 mod folds;
  signal operand : std_ulogic_vector(lanes * input_bits - 1 downto 0);
  signal multiplier : std_ulogic_vector(lanes * multiplier_bits - 1 downto 0);
  -- Beside multiplier, product, and product beside the adder.
  signal offset, product_offset, late_offset, added_offset : std_ulogic_vector(
    lanes * offset_bits - 1 downto 0);
  -- Always zero.
  signal zero : std_ulogic := '0';
  -- Beside all registers but the last.
  signal valid : std_ulogic_vector(1 to 4) := (others => '0');

begin

  load : process (clk)
  begin
    if rising_edge(clk) then
      zero <= zero and (input_valid xor reset);
      operand <= input_data;
      multiplier <= multiplier_rom(fold);
      offset <= offset_rom(fold);
      product_offset <= offset;
      late_offset <= product_offset;
    end if;
  end process;

  added_offset <= late_offset when adds_apart else product_offset;

  scale_lanes : for lane in 0 to lanes - 1 generate
    -- Of its own, because a row of all lanes may be zero but for its top: see spare_rows of millrace_pkg.
    constant same_factor : signed(multiplier_bits - 1 downto 0) :=
      signed(rom_slice(multipliers, lane * multiplier_bits, multiplier_bits));

    signal sum : signed(sum_bits - 1 downto 0);
    signal factor : signed(multiplier_bits - 1 downto 0);
    signal lowest : std_ulogic;
    -- The shifted sum where it is near the codes, and what it is else.
    signal scaled : signed(scaled_bits - 1 downto 0);
    signal near, limited : signed(output_bits downto 0);
    signal is_far, is_negative, limited_is_far, limited_is_negative : std_ulogic;
  begin

    -- A register, which other tools than GHDL see through: it would multiply by a negative constant wrongly. The
    -- lowest bit of an even one, unless it is a shift, yosys shall take for a signal: it would leave that bit of
    -- the product out, no longer see that the other factor is a number extended by its sign, and cut it in two.
    lowest <= zero when number_of_ones(std_ulogic_vector(same_factor)) > 1 else '0';

    constant_factor : if is_same generate
      load_factor : process (clk)
      begin
        if rising_edge(clk) then
          factor <= same_factor or resize(signed'('0' & lowest), multiplier_bits);
        end if;
      end process;
    end generate;

    read_factor : if not is_same generate
      factor <= lane_value(multiplier, lane, multiplier_bits, true);
    end generate;

    whole : if not is_split and not in_logic generate
      signal product, late_product, added_product : signed(product_bits - 1 downto 0);
    begin

      added_product <= late_product when adds_apart else product;

      multiply : process (clk)
      begin
        if rising_edge(clk) then
          product <= lane_value(operand, lane, input_bits, true) * factor;
          late_product <= product;
          sum <= resize(added_product, sum_bits)
            + resize(lane_value(added_offset, lane, offset_bits, true), sum_bits);
        end if;
      end process;

    end generate;

    parts : if is_split generate
      signal low : std_ulogic_vector(low_bits downto 0);
      signal high : std_ulogic_vector(input_bits - low_bits - 1 downto 0);
      signal low_product, late_low_product, added_low_product : signed(low_bits + multiplier_bits downto 0);
      signal high_product, late_high_product, added_high_product : signed(
        product_bits - low_bits - 1 downto 0);
    begin

      low <= '0' & operand(lane * input_bits + low_bits - 1 downto lane * input_bits);
      high <= operand((lane + 1) * input_bits - 1 downto lane * input_bits + low_bits);
      added_low_product <= late_low_product when adds_apart else low_product;
      added_high_product <= late_high_product when adds_apart else high_product;

      multiply : process (clk)
      begin
        if rising_edge(clk) then
          low_product <= signed(low) * factor;
          high_product <= signed(high) * factor;
          late_low_product <= low_product;
          late_high_product <= high_product;
          sum <= resize(added_low_product, sum_bits)
            + resize(signed(std_ulogic_vector'(
              std_ulogic_vector(added_high_product) & (low_bits - 1 downto 0 => '0'))), sum_bits)
            + resize(lane_value(added_offset, lane, offset_bits, true), sum_bits);
        end if;
      end process;

    end generate;

    without : if in_logic generate
      constant part_bits : positive := input_bits + 2;
      signal parts : std_ulogic_vector((multiplier_bits + 1) / 2 * part_bits - 1 downto 0);
      signal negative : std_ulogic;
      signal product : signed(product_bits - 1 downto 0);
    begin

      multiply : process (clk)
      begin
        if rising_edge(clk) then
          parts <= multiples(lane_value(operand, lane, input_bits, true),
            lane_value(multiplier, lane, multiplier_bits, true));
          negative <= multiplier((lane + 1) * multiplier_bits - 1);
          product <= sum_of_multiples(parts, part_bits, negative, product_bits);
          sum <= resize(product, sum_bits)
            + resize(lane_value(added_offset, lane, offset_bits, true), sum_bits);
        end if;
      end process;

    end generate;

    -- Floor shift. It is no shift_right: GHDL 2.0 writes wrong Verilog for a shift of signed numbers.
    scaled <= sum(sum_bits - 1 downto sum_bits - scaled_bits);
    near <= wrap(scaled, output_bits + 1);
    is_far <= '1' when wrap(near, larger(scaled_bits, output_bits + 1))
      /= wrap(scaled, larger(scaled_bits, output_bits + 1)) else '0';
    is_negative <= scaled(scaled_bits - 1);

    apart : if adds_apart generate
      limited <= near;
      limited_is_far <= is_far;
      limited_is_negative <= is_negative;
    end generate;

    joined : if not adds_apart generate
      hold : process (clk)
      begin
        if rising_edge(clk) then
          limited <= near;
          limited_is_far <= is_far;
          limited_is_negative <= is_negative;
        end if;
      end process;
    end generate;

    limit : process (clk)
    begin
      if rising_edge(clk) then
        output_data((lane + 1) * output_bits - 1 downto lane * output_bits) <=
          limit_code(limited, limited_is_far, limited_is_negative, low, high);
      end if;
    end process;

  end generate;

  control : process (clk)
  begin
    if rising_edge(clk) then
      if input_valid then
        -- GHDL's synthesis refuses the sum where a counter has but one value.
        if folds > 1 then
          fold <= next_fold;
          next_fold <= 0 when next_fold = folds - 1 else next_fold + 1;
        end if;
      end if;
      valid <= input_valid & valid(1 to 3);
      output_valid <= valid(4);

      if reset then
        fold <= 0;
        next_fold <= 1 mod folds;
        valid <= (others => '0');
        output_valid <= '0';
      end if;
    end if;
  end process;

end architecture;
