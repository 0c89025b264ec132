-- Sends the frames of a vector file as AXI4-Stream, with random stalls; starts anew after a reset.
--
-- The file has a beat per line in hexadecimal. tvalid never waits for tready.

use std.textio.all;

library ieee;
use ieee.std_logic_1164.all;

use work.scoreboard_pkg.all;
use work.stall_pkg.all;

entity axis_source is
  generic (
    vectors : string;
    tdata_width : positive;
    -- Beats of a frame
    beats : positive;
    seed : natural;
    longest_stall : positive
  );
  port (
    aclk : in std_ulogic;
    aresetn : in std_ulogic;
    stall_percent : in natural;
    --
    tready : in std_ulogic;
    tvalid : out std_ulogic := '0';
    tlast : out std_ulogic := '0';
    tdata : out std_ulogic_vector(tdata_width - 1 downto 0)
  );
end entity;

architecture a of axis_source is

  shared variable stalls : stalls_t;

begin

  drive : process
    file stimuli : text;
    variable text_line : line;
    variable beat_data : std_ulogic_vector(tdata'range);

    -- Wait for clock edges; give up at a reset.
    procedure wait_edges(count : natural) is
    begin
      for i in 1 to count loop
        exit when aresetn /= '1';
        wait until rising_edge(aclk);
      end loop;
    end procedure;

  begin
    tvalid <= '0';
    tlast <= '0';
    tdata <= (others => 'X');
    wait until rising_edge(aclk) and aresetn = '0';
    wait until aresetn = '1';
    stalls.seed(seed + scoreboard.phase);
    file_open(stimuli, vectors, read_mode);

    frames : for frame in 1 to scoreboard.frames loop
      for beat in 0 to beats - 1 loop
        wait_edges(stalls.draw(stall_percent, beats, longest_stall));
        exit frames when aresetn /= '1';
        readline(stimuli, text_line);
        hread(text_line, beat_data);
        tdata <= beat_data;
        tlast <= '1' when beat = beats - 1 else '0';
        tvalid <= '1';
        wait until (rising_edge(aclk) and tready = '1') or aresetn /= '1';
        exit frames when aresetn /= '1';
        tvalid <= '0';
        tlast <= '0';
        tdata <= (others => 'X');
      end loop;
    end loop;
    file_close(stimuli);
  end process;

end architecture;
