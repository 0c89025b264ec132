-- Test helper: sends the beats of a file, one binary number per line, with random pauses.
--
-- While reset is high the file is rewound; done is high when its last beat has been taken.

library ieee;
use ieee.std_logic_1164.all;

use std.textio.all;

use work.bench_pkg.all;

entity stream_source is
  generic (
    width : positive;
    path : string;
    seed : positive
  );
  port (
    clk : in std_ulogic;
    reset : in std_ulogic;
    -- Probability of a pause before a beat, in percent.
    stall : in natural;
    ready : in std_ulogic;
    valid : out std_ulogic := '0';
    data : out std_ulogic_vector(width - 1 downto 0);
    done : out boolean := false
  );
end entity;

architecture behavior of stream_source is
begin

  send : process
    file beats : text;
    variable beat : line;
    variable word : std_ulogic_vector(width - 1 downto 0);
    variable seed_1 : positive := seed;
    variable seed_2 : positive := 7;
    variable pause : boolean;
  begin
    valid <= '0';
    data <= (others => 'X');
    done <= false;
    wait until rising_edge(clk) and reset = '0';
    file_open(beats, path, read_mode);
    sending : while not endfile(beats) loop
      readline(beats, beat);
      read(beat, word);
      loop
        draw(seed_1, seed_2, stall, pause);
        exit when not pause;
        wait until rising_edge(clk);
        exit sending when reset = '1';
      end loop;
      valid <= '1';
      data <= word;
      wait until rising_edge(clk) and (ready = '1' or reset = '1');
      exit when reset = '1';
      valid <= '0';
      data <= (others => 'X');
    end loop;
    file_close(beats);
    if reset = '0' then
      done <= true;
      wait until rising_edge(clk) and reset = '1';
    end if;
  end process;

end architecture;
