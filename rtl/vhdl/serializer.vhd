-- Sends the parts of a beat one after the other: a wide result through a narrow pipeline.
--
--   output(parts * n + part) = part number `part` of input(n), part 0 in the lowest bits
--
-- Beat order: as said; valid only, never stalled. The next beat comes `parts` edges later at the
-- earliest.
-- Latency: 1 edge to part 0, one more for each part.
-- Cycles per frame: `parts` per input beat.
-- Limits: a register of parts * width bits, which a multiplexer of `parts` to 1 reads: a LUT for each bit up
-- to 4 parts.

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

  -- The beat whose parts are sent, and the part that is.
  signal held : std_ulogic_vector(parts * width - 1 downto 0);
  signal part : natural range 0 to parts - 1 := parts - 1;

begin

  output_data <= held(part * width + width - 1 downto part * width);

  send : process (clk)
  begin
    if rising_edge(clk) then
      if input_valid then
        held <= input_data;
        part <= 0;
        -- pragma translate_off
        assert part = parts - 1 report "serializer: beats must come `parts` edges apart" severity failure;
        -- pragma translate_on
      elsif part /= parts - 1 then
        part <= part + 1;
      end if;
      output_valid <= '1' when input_valid = '1' or part /= parts - 1 else '0';

      if reset then
        part <= parts - 1;
        output_valid <= '0';
      end if;
    end if;
  end process;

end architecture;
