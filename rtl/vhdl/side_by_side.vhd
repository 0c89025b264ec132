-- Joins the channels of several streams, a pixel or a block of pixels of all of them at a time.
--
--   output(pixel) = channels of input 0, then of input 1, and so on
--
-- Beat order: every beat has `pixels` pixels of its stream with all their channels, channel fastest; the
-- beats of all inputs make one of the output.
-- Latency: the last of the beats that belong together, taken at edge t, can be taken at the output at
-- edge t + 1.
-- Cycles per frame: one per beat, with fifo_depth >= 2.
-- Limits: input_ready comes from registers; an input may be up to fifo_depth beats ahead of the others.

library ieee;
use ieee.std_logic_1164.all;

use work.millrace_pkg.all;

entity side_by_side is
  generic (
    -- One channel of a beat.
    bits : positive range 1 to 32;
    -- Channels of each input's pixel, one item per input; wires only.
    channels : integer_vector;
    -- Pixels of a beat.
    pixels : positive;
    -- Beats of each input that are stored.
    fifo_depth : positive
  );
  port (
    clk : in std_ulogic;
    reset : in std_ulogic;
    -- Input 0 in the lowest bits.
    input_ready : out std_ulogic_vector(channels'length - 1 downto 0);
    input_valid : in std_ulogic_vector(channels'length - 1 downto 0);
    input_data : in std_ulogic_vector(sum(channels) * pixels * bits - 1 downto 0);
    --
    output_ready : in std_ulogic;
    output_valid : out std_ulogic;
    output_data : out std_ulogic_vector(sum(channels) * pixels * bits - 1 downto 0)
  );
end entity;

architecture rtl of side_by_side is

  constant ways : positive := channels'length;

  function all_are_positive return boolean is
  begin
    for way in channels'range loop
      if channels(way) < 1 then
        return false;
      end if;
    end loop;
    return true;
  end function;

  constant channels_are_right : boolean := require(all_are_positive,
    "side_by_side: each input must have channels; got a number below 1");

  -- Channels in front of an input's.
  function channels_before (way : natural) return natural is
    variable before : natural := 0;
  begin
    for other in 0 to way - 1 loop
      before := before + channels(channels'low + other);
    end loop;
    return before;
  end function;

  constant pixel_bits : positive := sum(channels) * bits;

  signal stored : std_ulogic_vector(ways - 1 downto 0);
  signal take : std_ulogic;

begin

  output_valid <= and stored;
  take <= output_ready and (and stored);

  each_input : for way in 0 to ways - 1 generate
    constant first : natural := channels_before(way) * bits;
    constant width : positive := channels(channels'low + way) * bits;
    signal beat : std_ulogic_vector(pixels * width - 1 downto 0);
  begin

    store : entity work.stream_fifo
      generic map (
        depth => fifo_depth,
        width => pixels * width
      )
      port map (
        clk => clk,
        reset => reset,
        input_ready => input_ready(way),
        input_valid => input_valid(way),
        input_data => input_data(pixels * (first + width) - 1 downto pixels * first),
        output_ready => take,
        output_valid => stored(way),
        output_data => beat
      );

    each_pixel : for pixel in 0 to pixels - 1 generate
      output_data(pixel * pixel_bits + first + width - 1 downto pixel * pixel_bits + first)
        <= beat((pixel + 1) * width - 1 downto pixel * width);
    end generate;

  end generate;

end architecture;
