-- Watches one stream: every beat against the expected one, and the rules of the handshake.
--
-- The vectors are a text file, a beat per line in hexadecimal, lane 0 in the lowest bits, frame after
-- frame. A reset starts them anew. Checked at each clock edge:
--   valid, ready   have a value; once high, valid stays and the data stay until ready
--   data           is the expected beat, in all lanes; no beat comes after the last frame
--   last           (has_last) is high at the last beat of a frame only
--
-- Messages, each a line with the stream's name:
--   timing    (timed phases) cycles, counted from the end of the reset, of a frame's first and last beat
--   mismatch  the first wrong lane of a beat: frame, pixel, channel
--   protocol  the rule that was broken
--   state     (on query) what the stream waits for
--   checked   (on query) beats that were right, over the phases so far

use std.textio.all;

library ieee;
use ieee.std_logic_1164.all;

use work.scoreboard_pkg.all;

entity stream_monitor is
  generic (
    name : string;
    vectors : string;
    -- Bits of a lane
    bits : positive;
    is_signed : boolean;
    lanes : positive;
    -- Shape of a frame; lanes divides channels
    height : positive;
    width : positive;
    channels : positive;
    has_last : boolean := false
  );
  port (
    clk : in std_ulogic;
    resetn : in std_ulogic;
    --
    ready : in std_ulogic;
    valid : in std_ulogic;
    last : in std_ulogic := '0';
    data : in std_ulogic_vector(lanes * bits - 1 downto 0)
  );
end entity;

architecture a of stream_monitor is

  constant folds : positive := channels / lanes;
  constant beats : positive := height * width * folds;

begin

  check : process (clk, query)
    file expectations : text;
    variable is_open : boolean := false;
    variable text_line : line;
    variable expected : std_ulogic_vector(data'range);

    variable cycle, frame, beat, first_cycle : natural := 0;
    variable checked_beats : natural := 0;
    variable is_held : boolean := false;
    variable held_data : std_ulogic_vector(data'range);
    variable held_last : std_ulogic;

    impure function place return string is
    begin
      return name & ": phase " & integer'image(scoreboard.phase) & ", cycle " & integer'image(cycle)
        & ", frame " & integer'image(frame);
    end function;

    procedure complain(what, detail : string) is
    begin
      say(what & ": " & place & detail);
      scoreboard.fail;
    end procedure;

    procedure rewind is
    begin
      if is_open then
        file_close(expectations);
      end if;
      file_open(expectations, vectors, read_mode);
      is_open := true;
      cycle := 0;
      frame := 0;
      beat := 0;
      is_held := false;
    end procedure;

    procedure check_handshake is
    begin
      if is_x(valid) or is_x(ready) then
        complain("protocol", ": valid and ready must be 0 or 1, not " & to_string(valid) & " and "
          & to_string(ready));
      elsif is_held and valid = '0' then
        complain("protocol", ": valid must stay high until ready");
      elsif is_held and (data /= held_data or last /= held_last) then
        complain("protocol", ": data and last must stay until ready");
      end if;
      is_held := valid = '1' and ready = '0';
      held_data := data;
      held_last := last;
    end procedure;

    procedure check_data is
      variable got_lane, expected_lane : std_ulogic_vector(bits - 1 downto 0);
      variable pixel : natural;
    begin
      readline(expectations, text_line);
      hread(text_line, expected);
      if data = expected then
        return;
      end if;
      pixel := beat / folds;
      for lane in 0 to lanes - 1 loop
        got_lane := data((lane + 1) * bits - 1 downto lane * bits);
        expected_lane := expected((lane + 1) * bits - 1 downto lane * bits);
        if got_lane /= expected_lane then
          complain("mismatch", ", y " & integer'image(pixel / width) & ", x " & integer'image(pixel mod width)
            & ", channel " & integer'image((beat mod folds) * lanes + lane)
            & ": expected " & lane_image(expected_lane, is_signed)
            & ", got " & lane_image(got_lane, is_signed));
          return;
        end if;
      end loop;
    end procedure;

    procedure check_beat is
      variable is_last : boolean;
    begin
      scoreboard.move;
      if frame = scoreboard.frames then
        complain("protocol", ": there must be no beat after the last frame");
        return;
      end if;
      check_data;
      is_last := beat = beats - 1;
      if has_last and (last = '1') /= is_last then
        complain("protocol", ", beat " & integer'image(beat) & ": last must be high at the last beat only");
      end if;
      if beat = 0 then
        first_cycle := cycle;
      end if;
      checked_beats := checked_beats + 1;
      beat := beat + 1;
      if is_last then
        if scoreboard.is_timed then
          say("timing: " & name & ": frame " & integer'image(frame) & ", first beat at cycle "
            & integer'image(first_cycle) & ", last at " & integer'image(cycle));
        end if;
        beat := 0;
        frame := frame + 1;
        if frame = scoreboard.frames then
          scoreboard.finish_stream;
        end if;
      end if;
    end procedure;

  begin
    if query'event and query = states then
      say("state: " & name & ": valid " & to_string(valid) & ", ready " & to_string(ready) & ", frame "
        & integer'image(frame) & ", beat " & integer'image(beat) & " of " & integer'image(beats));
    elsif query'event and query = totals then
      say("checked: " & name & ": " & integer'image(checked_beats) & " beats");
    end if;

    if rising_edge(clk) then
      if resetn /= '1' then
        rewind;
      else
        check_handshake;
        if valid = '1' and ready = '1' then
          check_beat;
        end if;
        cycle := cycle + 1;
      end if;
    end if;
  end process;

end architecture;
