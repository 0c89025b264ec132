-- The core's AXI4-Stream input: drops the unused bits of each element and aligns the frames.
--
--   output lane = the lower `bits` bits of the element; lane 0 in the lowest bits on both sides
--   after an early tlast: the rest of the frame's `beats` have pad_value in each lane
--
-- An element takes 1, 2 or 4 bytes (bits <= 8, <= 16, more). Frames are counted: tlast counts only
-- where it comes before the last beat of a frame. So a missing one changes nothing, a packet may hold
-- several frames, and a packet that is cut off is completed, one beat per cycle and with tready low
-- meanwhile, and leaves the next frame aligned.
--
-- Latency: a beat taken at edge t can leave at t + 1, or at t if it is not buffered. Cycles per frame: beats.

library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;

use work.millrace_pkg.all;

entity axis_input is
  generic (
    -- Bits of one element inside of the core.
    bits : positive range 1 to 32;
    -- Elements per beat.
    lanes : positive;
    -- Beats of one frame.
    beats : positive;
    -- What completes a frame that was cut off; the bit pattern of one lane, of which `bits` are used.
    pad_value : natural;
    -- Whether there is a FIFO, which cuts all paths through it. Without one, ready and data of what reads the
    -- beats are the port's.
    buffered : boolean := true
  );
  port (
    clk : in std_ulogic;
    reset : in std_ulogic;
    --
    s_axis_tready : out std_ulogic;
    s_axis_tvalid : in std_ulogic;
    s_axis_tlast : in std_ulogic;
    s_axis_tdata : in std_ulogic_vector(lanes * axis_element_bits(bits) - 1 downto 0);
    --
    output_ready : in std_ulogic;
    output_valid : out std_ulogic;
    output_data : out std_ulogic_vector(lanes * bits - 1 downto 0)
  );
end entity;

architecture rtl of axis_input is

  constant legal : boolean :=
    require(bits >= 31 or pad_value < 2 ** smaller(bits, 30),
      "axis_input: pad_value must fit into bits; got " & integer'image(pad_value));

  function padding return std_ulogic_vector is
    variable result : std_ulogic_vector(lanes * bits - 1 downto 0);
  begin
    for lane in 0 to lanes - 1 loop
      result((lane + 1) * bits - 1 downto lane * bits) := std_ulogic_vector(to_unsigned(pad_value, bits));
    end loop;
    return result;
  end function;

  signal position : natural range 0 to beats - 1 := 0;
  signal is_completing : std_ulogic := '0';

  signal beat_ready : std_ulogic;
  signal beat_valid : std_ulogic;
  signal beat_data : std_ulogic_vector(lanes * bits - 1 downto 0);

begin

  s_axis_tready <= beat_ready and not is_completing;
  beat_valid <= s_axis_tvalid or is_completing;

  beat_data <= padding when is_completing
    else resize_lanes(s_axis_tdata, axis_element_bits(bits), bits, false);

  ------------------------------------------------------------------------------
  count : process (clk)
  begin
    if rising_edge(clk) then
      if beat_ready and beat_valid then
        if position = beats - 1 then
          position <= 0;
          is_completing <= '0';
        else
          position <= position + 1;
          is_completing <= is_completing or s_axis_tlast;
        end if;
      end if;

      if reset then
        position <= 0;
        is_completing <= '0';
      end if;
    end if;
  end process;

  ------------------------------------------------------------------------------
  with_fifo : if buffered generate
    beat_fifo : entity work.stream_fifo
      generic map (
        depth => 2,
        width => lanes * bits
      )
      port map (
        clk => clk,
        reset => reset,
        --
        input_ready => beat_ready,
        input_valid => beat_valid,
        input_data => beat_data,
        --
        output_ready => output_ready,
        output_valid => output_valid,
        output_data => output_data
      );
  end generate;

  bare : if not buffered generate
    beat_ready <= output_ready;
    output_valid <= beat_valid;
    output_data <= beat_data;
  end generate;

end architecture;
