-- Clock, resets and phases of a network's bench; ends the simulation with "passed" or "failed".
--
--   phase 1  timed_frames frames without stalls (none if 0); the monitors print the times
--   phase 2  stalls, and a reset in mid-frame after reset_beats input beats (none if 0)
--   phase 3  stalled_frames frames with stalls (none if 0)
--
-- A phase is done when every stream has passed all its frames and nothing has moved for a while after.
-- If nothing moves for idle_limit cycles before, the network hangs.

library ieee;
use ieee.std_logic_1164.all;

use work.scoreboard_pkg.all;

entity bench_control is
  generic (
    -- Number of monitors
    streams : positive;
    timed_frames : natural;
    stalled_frames : natural;
    reset_beats : natural;
    -- How often an input or output stalls before a beat, where stalls are on
    input_stall_percent : natural;
    output_stall_percent : natural;
    idle_limit : positive
  );
  port (
    aclk : out std_ulogic := '0';
    aresetn : out std_ulogic := '0';
    input_stalls : out natural := 0;
    output_stalls : out natural := 0;
    -- The handshake of an input, to count its beats
    tready : in std_ulogic;
    tvalid : in std_ulogic
  );
end entity;

architecture a of bench_control is

  constant half_period : time := 5 ns;

begin

  aclk <= not aclk after half_period;

  ------------------------------------------------------------------------------
  run : process
    constant reset_cycles : positive := 4;
    constant quiet_cycles : positive := 64;
    variable taken : natural;

    procedure start(phase, frames : natural; stalled : boolean) is
    begin
      aresetn <= '0';
      scoreboard.start(phase, frames, not stalled);
      input_stalls <= input_stall_percent when stalled else 0;
      output_stalls <= output_stall_percent when stalled else 0;
      for i in 1 to reset_cycles loop
        wait until rising_edge(aclk);
      end loop;
      aresetn <= '1';
      taken := 0;
    end procedure;

    procedure stop(verdict : string) is
    begin
      query <= totals;
      wait for 0 ns;
      query <= nothing;
      wait for 0 ns;
      say(verdict);
      std.env.finish;
    end procedure;

    -- One clock cycle; ends the bench if it brought a fault, or nothing moves any more.
    procedure step is
      variable idle : natural;
    begin
      wait until rising_edge(aclk);
      if tready = '1' and tvalid = '1' then
        taken := taken + 1;
      end if;
      idle := scoreboard.idle;
      if scoreboard.has_failed then
        wait until rising_edge(aclk);
        stop("failed");
      elsif idle > idle_limit and scoreboard.finished_streams < streams then
        query <= states;
        wait for 0 ns;
        say("hang: phase " & integer'image(scoreboard.phase) & ", nothing moved for "
          & integer'image(idle_limit) & " cycles");
        stop("failed");
      end if;
    end procedure;

    procedure run_frames is
    begin
      while scoreboard.finished_streams < streams loop
        step;
      end loop;
      for i in 1 to quiet_cycles loop
        step;
      end loop;
    end procedure;

  begin
    if timed_frames > 0 then
      start(1, timed_frames, stalled => false);
      run_frames;
    end if;

    if reset_beats > 0 then
      start(2, stalled_frames, stalled => true);
      while taken < reset_beats loop
        step;
      end loop;
    end if;

    if stalled_frames > 0 then
      start(3, stalled_frames, stalled => true);
      run_frames;
    end if;

    stop("passed");
    wait;
  end process;

end architecture;
