-- Seeded random stalls: many short ones, and about one long one per frame, which fills or drains all
-- buffers of the network behind the port.

library ieee;
use ieee.math_real.all;

package stall_pkg is

  type stalls_t is protected

    -- Start over with a seed
    procedure seed(number : natural);
    -- Cycles to stall for before the next beat; mostly 0. `percent`: how often there is a short stall;
    -- 1 / `rarity`: how often a long one, of up to `longest` cycles.
    impure function draw(percent : natural; rarity, longest : positive) return natural;

  end protected;

end package;

package body stall_pkg is

  type stalls_t is protected body

    variable seed_1, seed_2 : positive := 1;

    procedure seed(number : natural) is
      variable ignored : real;
    begin
      seed_1 := 1 + number mod 2147483562;
      seed_2 := 1 + (number / 7) mod 2147483398;
      -- The first numbers of neighbouring seeds resemble each other
      for i in 1 to 8 loop
        uniform(seed_1, seed_2, ignored);
      end loop;
    end procedure;

    impure function draw(percent : natural; rarity, longest : positive) return natural is
      constant shortest : positive := 4;
      variable chance, length : real;
    begin
      uniform(seed_1, seed_2, chance);
      uniform(seed_1, seed_2, length);
      if percent = 0 then
        return 0;
      elsif chance * real(rarity) < 1.0 then
        return 1 + integer(floor(length * real(longest)));
      elsif chance * 100.0 < real(percent) then
        return 1 + integer(floor(length * real(shortest)));
      end if;
      return 0;
    end function;

  end protected body;

end package body;
