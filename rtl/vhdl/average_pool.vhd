-- Mean over windows of an image; values outside of it do not count.
--
--   for oy, ox in raster order, for each channel c:
--     sum    = sum over ky, kx of input(oy * stride_height - pad_top + ky, x likewise, c), outside
--              of the image pad_value
--     number = (rows of the window inside - 1) * kernel_width + columns inside - 1
--     output = clamp((sum * multiplier(number) + offset(number)) >> shift, low, high)
--
-- The multiplier contains the division by the number of values inside, the offset what pad_value and
-- the input's zero point add to the sum.
--
-- Beat order: raster, channel fastest, `lanes` channels per beat.
-- Running sums along each row, and of these down the columns: every value is added once in each direction,
-- whatever the size of the window.
-- Latency: 3 edges from the step at the end of a row's window to its push into the FIFO between the two
-- sums; 3 + 4 from the step at the end of a window to the push of its code: column sum, parameters and
-- operand, product, sum, shift and clamp.
-- Cycles per frame: those of the two sliding_sum: at stride 1 without padding one per input beat, if
-- fifo_depth >= 9.
-- Memory: that of the two sliding_sum: kernel_height rows of row sums if windows overlap down the columns.
-- Limits: those of sliding_sum; accumulator_bits must hold every sum.

library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;

use work.millrace_pkg.all;

entity average_pool is
  generic (
    -- Width of an input value: width of the line buffer.
    input_bits : positive range 1 to 16;
    input_signed : boolean;
    -- Channels per beat; divides channels. An adder and a multiplier each.
    lanes : positive;
    -- Input image: width * channels values per buffered row.
    height : positive;
    width : positive;
    channels : positive;
    -- Windows that overlap cost memory: see sliding_sum.
    kernel_height : positive;
    kernel_width : positive;
    stride_height : positive := 1;
    stride_width : positive := 1;
    pad_top : natural := 0;
    pad_left : natural := 0;
    pad_bottom : natural := 0;
    pad_right : natural := 0;
    -- Bit pattern of a value outside of the image: the input's zero point.
    pad_value : natural := 0;
    -- Width of the signed sums.
    accumulator_bits : positive;
    -- Requantization: see `window_means`.
    output_bits : positive range 1 to 16;
    output_signed : boolean;
    multiplier_bits : positive;
    offset_bits : positive;
    shift : natural;
    low : integer;
    high : integer;
    multipliers : rom_words_t;
    offsets : rom_words_t;
    -- Row sums that wait beyond fifo_depth, while sums of columns at the lower edge are sent.
    extra_beats : natural := 0;
    -- Beats under way or waiting, of row sums and of output.
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

architecture rtl of average_pool is

  constant lanes_divide : boolean := require(channels mod lanes = 0,
    "average_pool: lanes must divide channels; got " & integer'image(lanes));
  constant pads_are_right : boolean := require(
    larger(pad_top, pad_bottom) < kernel_height and larger(pad_left, pad_right) < kernel_width,
    "average_pool: pads must be below the kernel; got "
    & integer'image(larger(larger(pad_top, pad_bottom), larger(pad_left, pad_right))));

  constant folds : positive := channels / lanes;
  constant line_places : positive := places(width, pad_left, pad_right, kernel_width, stride_width);

  -- A row sum holds kernel_width values of either sign.
  constant row_bits : positive := value_bits(input_bits, input_signed) + clog2(kernel_width);
  constant outside : integer := to_integer(
    lane_value(std_ulogic_vector(to_unsigned(pad_value, input_bits)), 0, input_bits, input_signed));

  signal row_reservable, row_reserve, row_sum_valid, row_ready, row_valid : std_ulogic;
  signal row_sums, rows : std_ulogic_vector(lanes * row_bits - 1 downto 0);
  signal reservable, reserve : std_ulogic;
  signal sums : std_ulogic_vector(lanes * accumulator_bits - 1 downto 0);

  signal sums_valid, means_valid : std_ulogic;
  signal means : std_ulogic_vector(lanes * output_bits - 1 downto 0);

begin

  along_rows : entity work.sliding_sum
    generic map (
      bits => input_bits,
      is_signed => input_signed,
      sum_bits => row_bits,
      lanes => lanes,
      length => width,
      kernel => kernel_width,
      stride => stride_width,
      pad_begin => pad_left,
      pad_end => pad_right,
      pad_value => outside,
      inner => folds
    )
    port map (
      clk => clk,
      reset => reset,
      input_ready => input_ready,
      input_valid => input_valid,
      input_data => input_data,
      reservable => row_reservable,
      reserve => row_reserve,
      output_valid => row_sum_valid,
      output_data => row_sums
    );

  between : entity work.reserving_fifo
    generic map (
      depth => fifo_depth + extra_beats,
      width => lanes * row_bits
    )
    port map (
      clk => clk,
      reset => reset,
      reservable => row_reservable,
      reserve => row_reserve,
      input_valid => row_sum_valid,
      input_data => row_sums,
      output_ready => row_ready,
      output_valid => row_valid,
      output_data => rows
    );

  down_columns : entity work.sliding_sum
    generic map (
      bits => row_bits,
      is_signed => true,
      sum_bits => accumulator_bits,
      lanes => lanes,
      length => height,
      kernel => kernel_height,
      stride => stride_height,
      pad_begin => pad_top,
      pad_end => pad_bottom,
      pad_value => outside * kernel_width,
      inner => line_places * folds
    )
    port map (
      clk => clk,
      reset => reset,
      input_ready => row_ready,
      input_valid => row_valid,
      input_data => rows,
      reservable => reservable,
      reserve => reserve,
      output_valid => sums_valid,
      output_data => sums
    );

  scale : entity work.window_means
    generic map (
      input_bits => accumulator_bits,
      lanes => lanes,
      folds => folds,
      height => height,
      width => width,
      kernel_height => kernel_height,
      kernel_width => kernel_width,
      stride_height => stride_height,
      stride_width => stride_width,
      pad_top => pad_top,
      pad_left => pad_left,
      pad_bottom => pad_bottom,
      pad_right => pad_right,
      output_bits => output_bits,
      output_signed => output_signed,
      multiplier_bits => multiplier_bits,
      offset_bits => offset_bits,
      shift => shift,
      low => low,
      high => high,
      multipliers => multipliers,
      offsets => offsets
    )
    port map (
      clk => clk,
      reset => reset,
      input_valid => sums_valid,
      input_data => sums,
      output_valid => means_valid,
      output_data => means
    );

  results : entity work.reserving_fifo
    generic map (
      depth => fifo_depth,
      width => lanes * output_bits
    )
    port map (
      clk => clk,
      reset => reset,
      reservable => reservable,
      reserve => reserve,
      input_valid => means_valid,
      input_data => means,
      output_ready => output_ready,
      output_valid => output_valid,
      output_data => output_data
    );

end architecture;
