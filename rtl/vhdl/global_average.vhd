-- Average of each channel over the whole frame, as a sum and a requantization.
--
--   for each frame, for each channel c:
--     sum    = sum of input(p, c) over the pixels p
--     output = clamp((sum * multiplier(c) + offset(c)) >> shift, low, high)
--
-- Beat order: raster, channel fastest, `lanes` channels per beat; one pixel of output per frame.
-- The multiplier contains the division by the number of pixels.
--
-- Latency: 1 (sum) + 5 (requantize, or more: serial_requantize) edges from taking a beat of the last pixel to the push into the
-- FIFO; the beat can be taken one edge later.
-- Cycles per frame: pixels * channels / lanes; with serial requantization multiplier_bits for a beat of the
-- last pixel. Frames follow each other without a gap.
-- Memory: one sum per channel, registers if channels = lanes.
-- Limits: accumulator_bits must hold the sum; the sum wraps otherwise. The last pixel is taken at one
-- beat per cycle if fifo_depth >= min(channels / lanes, 8).

library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;

use work.millrace_pkg.all;

entity global_average is
  generic (
    -- Bits of one input channel.
    bits : positive range 1 to 32;
    is_signed : boolean;
    -- Channels per beat; divides channels; each costs an adder and a multiplier.
    lanes : positive;
    -- Pixels of a frame.
    pixels : positive;
    channels : positive;
    -- Bits of a (signed) sum.
    accumulator_bits : positive;
    -- Requantization: see `requantize`. Parameters in the order of the channels.
    output_bits : positive;
    output_signed : boolean;
    multiplier_bits : positive;
    offset_bits : positive;
    shift : natural;
    low : integer;
    high : integer;
    multipliers : rom_words_t;
    offsets : rom_words_t;
    -- What the requantization multiplies with; `serial` takes a beat every multiplier_bits edges.
    scaling : scaling_t := multiplied;
    -- Beats of the output FIFO.
    fifo_depth : positive
  );
  port (
    clk : in std_ulogic;
    reset : in std_ulogic;
    --
    input_ready : out std_ulogic;
    input_valid : in std_ulogic;
    input_data : in std_ulogic_vector(lanes * bits - 1 downto 0);
    --
    output_ready : in std_ulogic;
    output_valid : out std_ulogic;
    output_data : out std_ulogic_vector(lanes * output_bits - 1 downto 0)
  );
end entity;

architecture rtl of global_average is

  constant legal : boolean :=
    require(channels mod lanes = 0, "global_average: lanes must divide channels; got " & integer'image(lanes));

  constant folds : positive := channels / lanes;

  subtype sums_t is std_ulogic_vector(lanes * accumulator_bits - 1 downto 0);

  function add_lanes(left, right : sums_t) return sums_t is
    variable result : sums_t;
  begin
    for lane in 0 to lanes - 1 loop
      result((lane + 1) * accumulator_bits - 1 downto lane * accumulator_bits) := std_ulogic_vector(
        unsigned(left((lane + 1) * accumulator_bits - 1 downto lane * accumulator_bits))
        + unsigned(right((lane + 1) * accumulator_bits - 1 downto lane * accumulator_bits)));
    end loop;
    return result;
  end function;

  signal fold : natural range 0 to folds - 1 := 0;
  signal pixel : natural range 0 to pixels - 1 := 0;
  signal is_first : boolean := true;
  signal is_last : boolean := pixels = 1;
  signal step : std_ulogic;
  signal reservable : std_ulogic;
  signal reserve : std_ulogic;

  -- Of this step's channels: over the pixels before, and with this one
  signal past : sums_t;
  signal addend : sums_t;
  signal present : sums_t;

  signal sum : sums_t;
  signal sum_valid : std_ulogic := '0';
  signal average : std_ulogic_vector(lanes * output_bits - 1 downto 0);
  signal average_valid : std_ulogic;

begin

  step <= '1' when input_valid = '1' and (reservable = '1' or not is_last) else '0';
  reserve <= step when is_last else '0';
  input_ready <= '1' when reservable = '1' or not is_last else '0';

  ------------------------------------------------------------------------------
  control : process (clk)
    variable next_pixel : natural range 0 to pixels - 1;
  begin
    if rising_edge(clk) then
      if step then
        if fold /= folds - 1 then
          fold <= fold + 1;
        else
          fold <= 0;
          next_pixel := 0 when pixel = pixels - 1 else pixel + 1;
          pixel <= next_pixel;
          is_first <= next_pixel = 0;
          is_last <= next_pixel = pixels - 1;
        end if;
      end if;

      if reset then
        fold <= 0;
        pixel <= 0;
        is_first <= true;
        is_last <= pixels = 1;
      end if;
    end if;
  end process;

  ------------------------------------------------------------------------------
  addend <= (others => '0') when is_first else past;
  present <= add_lanes(addend, resize_lanes(input_data, bits, accumulator_bits, is_signed));

  storage : entity work.state_memory
    generic map (
      words => folds,
      width => lanes * accumulator_bits
    )
    port map (
      clk => clk,
      reset => reset,
      --
      step => step,
      index => fold,
      input_data => present,
      --
      output_data => past
    );

  ------------------------------------------------------------------------------
  sum_register : process (clk)
  begin
    if rising_edge(clk) then
      sum <= present;
      sum_valid <= reserve and not reset;
    end if;
  end process;

  at_once : if scaling /= serial generate
    divide : entity work.requantize
      generic map (
        input_bits => accumulator_bits,
        output_bits => output_bits,
        output_signed => output_signed,
        in_logic => scaling = multiplied_in_logic,
        multiplier_bits => multiplier_bits,
        offset_bits => offset_bits,
        shift => shift,
        low => low,
        high => high,
        lanes => lanes,
        folds => folds,
        multipliers => multipliers,
        offsets => offsets
      )
      port map (
        clk => clk,
        reset => reset,
        --
        input_valid => sum_valid,
        input_data => sum,
        --
        output_valid => average_valid,
        output_data => average
      );
  end generate;

  bit_by_bit : if scaling = serial generate
    divide : entity work.serial_requantize
      generic map (
        input_bits => accumulator_bits,
        output_bits => output_bits,
        output_signed => output_signed,
        multiplier_bits => multiplier_bits,
        offset_bits => offset_bits,
        shift => shift,
        low => low,
        high => high,
        lanes => lanes,
        folds => folds,
        multipliers => multipliers,
        offsets => offsets
      )
      port map (
        clk => clk,
        reset => reset,
        --
        input_valid => sum_valid,
        input_data => sum,
        --
        output_valid => average_valid,
        output_data => average
      );
  end generate;

  output_fifo : entity work.reserving_fifo
    generic map (
      depth => fifo_depth,
      width => lanes * output_bits,
      interval => either(scaling = serial, multiplier_bits, 1)
    )
    port map (
      clk => clk,
      reset => reset,
      --
      reservable => reservable,
      reserve => reserve,
      --
      input_valid => average_valid,
      input_data => average,
      --
      output_ready => output_ready,
      output_valid => output_valid,
      output_data => output_data
    );

end architecture;
