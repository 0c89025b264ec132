-- Joins the channels of several streams, pixel by pixel.
--
--   output(pixel) = channels of input 0, then of input 1, and so on
--
-- Beat order: channels(0) / lanes beats of input 0, then channels(1) / lanes beats of input 1, and so
-- on; then the next pixel.
-- Latency: a beat taken at edge t can be taken at the output at edge t + 1.
-- Cycles per frame: one per beat of all inputs, with fifo_depth >= 2.
-- Limits: input_ready depends on registers only. An input waits while it is not its turn.

library ieee;
use ieee.std_logic_1164.all;

use work.millrace_pkg.all;

entity concatenate is
  generic (
    -- One channel of a beat.
    bits : positive range 1 to 32;
    -- Channels of each input's pixel, one item per input; costs counter bits only.
    channels : integer_vector;
    -- Channels per beat: width of the multiplexer; divides all channels.
    lanes : positive;
    -- Beats of the output FIFO.
    fifo_depth : positive
  );
  port (
    clk : in std_ulogic;
    reset : in std_ulogic;
    -- Input 0 in the lowest bits.
    input_ready : out std_ulogic_vector(channels'length - 1 downto 0);
    input_valid : in std_ulogic_vector(channels'length - 1 downto 0);
    input_data : in std_ulogic_vector(channels'length * lanes * bits - 1 downto 0);
    --
    output_ready : in std_ulogic;
    output_valid : out std_ulogic;
    output_data : out std_ulogic_vector(lanes * bits - 1 downto 0)
  );
end entity;

architecture rtl of concatenate is

  constant ways : positive := channels'length;
  constant width : positive := lanes * bits;

  subtype words_t is integer_vector(0 to ways - 1);

  function words_per_pixel return words_t is
    variable words : words_t;
  begin
    for way in words'range loop
      words(way) := channels(channels'low + way) / lanes;
    end loop;
    return words;
  end function;

  function lanes_divide return boolean is
  begin
    for way in channels'range loop
      if channels(way) < lanes or channels(way) mod lanes /= 0 then
        return false;
      end if;
    end loop;
    return true;
  end function;

  function most (words : words_t) return positive is
    variable number : positive := 1;
  begin
    for way in words'range loop
      number := larger(number, words(way));
    end loop;
    return number;
  end function;

  constant lanes_are_right : boolean := require(lanes_divide,
    "concatenate: lanes must divide the channels of each input; got " & integer'image(lanes));
  constant words : words_t := words_per_pixel;

  -- The input whose turn it is, as one bit per input, and its words left, less two: the sign tells the
  -- last one.
  signal turn : std_ulogic_vector(0 to ways - 1) := (0 => '1', others => '0');
  signal words_left : integer range -1 to most(words) - 2 := words(0) - 2;

  signal selected_valid : std_ulogic;
  signal selected_data : std_ulogic_vector(width - 1 downto 0);
  signal fifo_ready : std_ulogic;

begin

  each_input : for way in 0 to ways - 1 generate
    input_ready(way) <= turn(way) and fifo_ready;
  end generate;

  choose : process (all)
    variable valid : std_ulogic;
    variable data : std_ulogic_vector(width - 1 downto 0);
  begin
    valid := '0';
    data := (others => '0');
    for way in 0 to ways - 1 loop
      valid := valid or (turn(way) and input_valid(way));
      data := data or (input_data((way + 1) * width - 1 downto way * width) and turn(way));
    end loop;
    selected_valid <= valid;
    selected_data <= data;
  end process;

  take_turns : process (clk)
  begin
    if rising_edge(clk) then
      if selected_valid and fifo_ready then
        if words_left < 0 then
          turn <= turn(ways - 1) & turn(0 to ways - 2);
          for way in 0 to ways - 1 loop
            if turn(way) then
              words_left <= words((way + 1) mod ways) - 2;
            end if;
          end loop;
        else
          words_left <= words_left - 1;
        end if;
      end if;

      if reset then
        turn <= (0 => '1', others => '0');
        words_left <= words(0) - 2;
      end if;
    end if;
  end process;

  results : entity work.stream_fifo
    generic map (
      depth => fifo_depth,
      width => width
    )
    port map (
      clk => clk,
      reset => reset,
      input_ready => fifo_ready,
      input_valid => selected_valid,
      input_data => selected_data,
      output_ready => output_ready,
      output_valid => output_valid,
      output_data => output_data
    );

end architecture;
