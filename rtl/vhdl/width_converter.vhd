-- Changes the number of lanes per beat; one side's number divides the other's.
--
--   wide beat = narrow beats 0 .. N-1, the first of them in the lowest lanes
--
-- Equal lanes: wires, no latency.
-- Narrowing 1:N: a beat taken at edge t leaves as part i at edge t + 1 + i at the earliest; the next
-- beat can be taken at the edge at which the last part leaves. N cycles per beat.
-- Widening N:1: the wide beat leaves one edge after its last narrow beat was taken, at the earliest; the
-- next narrow beat can be taken at that edge. N cycles per wide beat.
-- Limits: input_ready follows output_ready combinationally.

library ieee;
use ieee.std_logic_1164.all;

use work.millrace_pkg.all;

entity width_converter is
  generic (
    -- Bits of one lane.
    bits : positive;
    -- Lanes of a beat on each side; the larger one costs its number of registers.
    input_lanes : positive;
    output_lanes : positive
  );
  port (
    clk : in std_ulogic;
    reset : in std_ulogic;
    --
    input_ready : out std_ulogic;
    input_valid : in std_ulogic;
    input_data : in std_ulogic_vector(input_lanes * bits - 1 downto 0);
    --
    output_ready : in std_ulogic;
    output_valid : out std_ulogic;
    output_data : out std_ulogic_vector(output_lanes * bits - 1 downto 0)
  );
end entity;

architecture rtl of width_converter is

  constant legal : boolean :=
    require(larger(input_lanes, output_lanes) mod smaller(input_lanes, output_lanes) = 0,
      "width_converter: one number of lanes must divide the other; got "
      & integer'image(input_lanes) & " and " & integer'image(output_lanes));

  constant parts : positive := larger(input_lanes, output_lanes) / smaller(input_lanes, output_lanes);

begin

  choose : if input_lanes = output_lanes generate

    input_ready <= output_ready;
    output_valid <= input_valid;
    output_data <= input_data;

  elsif input_lanes > output_lanes generate

    signal beat : std_ulogic_vector(input_lanes * bits - 1 downto 0);
    signal full : std_ulogic := '0';
    signal part : natural range 0 to parts - 1 := 0;
    signal is_last : std_ulogic;

  begin

    is_last <= '1' when part = parts - 1 else '0';
    input_ready <= not full or (is_last and output_ready);
    output_valid <= full;
    output_data <= beat(output_data'range);

    narrow : process (clk)
    begin
      if rising_edge(clk) then
        if full and output_ready then
          beat(beat'high - output_data'length downto 0) <= beat(beat'high downto output_data'length);
          if is_last then
            part <= 0;
            full <= '0';
          else
            part <= part + 1;
          end if;
        end if;

        if input_valid and input_ready then
          beat <= input_data;
          full <= '1';
        end if;

        if reset then
          part <= 0;
          full <= '0';
        end if;
      end if;
    end process;

  else generate

    signal beat : std_ulogic_vector(output_lanes * bits - 1 downto 0);
    signal full : std_ulogic := '0';
    signal part : natural range 0 to parts - 1 := 0;

  begin

    input_ready <= not full or output_ready;
    output_valid <= full;
    output_data <= beat;

    widen : process (clk)
    begin
      if rising_edge(clk) then
        if output_ready then
          full <= '0';
        end if;

        if input_valid and input_ready then
          beat <= input_data & beat(beat'high downto input_data'length);
          if part = parts - 1 then
            part <= 0;
            full <= '1';
          else
            part <= part + 1;
          end if;
        end if;

        if reset then
          part <= 0;
          full <= '0';
        end if;
      end if;
    end process;

  end generate;

end architecture;
