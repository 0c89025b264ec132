-- Adds rows and columns of a constant around an image, or takes them away.
--
--   output(y, x, c) = input(y - top, x - left, c) inside of the image, else pad_value
--     for y in 0 .. height + top + bottom - 1, x in 0 .. width + left + right - 1
--
-- Each of the four amounts pads if it is positive and crops if it is negative.
--
-- Beat order: raster, channel fastest, `lanes` channels per beat.
-- Latency: a beat taken at edge t is passed on at edge t + 1 at the earliest, by one step of the
-- controller, and can be taken at the output one edge later. A frame's first step waits for its first
-- beat, so that no padding is sent before its frame has begun.
-- Cycles per frame: one step for each pixel word of the image and of the padding around it.
-- Memory: none but two FIFOs.
-- Limits: something of the image must be left. While padding is sent the source waits, but for two
-- beats and extra_beats.

library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;

use work.millrace_pkg.all;

entity border is
  generic (
    -- Bits of a channel.
    bits : positive range 1 to 32;
    -- Channels per beat; divides channels. Width of FIFOs and multiplexer.
    lanes : positive;
    -- The image: counter bits.
    height : positive;
    width : positive;
    channels : positive;
    -- Rows and columns to add, or, if negative, to take away.
    top : integer;
    left : integer;
    bottom : integer;
    right : integer;
    -- Bit pattern of a value outside of the image.
    pad_value : natural := 0;
    -- Beats of the input FIFO beyond two: what comes in while padding is sent.
    extra_beats : natural := 0;
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
    output_data : out std_ulogic_vector(lanes * bits - 1 downto 0)
  );
end entity;

architecture rtl of border is

  constant lanes_divide : boolean := require(channels mod lanes = 0,
    "border: lanes must divide channels; got " & integer'image(lanes));
  constant pad_value_fits : boolean := require(fits(pad_value, bits, false),
    "border: pad_value must be a bit pattern of `bits` bits; got " & integer'image(pad_value));
  constant rows_are_left : boolean := require(
    height + smaller(top, 0) + smaller(bottom, 0) > 0,
    "border: top and bottom must leave a row of the image; got " & integer'image(top + bottom));
  constant columns_are_left : boolean := require(
    width + smaller(left, 0) + smaller(right, 0) > 0,
    "border: left and right must leave a column of the image; got " & integer'image(left + right));

  -- The controller walks over image and padding together.
  constant rows : positive := height + larger(top, 0) + larger(bottom, 0);
  constant columns : positive := width + larger(left, 0) + larger(right, 0);
  constant last_word : integer := channels / lanes - 2;

  constant padding_value : std_ulogic_vector(bits - 1 downto 0) :=
    std_ulogic_vector(to_unsigned(pad_value, bits));

  -- Whether a place of the walk along one axis lies in the image, and in what is sent.
  function in_image (place, before, length : integer) return boolean is
  begin
    return place >= larger(before, 0) and place < larger(before, 0) + length;
  end function;

  function is_sent (place, before, length, behind : integer) return boolean is
  begin
    return place >= larger(before, 0) - before and place < larger(before, 0) + length + behind;
  end function;

  -- The next step. Counters run from count - 2 down to -1: the sign tells the last round.
  signal words_left : integer range -1 to last_word := last_word;
  signal column : natural range 0 to columns - 1 := 0;
  signal row : natural range 0 to rows - 1 := 0;
  signal begins : std_ulogic := '1';
  signal column_in, column_sent, row_in, row_sent : boolean;
  signal takes, sends, step : std_ulogic;

  signal arrived_ready, arrived_valid, sent_ready, sent_valid : std_ulogic;
  signal arrived_data, sent_data : std_ulogic_vector(lanes * bits - 1 downto 0);

begin

  arrived : entity work.stream_fifo
    generic map (
      depth => 2 + extra_beats,
      width => lanes * bits
    )
    port map (
      clk => clk,
      reset => reset,
      input_ready => input_ready,
      input_valid => input_valid,
      input_data => input_data,
      output_ready => arrived_ready,
      output_valid => arrived_valid,
      output_data => arrived_data
    );

  takes <= '1' when row_in and column_in else '0';
  sends <= '1' when row_sent and column_sent else '0';
  step <= (arrived_valid or not (takes or begins)) and (sent_ready or not sends);
  arrived_ready <= step and takes;
  sent_valid <= step and sends;

  each_lane : for lane in 0 to lanes - 1 generate
    sent_data((lane + 1) * bits - 1 downto lane * bits) <=
      arrived_data((lane + 1) * bits - 1 downto lane * bits) when takes else padding_value;
  end generate;

  walk : process (clk)
    variable next_column : natural range 0 to columns - 1;
    variable next_row : natural range 0 to rows - 1;
  begin
    if rising_edge(clk) then
      next_column := column;
      next_row := row;
      if step then
        begins <= '0';
        words_left <= last_word when words_left < 0 else words_left - 1;
        if words_left < 0 then
          if column = columns - 1 then
            next_column := 0;
            if row = rows - 1 then
              next_row := 0;
              begins <= '1';
            else
              next_row := row + 1;
            end if;
          else
            next_column := column + 1;
          end if;
        end if;
      end if;

      if reset then
        begins <= '1';
        words_left <= last_word;
        next_column := 0;
        next_row := 0;
      end if;

      column <= next_column;
      row <= next_row;
      column_in <= in_image(next_column, left, width);
      column_sent <= is_sent(next_column, left, width, right);
      row_in <= in_image(next_row, top, height);
      row_sent <= is_sent(next_row, top, height, bottom);
    end if;
  end process;

  sent : entity work.stream_fifo
    generic map (
      depth => fifo_depth,
      width => lanes * bits
    )
    port map (
      clk => clk,
      reset => reset,
      input_ready => sent_ready,
      input_valid => sent_valid,
      input_data => sent_data,
      output_ready => output_ready,
      output_valid => output_valid,
      output_data => output_data
    );

end architecture;
