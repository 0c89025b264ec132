-- Takes the results of a pipeline that cannot be stalled: room is reserved before work is started.
--
--   output(n) = input(n)
--
-- The controller of an element pulses reserve, only while reservable is high, when it starts a beat;
-- the beat arrives at input_valid any number of edges later and always finds its place. So the
-- pipeline needs no enable, and no path leads from output_ready to input_ready. A pulse reserves room
-- for as many beats as `beats` says, which may come at any edges; every last of `groups` pulses for
-- `surplus` less, though it waits for the room of all. From a pulse to the next there are `interval` edges
-- at least, whatever room there is: what a slow pipeline needs for the beats of one.
--
-- Beat order: unchanged.
-- Latency: a beat pushed at edge t can be taken at edge t + 1. A beat taken at edge t frees its place
-- for a reserve at edge t + 1.
-- Throughput: one beat per cycle if depth is at least the pipeline's latency + 2 and beats is 1.
-- Limits: reservable and output_valid are signs of counters. There is no check in hardware that
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
    beats : positive := 1;
    -- Pulses of a round: a counter, if there is a surplus.
    groups : positive := 1;
    -- Beats of a round's last pulse that do not come.
    surplus : natural := 0;
    -- Edges from a pulse to the next: a counter, if more than 1.
    interval : positive := 1
  );
  port (
    clk : in std_ulogic;
    reset : in std_ulogic;
    -- Room for that many more beats.
    reservable : out std_ulogic;
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
  constant some_come : boolean := require(surplus < beats,
    "reserving_fifo: surplus must be less than beats; got " & integer'image(surplus));

  -- Places that are neither reserved nor taken up, less those of a reserve: its sign says whether there
  -- is room for one.
  signal room : integer range -beats to depth - beats := depth - beats;
  signal group_number : natural range 0 to groups - 1 := 0;
  signal take : std_ulogic;
  -- Edges to wait; its sign says that there are none.
  signal pause : integer range -1 to larger(interval - 2, 0) := -1;

begin

  reservable <= '1' when room >= 0 and pause < 0 else '0';
  take <= output_ready and output_valid;

  count : process (clk)
    variable change : integer range -beats to 1;
  begin
    if rising_edge(clk) then
      change := 0;
      if reserve and take then
        change := 1 - beats;
      elsif reserve then
        change := -beats;
      elsif take then
        change := 1;
      end if;
      if surplus > 0 and reserve = '1' then
        if group_number = groups - 1 then
          change := change + surplus;
        end if;
        -- GHDL's synthesis refuses the sum where a counter has but one value.
        if groups > 1 then
          group_number <= 0 when group_number = groups - 1 else group_number + 1;
        end if;
      end if;
      room <= room + change;
      if interval > 1 then
        if reserve then
          pause <= interval - 2;
        elsif pause >= 0 then
          pause <= pause - 1;
        end if;
      end if;

      if reset then
        pause <= -1;
        room <= depth - beats;
        group_number <= 0;
      end if;
    end if;
  end process;

  storage : entity work.stream_fifo
    generic map (
      depth => depth,
      width => width,
      is_reserved => true
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
