-- Replaces each value by a table's entry: any function of one value (sigmoid, leaky ReLU, ...).
--
--   output(lane) = table(bit pattern of input(lane))
--
-- Beat order: unchanged; valid only, never stalled.
-- Latency: 1 edge, the table's output register.
-- Cycles per frame: one per beat.
-- Limits: the table has 2 ** input_bits entries and is stored once per lane.

library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;

use work.millrace_pkg.all;

entity lookup is
  generic (
    -- Width of a value that comes in: each bit more doubles the tables.
    input_bits : positive range 1 to 16;
    -- Width of a table entry.
    output_bits : positive range 1 to 16;
    -- Values per beat: one copy of the table each.
    lanes : positive;
    -- Entries in the order of the input's bit pattern, output_bits each.
    table : rom_words_t
  );
  port (
    clk : in std_ulogic;
    reset : in std_ulogic;
    --
    input_valid : in std_ulogic;
    input_data : in std_ulogic_vector(lanes * input_bits - 1 downto 0);
    --
    output_valid : out std_ulogic := '0';
    output_data : out std_ulogic_vector(lanes * output_bits - 1 downto 0)
  );
end entity;

architecture rtl of lookup is

  constant table_is_complete : boolean := require(rom_holds(table, 2 ** input_bits * output_bits),
    "lookup: table must hold 2 ** input_bits entries in rows of 256 bits; rows got "
    & integer'image(table'length));

  type rom_t is array (0 to 2 ** input_bits - 1) of std_ulogic_vector(output_bits - 1 downto 0);

  function entries return rom_t is
    constant page : positive := 2 ** (input_bits / 2);
    variable rom : rom_t;
  begin
    -- Two loops, because tools limit the iterations of one.
    for first in 0 to rom_t'length / page - 1 loop
      for offset in 0 to page - 1 loop
        rom(first * page + offset) := rom_slice(table, (first * page + offset) * output_bits, output_bits);
      end loop;
    end loop;
    return rom;
  end function;

  constant rom : rom_t := entries;

begin

  look_up : process (clk)
  begin
    if rising_edge(clk) then
      for lane in 0 to lanes - 1 loop
        output_data((lane + 1) * output_bits - 1 downto lane * output_bits) <=
          rom(to_integer(unsigned(input_data((lane + 1) * input_bits - 1 downto lane * input_bits))));
      end loop;
    end if;
  end process;

  control : process (clk)
  begin
    if rising_edge(clk) then
      output_valid <= input_valid;

      if reset then
        output_valid <= '0';
      end if;
    end if;
  end process;

end architecture;
