-- What the parts of a network's bench share: the phase, how it goes, and the messages.
--
-- A bench runs in phases, each of which starts with a reset. The monitors count themselves done when
-- they have seen all frames of the phase, and report the first fault; the control ends the bench.

use std.textio.all;

library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;

package scoreboard_pkg is

  type scoreboard_t is protected

    -- A new phase of `frames` frames; if it is timed, the monitors print when each frame passed.
    procedure start(new_phase, new_frames : natural; timed : boolean);
    impure function phase return natural;
    impure function frames return natural;
    impure function is_timed return boolean;

    -- One stream has passed all frames of the phase.
    procedure finish_stream;
    impure function finished_streams return natural;

    -- A beat passed somewhere.
    procedure move;
    -- Another clock cycle without; returns the cycles since the last beat.
    impure function idle return natural;

    procedure fail;
    impure function has_failed return boolean;

  end protected;

  -- What all monitors are asked to print at the moment
  type query_t is (nothing, states, totals);
  signal query : query_t := nothing;

  shared variable scoreboard : scoreboard_t;

  -- Prints a line.
  procedure say(message : string);

  -- A lane as a decimal number, or as bits where it has no value or is no VHDL integer.
  function lane_image(data : std_ulogic_vector; is_signed : boolean) return string;

end package;

package body scoreboard_pkg is

  type scoreboard_t is protected body

    variable current_phase, phase_frames, finished, idle_cycles : natural := 0;
    variable timed_phase, failed : boolean := false;

    procedure start(new_phase, new_frames : natural; timed : boolean) is
    begin
      current_phase := new_phase;
      phase_frames := new_frames;
      timed_phase := timed;
      finished := 0;
      idle_cycles := 0;
    end procedure;

    impure function phase return natural is
    begin
      return current_phase;
    end function;

    impure function frames return natural is
    begin
      return phase_frames;
    end function;

    impure function is_timed return boolean is
    begin
      return timed_phase;
    end function;

    procedure finish_stream is
    begin
      finished := finished + 1;
    end procedure;

    impure function finished_streams return natural is
    begin
      return finished;
    end function;

    procedure move is
    begin
      idle_cycles := 0;
    end procedure;

    impure function idle return natural is
    begin
      idle_cycles := idle_cycles + 1;
      return idle_cycles;
    end function;

    procedure fail is
    begin
      failed := true;
    end procedure;

    impure function has_failed return boolean is
    begin
      return failed;
    end function;

  end protected body;

  procedure say(message : string) is
    variable text : line;
  begin
    write(text, message);
    writeline(output, text);
  end procedure;

  function lane_image(data : std_ulogic_vector; is_signed : boolean) return string is
  begin
    if not is_x(data) and is_signed and data'length <= 32 then
      return integer'image(to_integer(signed(data)));
    elsif not is_x(data) and not is_signed and data'length <= 31 then
      return integer'image(to_integer(unsigned(data)));
    end if;
    return '"' & to_string(data) & '"';
  end function;

end package body;
