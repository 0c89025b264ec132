-- The core's AXI4-Stream output: widens each element to whole bytes and marks the end of each frame.
--
--   element = the lane, sign- or zero-extended; lane 0 in the lowest bits on both sides
--   tlast   = beat is the last of its frame's `beats`
--
-- An element takes 1, 2 or 4 bytes (bits <= 8, <= 16, more).
-- Latency: a beat taken at edge t can leave at t + 1, or at t if it is not buffered. Cycles per frame: beats.

library ieee;
use ieee.std_logic_1164.all;

use work.millrace_pkg.all;

entity axis_output is
  generic (
    -- Bits of one element inside of the core.
    bits : positive range 1 to 32;
    -- Extend the sign instead of zeros.
    is_signed : boolean;
    -- Elements per beat.
    lanes : positive;
    -- Beats of one frame.
    beats : positive;
    -- Whether there is a FIFO, which cuts all paths through it. What ends in a FIFO needs no other.
    buffered : boolean := true
  );
  port (
    clk : in std_ulogic;
    reset : in std_ulogic;
    --
    input_ready : out std_ulogic;
    input_valid : in std_ulogic;
    input_data : in std_ulogic_vector(lanes * bits - 1 downto 0);
    --
    m_axis_tready : in std_ulogic;
    m_axis_tvalid : out std_ulogic;
    m_axis_tlast : out std_ulogic;
    m_axis_tdata : out std_ulogic_vector(lanes * axis_element_bits(bits) - 1 downto 0)
  );
end entity;

architecture rtl of axis_output is

  signal beat_valid : std_ulogic;
  signal beat_data : std_ulogic_vector(lanes * bits - 1 downto 0);

  -- Of the beat at the output
  signal position : natural range 0 to beats - 1 := 0;

begin

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
        input_ready => input_ready,
        input_valid => input_valid,
        input_data => input_data,
        --
        output_ready => m_axis_tready,
        output_valid => beat_valid,
        output_data => beat_data
      );
  end generate;

  bare : if not buffered generate
    input_ready <= m_axis_tready;
    beat_valid <= input_valid;
    beat_data <= input_data;
  end generate;

  ------------------------------------------------------------------------------
  count : process (clk)
  begin
    if rising_edge(clk) then
      if m_axis_tready and beat_valid then
        if position = beats - 1 then
          position <= 0;
        else
          position <= position + 1;
        end if;
      end if;

      if reset then
        position <= 0;
      end if;
    end if;
  end process;

  m_axis_tvalid <= beat_valid;
  m_axis_tlast <= '1' when position = beats - 1 else '0';
  m_axis_tdata <= resize_lanes(beat_data, bits, axis_element_bits(bits), is_signed);

end architecture;
