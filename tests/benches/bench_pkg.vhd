-- What the test benches share: constant tables read from files, and seeded random stalls.

library ieee;
use ieee.std_logic_1164.all;
use ieee.math_real.all;

use std.textio.all;

use work.millrace_pkg.all;

package bench_pkg is

  -- The constant table in a file of one 256-digit binary number per row.
  impure function read_rom (path : string) return rom_words_t;

  -- The digits of a binary number; VUnit gives strings.
  function binary (digits : string) return std_ulogic_vector;

  -- True in percent of the calls.
  procedure draw (variable seed_1, seed_2 : inout positive; percent : natural; drawn : out boolean);

end package;

package body bench_pkg is

  impure function read_rom (path : string) return rom_words_t is
    file table : text;
    variable row : line;
    variable count : natural := 0;

    impure function rows return rom_words_t is
      variable words : rom_words_t(0 to count - 1);
    begin
      for index in words'range loop
        readline(table, row);
        read(row, words(index));
      end loop;
      file_close(table);
      return words;
    end function;
  begin
    file_open(table, path, read_mode);
    while not endfile(table) loop
      readline(table, row);
      count := count + 1;
    end loop;
    file_close(table);
    file_open(table, path, read_mode);
    return rows;
  end function;

  function binary (digits : string) return std_ulogic_vector is
    variable number : std_ulogic_vector(digits'length - 1 downto 0);
    variable place : natural := digits'length;
  begin
    for index in digits'range loop
      place := place - 1;
      number(place) := '1' when digits(index) = '1' else '0';
    end loop;
    return number;
  end function;

  procedure draw (variable seed_1, seed_2 : inout positive; percent : natural; drawn : out boolean) is
    variable number : real;
  begin
    uniform(seed_1, seed_2, number);
    drawn := number * 100.0 < real(percent);
  end procedure;

end package body;
