-- Max pool over a two-dimensional window, as a maximum along each row and then along each column.
--
--   for each output row y, column x, channel c:
--     output(y, x, c) = max(input(r, q, c)) for the rows    r = y*stride_height - pad_top  .. +kernel_height-1
--                                         and columns q = x*stride_width  - pad_left .. +kernel_width-1
--                       that exist; padding never wins
--
-- Beat order: raster, channel fastest, `lanes` channels per beat, in and out.
-- Latency and cycles per frame: those of the two sliding_maximum in a row. Frames overlap.
-- Memory: kernel_width - 1 pixels and kernel_height - 1 rows of the narrowed image.
-- Limits: see sliding_maximum.

library ieee;
use ieee.std_logic_1164.all;

use work.millrace_pkg.all;

entity max_pool is
  generic (
    -- Bits of one channel.
    bits : positive range 1 to 64;
    -- Compare as two's complement instead of as unsigned.
    is_signed : boolean;
    -- Channels per beat; divides channels.
    lanes : positive;
    -- Shape of the input frame.
    height : positive;
    width : positive;
    channels : positive;
    --
    kernel_height : positive;
    kernel_width : positive;
    --
    stride_height : positive;
    stride_width : positive;
    -- Each below the kernel's size in its direction.
    pad_top : natural;
    pad_left : natural;
    pad_bottom : natural;
    pad_right : natural;
    -- Beats of rows that wait beyond fifo_depth, while windows over the lower edge are sent.
    extra_beats : natural := 0;
    -- Beats of each of the two FIFOs.
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
    output_data : out std_ulogic_vector(lanes * bits - 1 downto 0)
  );
end entity;

architecture rtl of max_pool is

  constant legal : boolean :=
    require(channels mod lanes = 0, "max_pool: lanes must divide channels; got " & integer'image(lanes))
    and require(larger(pad_top, pad_bottom) < kernel_height,
      "max_pool: pad_top and pad_bottom must be below kernel_height; got "
      & integer'image(larger(pad_top, pad_bottom)))
    and require(larger(pad_left, pad_right) < kernel_width,
      "max_pool: pad_left and pad_right must be below kernel_width; got "
      & integer'image(larger(pad_left, pad_right)))
    and require(places(height, pad_top, pad_bottom, kernel_height, stride_height) > 0,
      "max_pool: kernel_height must fit into the padded height; got " & integer'image(kernel_height))
    and require(places(width, pad_left, pad_right, kernel_width, stride_width) > 0,
      "max_pool: kernel_width must fit into the padded width; got " & integer'image(kernel_width));

  constant output_width : positive := places(width, pad_left, pad_right, kernel_width, stride_width);

  signal row_ready : std_ulogic;
  signal row_valid : std_ulogic;
  signal row_data : std_ulogic_vector(lanes * bits - 1 downto 0);

begin

  along_width : entity work.sliding_maximum
    generic map (
      bits => bits,
      is_signed => is_signed,
      lanes => lanes,
      length => width,
      kernel => kernel_width,
      stride => stride_width,
      pad_begin => pad_left,
      pad_end => pad_right,
      inner => channels / lanes,
      fifo_depth => fifo_depth + extra_beats
    )
    port map (
      clk => clk,
      reset => reset,
      --
      input_ready => input_ready,
      input_valid => input_valid,
      input_data => input_data,
      --
      output_ready => row_ready,
      output_valid => row_valid,
      output_data => row_data
    );

  ------------------------------------------------------------------------------
  along_height : entity work.sliding_maximum
    generic map (
      bits => bits,
      is_signed => is_signed,
      lanes => lanes,
      length => height,
      kernel => kernel_height,
      stride => stride_height,
      pad_begin => pad_top,
      pad_end => pad_bottom,
      inner => output_width * (channels / lanes),
      fifo_depth => fifo_depth
    )
    port map (
      clk => clk,
      reset => reset,
      --
      input_ready => row_ready,
      input_valid => row_valid,
      input_data => row_data,
      --
      output_ready => output_ready,
      output_valid => output_valid,
      output_data => output_data
    );

end architecture;
