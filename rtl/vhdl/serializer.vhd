-- Sends the parts of a beat one after the other: a wide result through a narrow pipeline.
--
--   output(parts * n + part) = part number `part` of input(n), part 0 in the lowest bits
--
-- Of every last of `groups` beats the upper `surplus` parts are not sent.
--
-- Beat order: as said; valid only, never stalled. The next beat comes `parts * interval` edges later at the
-- earliest.
-- Latency: 2 edges to part 0, 1 with an interval above 1; `interval` more for each part.
-- Cycles per frame: `parts * interval` per input beat.
-- Limits: a register of parts * width bits, which a multiplexer of `parts` to 1 reads: a LUT for each bit up
-- to 4 parts. Where parts go at every edge, there is a register behind it, as their reader is a multiplier
-- or a comparator; one that takes several edges for each part begins with a register of its own.

library ieee;
use ieee.std_logic_1164.all;

use work.millrace_pkg.all;

entity serializer is
  generic (
    -- Bits of a part.
    width : positive;
    -- Parts of a beat: a register of each.
    parts : positive;
    -- Beats of a round: a counter, if there is a surplus.
    groups : positive := 1;
    -- Parts of a round's last beat that are not sent.
    surplus : natural := 0;
    -- Edges from a part to the next: a counter, if more than 1.
    interval : positive := 1
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
  constant some_are_sent : boolean := require(surplus < parts,
    "serializer: surplus must be less than parts; got " & integer'image(surplus));

  -- The beat whose parts are sent, and the part that is.
  signal held : std_ulogic_vector(parts * width - 1 downto 0);
  signal part : natural range 0 to parts - 1 := parts - 1;
  -- The last part of the beat that is sent.
  signal last_part : natural range 0 to parts - 1 := parts - 1;
  signal beat : natural range 0 to groups - 1 := 0;
  -- Edges since the part was sent.
  signal age : natural range 0 to interval - 1 := 0;
  -- The part, when it has just become that.
  signal chosen_valid : std_ulogic := '0';
  signal chosen : std_ulogic_vector(width - 1 downto 0);

begin

  chosen <= held(part * width + width - 1 downto part * width);

  send : process (clk)
  begin
    if rising_edge(clk) then
      if input_valid then
        held <= input_data;
        part <= 0;
        age <= 0;
        if surplus > 0 then
          last_part <= parts - surplus - 1 when beat = groups - 1 else parts - 1;
          -- GHDL's synthesis refuses the sum where a counter has but one value.
          if groups > 1 then
            beat <= 0 when beat = groups - 1 else beat + 1;
          end if;
        end if;
        -- pragma translate_off
        assert part = last_part report "serializer: beats must come `parts * interval` edges apart"
          severity failure;
        -- pragma translate_on
      elsif part /= last_part then
        -- GHDL's synthesis refuses the sum where a counter has but one value.
        if interval > 1 then
          age <= 0 when age = interval - 1 else age + 1;
        end if;
        if age = interval - 1 then
          part <= part + 1;
        end if;
      end if;
      chosen_valid <= '1' when input_valid = '1' or (part /= last_part and age = interval - 1) else '0';

      if reset then
        part <= parts - 1;
        last_part <= parts - 1;
        beat <= 0;
        chosen_valid <= '0';
      end if;
    end if;
  end process;

  registered : if interval = 1 generate
    store : process (clk)
    begin
      if rising_edge(clk) then
        output_valid <= chosen_valid;
        output_data <= chosen;

        if reset then
          output_valid <= '0';
        end if;
      end if;
    end process;
  end generate;

  direct : if interval > 1 generate
    output_valid <= chosen_valid;
    output_data <= chosen;
  end generate;

end architecture;
