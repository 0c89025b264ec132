-- Sends the parts of a beat one after the other: a wide result through a narrow pipeline.
--
--   output(parts * n + part) = part number `part` of input(n), part 0 in the lowest bits
--
-- Beat order: as said; valid only, never stalled. The next beat comes `parts` edges later at the
-- earliest.
-- Latency: 1 edge to part 0, one more for each part.
-- Cycles per frame: `parts` per input beat.
-- Limits: a register of parts * width bits, and a multiplexer of a part less.

library ieee;
use ieee.std_logic_1164.all;

use work.millrace_pkg.all;

entity serializer is
  generic (
    -- Bits of a part.
    width : positive;
    -- Parts of a beat: a register of each.
    parts : positive
  );
  port (
    clk : in std_ulogic;
    reset : in std_ulogic;
    --
    input_valid : in std_ulogic;
    input_data : in std_ulogic_vector(parts * width - 1 downto 0);
    --
    output_valid : out std_ulogic := '0';
    output_data : out std_ulogic_vector(width - 1 downto 0)
  );
end entity;

architecture rtl of serializer is

  constant has_parts : boolean := require(parts > 1,
    "serializer: parts must be 2 or more; got " & integer'image(parts));

  signal waiting : std_ulogic_vector(parts * width - 1 downto 0);
  -- Parts behind the one that is sent, less one.
  signal parts_left : integer range -1 to parts - 2 := -1;

begin

  output_data <= waiting(width - 1 downto 0);

  send : process (clk)
  begin
    if rising_edge(clk) then
      if input_valid then
        waiting <= input_data;
        parts_left <= parts - 2;
        -- pragma translate_off
        assert parts_left < 0 report "serializer: beats must come `parts` edges apart" severity failure;
        -- pragma translate_on
      elsif parts_left >= 0 then
        waiting((parts - 1) * width - 1 downto 0) <= waiting(parts * width - 1 downto width);
        parts_left <= parts_left - 1;
      end if;
      output_valid <= '1' when input_valid = '1' or parts_left >= 0 else '0';

      if reset then
        parts_left <= -1;
        output_valid <= '0';
      end if;
    end if;
  end process;

end architecture;
