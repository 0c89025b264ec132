-- Takes an AXI4-Stream with random stalls; tready does not wait for tvalid.

library ieee;
use ieee.std_logic_1164.all;

use work.scoreboard_pkg.all;
use work.stall_pkg.all;

entity axis_sink is
  generic (
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
    tready : out std_ulogic := '0';
    tvalid : in std_ulogic
  );
end entity;

architecture a of axis_sink is

  shared variable stalls : stalls_t;

begin

  drive : process (aclk)
    variable stall : natural := 0;
  begin
    if rising_edge(aclk) then
      if aresetn /= '1' then
        stalls.seed(seed + scoreboard.phase);
        stall := 0;
      elsif stall > 0 then
        stall := stall - 1;
      elsif tready = '1' and tvalid = '1' then
        stall := stalls.draw(stall_percent, beats, longest_stall);
      end if;
      tready <= '1' when stall = 0 else '0';
    end if;
  end process;

end architecture;
