-- Maximum of each channel over the whole frame.
--
--   for each frame, for each channel c:
--     output = maximum of input(p, c) over the pixels p
--
-- Beat order: raster, channel fastest, `lanes` channels per beat; one pixel of output per frame.
--
-- Latency: 1 edge from taking a beat of the last pixel to the push into the FIFO; the beat can be taken
-- one edge later.
-- Cycles per frame: pixels * channels / lanes. Frames follow each other without a gap.
-- Memory: one value per channel, registers if channels = lanes.
-- Limits: the last pixel is taken at one beat per cycle if fifo_depth >= min(channels / lanes, 3).

library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;

use work.millrace_pkg.all;

entity global_maximum is
  generic (
    -- Bits of a channel.
    bits : positive range 1 to 32;
    is_signed : boolean;
    -- Channels per beat; divides channels; each costs a comparator.
    lanes : positive;
    -- Pixels of a frame.
    pixels : positive;
    channels : positive;
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

architecture rtl of global_maximum is

  constant lanes_divide : boolean := require(channels mod lanes = 0,
    "global_maximum: lanes must divide channels; got " & integer'image(lanes));

  constant folds : positive := channels / lanes;

  subtype maxima_t is std_ulogic_vector(lanes * bits - 1 downto 0);

  function larger_lanes (a, b : maxima_t) return maxima_t is
    variable result : maxima_t := a;
    variable code_a, code_b : std_ulogic_vector(bits - 1 downto 0);
  begin
    for lane in 0 to lanes - 1 loop
      code_a := a((lane + 1) * bits - 1 downto lane * bits);
      code_b := b((lane + 1) * bits - 1 downto lane * bits);
      if is_greater(code_b, code_a, is_signed) then
        result((lane + 1) * bits - 1 downto lane * bits) := code_b;
      end if;
    end loop;
    return result;
  end function;

  -- Runs from count - 2 down to -1: the sign tells the last round.
  constant last_pixel : integer := pixels - 2;

  signal fold : natural range 0 to folds - 1 := 0;
  signal pixels_left : integer range -1 to last_pixel := last_pixel;
  signal is_first : std_ulogic := '1';
  signal is_last, step, reserve, reservable : std_ulogic;

  -- Of this step's channels: over the pixels before, and with this one.
  signal past, present : maxima_t;

  signal result : maxima_t;
  signal result_valid : std_ulogic := '0';

begin

  is_last <= '1' when pixels_left < 0 else '0';
  input_ready <= reservable or not is_last;
  step <= input_valid and (reservable or not is_last);
  reserve <= step and is_last;
  present <= input_data when is_first else larger_lanes(past, input_data);

  control : process (clk)
  begin
    if rising_edge(clk) then
      result <= present;
      result_valid <= reserve;
      if step then
        if fold /= folds - 1 then
          fold <= fold + 1;
        else
          fold <= 0;
          is_first <= is_last;
          pixels_left <= last_pixel when pixels_left < 0 else pixels_left - 1;
        end if;
      end if;

      if reset then
        result_valid <= '0';
        fold <= 0;
        pixels_left <= last_pixel;
        is_first <= '1';
      end if;
    end if;
  end process;

  storage : entity work.state_memory
    generic map (
      words => folds,
      width => lanes * bits
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

  results : entity work.reserving_fifo
    generic map (
      depth => fifo_depth,
      width => lanes * bits
    )
    port map (
      clk => clk,
      reset => reset,
      reservable => reservable,
      reserve => reserve,
      input_valid => result_valid,
      input_data => result,
      output_ready => output_ready,
      output_valid => output_valid,
      output_data => output_data
    );

end architecture;
