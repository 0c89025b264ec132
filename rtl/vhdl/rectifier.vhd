-- Two lines that meet at a code, for each channel or for each value of a frame: a PReLU.
--
--   n    = beat of the frame modulo folds * lanes + lane
--   side = 1 if input(n) >= knee else 0
--   output(n) = clamp((input(n) * multiplier(n, side) + offset(n, side)) >> shift, low, high)
--
-- The shift is arithmetic (floor). Parameters are stored as n slowest, side 0 below side 1.
--
-- Beat order: unchanged; `folds` beats have parameters of their own, then the first again: the beats of
-- a pixel, or all beats of a frame.
-- Latency: 5 edges from taking a beat to its push into the FIFO (operand and both sides' parameters,
-- side, product, sum, shift and clamp); it can be taken one edge later.
-- Cycles per frame: one per beat.
-- Limits: a beat per cycle needs fifo_depth >= 7. Multiplier and sum are one DSP48 per lane up to
-- 25 x 18 bits.

library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;

use work.millrace_pkg.all;

entity rectifier is
  generic (
    -- One value on each side.
    input_bits : positive range 1 to 16;
    input_signed : boolean;
    output_bits : positive range 1 to 16;
    output_signed : boolean;
    -- Values per beat: one multiplier each.
    lanes : positive;
    -- Beats with parameters of their own: words of the parameter ROMs.
    folds : positive;
    -- Smallest code of side 1.
    knee : integer;
    -- Width of the signed multipliers: more than 18 bits cost a second DSP48 per lane.
    multiplier_bits : positive;
    -- Width of the signed offsets.
    offset_bits : positive;
    -- Bits shifted out; wires only.
    shift : natural;
    -- Least and greatest code.
    low : integer;
    high : integer;
    -- Two numbers per value, side 0 first.
    multipliers : rom_words_t;
    offsets : rom_words_t;
    -- Beats of the output FIFO.
    fifo_depth : positive
  );
  port (
    clk : in std_ulogic;
    reset : in std_ulogic;
    --
    input_ready : out std_ulogic;
    input_valid : in std_ulogic;
    input_data : in std_ulogic_vector(lanes * input_bits - 1 downto 0);
    --
    output_ready : in std_ulogic;
    output_valid : out std_ulogic;
    output_data : out std_ulogic_vector(lanes * output_bits - 1 downto 0)
  );
end entity;

