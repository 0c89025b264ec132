-- Takes the results of a pipeline that cannot be stalled: room is reserved before work is started.
--
--   output(n) = input(n)
--
-- The controller of an element pulses reserve, only while reservable is high, when it starts a beat;
-- the beat arrives at input_valid any number of edges later and always finds its place. So the
-- pipeline needs no enable, and no path leads from output_ready to input_ready. A pulse reserves room
-- for as many beats as `beats` says, which may come at any edges.
--
-- Beat order: unchanged.
-- Latency: a beat pushed at edge t can be taken at edge t + 1. A beat taken at edge t frees its place
-- for a reserve at edge t + 1.
-- Throughput: one beat per cycle if depth is at least the pipeline's latency + 2 and beats is 1.
-- Limits: reservable and output_valid come from registers. There is no check in hardware that
-- reserve obeys reservable; simulation stops with an error if it does not.

library ieee;
use ieee.std_logic_1164.all;

use work.millrace_pkg.all;

entity reserving_fifo is
  generic (
    -- Beats under way or stored. Distributed RAM: one LUT stores 32 x 2 or 64 x 1 bits.
    depth : positive;
    -- Bits per beat.
    width : positive;
    -- Beats that a pulse of reserve makes room for.
    beats : positive := 1
  );
  port (
    clk : in std_ulogic;
    reset : in std_ulogic;
    -- Room for that many more beats.
    reservable : out std_ulogic := '0';
    reserve : in std_ulogic;
    --
    input_valid : in std_ulogic;
    input_data : in std_ulogic_vector(width - 1 downto 0);
    --
    output_ready : in std_ulogic;
    output_valid : out std_ulogic;
    output_data : out std_ulogic_vector(width - 1 downto 0)
  );
end entity;

architecture rtl of reserving_fifo is

  constant depth_suffices : boolean := require(depth >= beats,
    "reserving_fifo: depth must be at least beats; got " & integer'image(depth));

  -- Beats reserved and not yet taken.
  signal reserved : natural range 0 to depth := 0;
  signal take : std_ulogic;

begin

  take <= output_ready and output_valid;

  count : process (clk)
  begin
    if rising_edge(clk) then
      -- What is compared is the count before the edge: no adder in front of the comparison.
      if reserve and not take then
        reserved <= reserved + beats;
        reservable <= '1' when reserved <= depth - 2 * beats else '0';
      elsif take and not reserve then
        reserved <= reserved - 1;
        reservable <= '1' when reserved <= depth - beats + 1 else '0';
      elsif reserve and take then
        reserved <= reserved + beats - 1;
        reservable <= '1' when reserved <= depth - 2 * beats + 1 else '0';
      else
        reservable <= '1' when reserved <= depth - beats else '0';
      end if;

      if reset then
        reserved <= 0;
        reservable <= '1';
      end if;
    end if;
  end process;

  storage : entity work.stream_fifo
    generic map (
      depth => depth,
      width => width
    )
    port map (
      clk => clk,
      reset => reset,
      input_ready => open,
      input_valid => input_valid,
      input_data => input_data,
      output_ready => output_ready,
      output_valid => output_valid,
      output_data => output_data
    );

end architecture;
