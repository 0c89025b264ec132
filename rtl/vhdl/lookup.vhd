-- Replaces each value by a table's entry: any function of one value (sigmoid, leaky ReLU, ...).
--
--   output(lane) = table(bit pattern of input(lane)) if is_shared, else
--                  table(fold * lanes + lane, bit pattern of input(lane))
--
-- Beat order: unchanged, fold 0 .. folds - 1 of each pixel; valid only, never stalled.
-- Latency: 1 edge, the table's output register.
-- Cycles per frame: one per beat.
-- Limits: a table has 2 ** input_bits entries; a shared one is stored once per lane.

library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;

use work.millrace_pkg.all;

entity lookup is
  generic (
    -- Width of a value that comes in: each bit more doubles the tables.
    input_bits : positive range 1 to 16;
    -- Width of a table entry.
    output_bits : positive range 1 to 64;
    -- Values per beat: one copy of the table each.
    lanes : positive;
    -- One table for all channels, or one each: `folds` times the memory.
    is_shared : boolean := true;
    -- Beats per pixel; of no importance for a shared table.
    folds : positive := 1;
    -- Entries in the order of the input's bit pattern, output_bits each; channel slowest.
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

  constant words : positive := 2 ** input_bits;
  constant tables : positive := either(is_shared, 1, folds);

  constant table_is_complete : boolean := require(
    rom_holds(table, words * output_bits * either(is_shared, 1, folds * lanes)),
    "lookup: table must hold 2 ** input_bits entries in rows of 256 bits; rows got "
    & integer'image(table'length));

  subtype contents_t is std_ulogic_vector(tables * words * output_bits - 1 downto 0);

  -- The tables of one lane, one behind the other
  function contents (lane : natural) return contents_t is
    constant length : positive := words * output_bits;
    variable result : contents_t;
  begin
    for fold in 0 to tables - 1 loop
      result((fold + 1) * length - 1 downto fold * length) :=
        rom_slice(table, either(is_shared, 0, (fold * lanes + lane) * length), length);
    end loop;
    return result;
  end function;

  signal fold : natural range 0 to tables - 1 := 0;

begin

  each_lane : for lane in 0 to lanes - 1 generate
    constant last_word : natural := tables * words - 1 + spare_rows(contents(lane));

    type rom_t is array (0 to last_word) of std_ulogic_vector(output_bits - 1 downto 0);

    function entries return rom_t is
      constant page : positive := 2 ** (input_bits / 2);
      constant flat : contents_t := contents(lane);
      variable rom : rom_t := (others => (others => '1'));
    begin
      -- Two loops, because tools limit the iterations of one.
      for first in 0 to tables * words / page - 1 loop
        for entry in first * page to (first + 1) * page - 1 loop
          rom(entry) := flat((entry + 1) * output_bits - 1 downto entry * output_bits);
        end loop;
      end loop;
      return rom;
    end function;

    constant rom : rom_t := entries;
    attribute rom_style of rom : constant is rom_style_of(last_word + 1, output_bits);
  begin

    look_up : process (clk)
    begin
      if rising_edge(clk) then
        output_data((lane + 1) * output_bits - 1 downto lane * output_bits) <= rom(fold * words
          + to_integer(unsigned(input_data((lane + 1) * input_bits - 1 downto lane * input_bits))));
      end if;
    end process;

  end generate;

  control : process (clk)
  begin
    if rising_edge(clk) then
      output_valid <= input_valid;
      if tables > 1 and input_valid = '1' then
        fold <= 0 when fold = tables - 1 else fold + 1;
      end if;

      if reset then
        fold <= 0;
        output_valid <= '0';
      end if;
    end if;
  end process;

end architecture;