architecture rtl of rectifier is

  constant knee_is_right : boolean := require(fits(knee, input_bits, input_signed),
    "rectifier: knee must fit the input; got " & integer'image(knee));
  constant range_is_right : boolean := require(low <= high,
    "rectifier: low must not exceed high; got " & integer'image(low) & " .. " & integer'image(high));
  constant low_is_right : boolean := require(fits(low, output_bits, output_signed),
    "rectifier: low must fit the output; got " & integer'image(low));
  constant high_is_right : boolean := require(fits(high, output_bits, output_signed),
    "rectifier: high must fit the output; got " & integer'image(high));
  constant multipliers_are_complete : boolean := require(
    rom_holds(multipliers, folds * lanes * 2 * multiplier_bits),
    "rectifier: multipliers must hold two numbers per value in rows of 256 bits; rows got "
    & integer'image(multipliers'length));
  constant offsets_are_complete : boolean := require(
    rom_holds(offsets, folds * lanes * 2 * offset_bits),
    "rectifier: offsets must hold two numbers per value in rows of 256 bits; rows got "
    & integer'image(offsets'length));

  constant latency : positive := 5;
  constant value_width : positive := value_bits(input_bits, input_signed);
  constant product_bits : positive := value_width + multiplier_bits;
  constant sum_bits : positive := larger(product_bits, offset_bits) + 1;

  -- Beyond the words that are read
  constant spare : natural := larger(spare_rows(multipliers, folds * lanes * 2 * multiplier_bits),
    spare_rows(offsets, folds * lanes * 2 * offset_bits));
  constant last_word : natural := folds - 1 + spare;

  type multiplier_rom_t is array (0 to last_word) of
    std_ulogic_vector(lanes * 2 * multiplier_bits - 1 downto 0);
  type offset_rom_t is array (0 to last_word) of
    std_ulogic_vector(lanes * 2 * offset_bits - 1 downto 0);

  function multiplier_words return multiplier_rom_t is
    variable rom : multiplier_rom_t := (others => (others => '1'));
  begin
    for fold in 0 to folds - 1 loop
      rom(fold) := rom_slice(multipliers, fold * lanes * 2 * multiplier_bits, lanes * 2 * multiplier_bits);
    end loop;
    return rom;
  end function;

  function offset_words return offset_rom_t is
    variable rom : offset_rom_t := (others => (others => '1'));
  begin
    for fold in 0 to folds - 1 loop
      rom(fold) := rom_slice(offsets, fold * lanes * 2 * offset_bits, lanes * 2 * offset_bits);
    end loop;
    return rom;
  end function;

  constant multiplier_rom : multiplier_rom_t := multiplier_words;
  constant offset_rom : offset_rom_t := offset_words;

  -- The last stage: floor shift, then clamp; no shift_right, see `requantize`.
  function code (sum : signed(sum_bits - 1 downto 0)) return std_ulogic_vector is
    constant scaled : signed(sum_bits - 1 downto 0) :=
      resize(sum(sum_bits - 1 downto smaller(shift, sum_bits - 1)), sum_bits);
  begin
    return clamp(scaled, low, high, output_bits);
  end function;

  signal reservable, take : std_ulogic;
  signal fold : natural range 0 to last_word := 0;
  signal operand : std_ulogic_vector(input_data'range);
  signal multiplier_pairs : std_ulogic_vector(lanes * 2 * multiplier_bits - 1 downto 0);
  signal offset_pairs : std_ulogic_vector(lanes * 2 * offset_bits - 1 downto 0);
  signal result : std_ulogic_vector(output_data'range);
  signal valid : std_ulogic_vector(1 to latency) := (others => '0');

begin

  input_ready <= reservable;
  take <= input_valid and reservable;

  ------------------------------------------------------------------------------
  load : process (clk)
  begin
    if rising_edge(clk) then
      operand <= input_data;
      multiplier_pairs <= multiplier_rom(fold);
      offset_pairs <= offset_rom(fold);
    end if;
  end process;

  ------------------------------------------------------------------------------
  each_lane : for lane in 0 to lanes - 1 generate
    signal value : signed(value_width - 1 downto 0);
    signal multiplier : signed(multiplier_bits - 1 downto 0);
    signal offset, offset_delayed : signed(offset_bits - 1 downto 0);
    signal product : signed(product_bits - 1 downto 0);
    signal sum : signed(sum_bits - 1 downto 0);
  begin

    compute : process (clk)
      variable present : signed(value_width - 1 downto 0);
    begin
      if rising_edge(clk) then
        present := lane_value(operand, lane, input_bits, input_signed);
        value <= present;
        if present >= to_signed(knee, value_width) then
          multiplier <= lane_value(multiplier_pairs, 2 * lane + 1, multiplier_bits, true);
          offset <= lane_value(offset_pairs, 2 * lane + 1, offset_bits, true);
        else
          multiplier <= lane_value(multiplier_pairs, 2 * lane, multiplier_bits, true);
          offset <= lane_value(offset_pairs, 2 * lane, offset_bits, true);
        end if;
        product <= value * multiplier;
        offset_delayed <= offset;
        sum <= resize(product, sum_bits) + resize(offset_delayed, sum_bits);
        result((lane + 1) * output_bits - 1 downto lane * output_bits) <= code(sum);
      end if;
    end process;

  end generate;

  ------------------------------------------------------------------------------
  control : process (clk)
  begin
    if rising_edge(clk) then
      if take then
        -- GHDL's synthesis refuses the sum where a counter has but one value.
        if folds > 1 then
          fold <= 0 when fold = folds - 1 else fold + 1;
        end if;
      end if;
      valid <= take & valid(1 to latency - 1);

      if reset then
        fold <= 0;
        valid <= (others => '0');
      end if;
    end if;
  end process;

  ------------------------------------------------------------------------------
  output_fifo : entity work.reserving_fifo
    generic map (
      depth => fifo_depth,
      width => lanes * output_bits
    )
    port map (
      clk => clk,
      reset => reset,
      --
      reservable => reservable,
      reserve => take,
      --
      input_valid => valid(latency),
      input_data => result,
      --
      output_ready => output_ready,
      output_valid => output_valid,
      output_data => output_data
    );

end architecture;
