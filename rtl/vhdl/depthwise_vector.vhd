-- Multiplies the groups of a window with constant weights, each channel with `multiplier` of its own.
--
--   channel = block * lanes + lane
--   output(lane) = sum over step, tap:
--     input at step (tap, lane / multiplier) * weight(channel, step * taps + tap)
--
-- A group is `steps` input beats, `taps` taps of lanes / multiplier channels each, and gives one output beat; the
-- groups of one pixel follow for block 0 .. blocks - 1. Canonical order of the weights: output channel
-- slowest, then kernel row, kernel column.
--
-- Beat order: one output beat per group, in order; valid only, never stalled.
-- Latency: 4 + ceil(log2(taps)) edges from the issue of the group's last beat, which is the edge before
-- the one that takes it here: ROM and input register, operands, products, one register per level of the
-- adder tree, accumulator.
-- Cycles per frame: one per input beat.
-- Limits: as of matrix_vector.

library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;

use work.millrace_pkg.all;

entity depthwise_vector is
  generic (
    -- Width of an input value, and whether it is signed.
    activation_bits : positive range 1 to 16;
    activation_signed : boolean;
    -- Width of a weight, and whether it is signed.
    weight_bits : positive range 1 to 16;
    weight_signed : boolean;
    -- Width of the signed sums: adder and register of each lane.
    accumulator_bits : positive;
    -- Output channels at a time: `taps` multipliers each.
    lanes : positive;
    -- Output channels of each input channel; divides lanes.
    multiplier : positive := 1;
    -- Groups per pixel, output channels / lanes. The ROM has blocks * steps words.
    blocks : positive;
    -- Beats per group: taps of the window over `taps`.
    steps : positive;
    -- Taps per beat, all channels of one before those of the next: lanes * taps multipliers.
    taps : positive := 1;
    -- Whether products are made in logic instead of multipliers: see row_sums.
    in_logic : boolean := false;
    -- blocks * lanes * steps * taps weights in canonical order.
    weights : rom_words_t
  );
  port (
    clk : in std_ulogic;
    reset : in std_ulogic;
    --
    input_valid : in std_ulogic;
    input_data : in std_ulogic_vector(taps * (lanes / multiplier) * activation_bits - 1 downto 0);
    --
    output_valid : out std_ulogic := '0';
    output_data : out std_ulogic_vector(lanes * accumulator_bits - 1 downto 0)
  );
end entity;

architecture rtl of depthwise_vector is

  constant weights_are_complete : boolean := require(
    rom_holds(weights, blocks * lanes * steps * taps * weight_bits),
    "depthwise_vector: weights must hold blocks * lanes * steps * taps numbers in rows of 256 bits; rows got "
    & integer'image(weights'length));

  constant multiplier_divides : boolean := require(lanes mod multiplier = 0,
    "depthwise_vector: multiplier must divide lanes; got " & integer'image(multiplier));

  -- Beyond the words that are read
  constant spare : natural := spare_rows(weights, blocks * lanes * steps * taps * weight_bits);
  constant last_word : natural := blocks * steps - 1 + spare;
  -- Weights of a lane.
  constant piece : positive := taps * weight_bits;

  type rom_t is array (0 to last_word) of std_ulogic_vector(lanes * piece - 1 downto 0);

  function folded_weights return rom_t is
    variable rom : rom_t := (others => (others => '1'));
  begin
    for block_number in 0 to blocks - 1 loop
      for step in 0 to steps - 1 loop
        for lane in 0 to lanes - 1 loop
          rom(block_number * steps + step)((lane + 1) * piece - 1 downto lane * piece) :=
            rom_slice(weights, ((block_number * lanes + lane) * steps + step) * piece, piece);
        end loop;
      end loop;
    end loop;
    return rom;
  end function;

  constant rom : rom_t := folded_weights;
  attribute rom_style of rom : constant is rom_style_of(last_word + 1, lanes * piece);

  -- From the beat's arrival to its sum before the accumulator.
  constant delay : positive := 3 + clog2(taps);

  signal address : natural range 0 to last_word := 0;
  signal step : natural range 0 to steps - 1 := 0;

  signal rom_word : std_ulogic_vector(lanes * piece - 1 downto 0);
  signal activations : std_ulogic_vector(input_data'range);

  -- Valid, first and last beat of a group: beside what has just been read (1), and all that follows.
  signal valid, first, last : std_ulogic_vector(1 to delay) := (others => '0');

begin

  load : process (clk)
  begin
    if rising_edge(clk) then
      rom_word <= rom(address);
      activations <= input_data;
    end if;
  end process;

  each_lane : for lane in 0 to lanes - 1 generate
    signal taps_of_channel : std_ulogic_vector(taps * activation_bits - 1 downto 0);
  begin

    gather : for tap in 0 to taps - 1 generate
      constant place : natural := tap * (lanes / multiplier) + lane / multiplier;
    begin
      taps_of_channel((tap + 1) * activation_bits - 1 downto tap * activation_bits) <=
        activations((place + 1) * activation_bits - 1 downto place * activation_bits);
    end generate;

    sums : entity work.row_sums
      generic map (
        activation_bits => activation_bits,
        activation_signed => activation_signed,
        weight_bits => weight_bits,
        weight_signed => weight_signed,
        accumulator_bits => accumulator_bits,
        rows => 1,
        spacing => weight_bits,
        overlap => false,
        simd => taps,
        chain => 1,
        accumulates => steps > 1,
        in_logic => in_logic
      )
      port map (
        clk => clk,
        input_data => taps_of_channel,
        weight_data => rom_word((lane + 1) * piece - 1 downto lane * piece),
        sum_valid => valid(delay),
        sum_first => first(delay),
        output_data => output_data((lane + 1) * accumulator_bits - 1 downto lane * accumulator_bits)
      );

  end generate;

  control : process (clk)
  begin
    if rising_edge(clk) then
      if input_valid then
        -- GHDL's synthesis refuses the sum where a counter has but one value.
        if blocks * steps > 1 then
          address <= 0 when address = blocks * steps - 1 else address + 1;
        end if;
        if steps > 1 then
          step <= 0 when step = steps - 1 else step + 1;
        end if;
      end if;
      valid <= input_valid & valid(1 to delay - 1);
      first <= '1' & first(1 to delay - 1) when step = 0 else '0' & first(1 to delay - 1);
      last <= '1' & last(1 to delay - 1) when step = steps - 1 else '0' & last(1 to delay - 1);
      output_valid <= valid(delay) and last(delay);

      if reset then
        address <= 0;
        step <= 0;
        valid <= (others => '0');
        output_valid <= '0';
      end if;
    end if;
  end process;

end architecture;
