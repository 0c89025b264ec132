-- Test helper: takes a stream with random pauses and compares it with the beats of a file, one
-- binary number per line; '-' in the file matches anything.
--
-- It also checks the protocol: a beat that is valid stays, unchanged, until it is taken. While reset
-- is high the file is rewound; done is high when the last expected beat has been taken. Beats beyond
-- the last are errors.

library ieee;
use ieee.std_logic_1164.all;

use std.textio.all;

library vunit_lib;
context vunit_lib.vunit_context;

use work.bench_pkg.all;

entity stream_sink is
  generic (
    width : positive;
    path : string;
    seed : positive;
    -- Take beats at any time: the element has no output_ready.
    valid_only : boolean := false
  );
  port (
    clk : in std_ulogic;
    reset : in std_ulogic;
    -- Probability of not being ready in a cycle, in percent.
    stall : in natural;
    ready : out std_ulogic := '0';
    valid : in std_ulogic;
    data : in std_ulogic_vector(width - 1 downto 0);
    done : out boolean := false
  );
end entity;

architecture behavior of stream_sink is
begin

  take : process
    file beats : text;
    variable beat : line;
    variable expected, held : std_ulogic_vector(width - 1 downto 0);
    variable holds : boolean;
    variable count : natural;
    variable seed_1 : positive := seed;
    variable seed_2 : positive := 11;
    variable pause : boolean;
  begin
    ready <= '0';
    done <= false;
    wait until rising_edge(clk) and reset = '0';
    file_open(beats, path, read_mode);
    count := 0;
    holds := false;
    loop
      draw(seed_1, seed_2, stall, pause);
      ready <= '0' when pause else '1';
      done <= endfile(beats);
      wait until rising_edge(clk);
      exit when reset = '1';
      check(valid = '0' or valid = '1', "valid is undefined");
      if holds then
        check(valid = '1', "valid fell before the beat was taken");
        check_equal(data, held, "data changed while stalled, beat " & to_string(count));
      end if;
      holds := valid = '1' and ready = '0' and not valid_only;
      held := data;
      if valid = '1' and (ready = '1' or valid_only) then
        check_false(endfile(beats), "beat " & to_string(count) & " was not expected");
        readline(beats, beat);
        read(beat, expected);
        check_match(data, expected, "beat " & to_string(count));
        count := count + 1;
      end if;
    end loop;
    file_close(beats);
  end process;

end architecture;
