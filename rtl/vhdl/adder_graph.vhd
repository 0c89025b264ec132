-- Multiplies a vector with a constant matrix by adders alone: sums of shifted inputs, and of such sums.
--
--   value(n) = input(n), n < inputs
--   value(n) = value(left) + (value(right) << shift), or minus, for the additions behind them
--   output(lane) = value(node) << shift, or 0
--
-- `graph` says what is added: eight numbers for each value, the inputs first: left, right, shift,
-- whether it subtracts, its bits, whether it is signed, the register stages in front of it and those
-- up to its last use. `sums` has three for each output: whether there is one, node, shift. Every value has its
-- own width, and a register for each stage between its adder and its last use.
--
-- Beat order: unchanged; valid only, never stalled.
-- Latency: `stages` edges. Additions of the same stage are not registered in between.
-- Cycles per frame: one per beat.
-- Limits: below 65,536 values. An adder takes a LUT for each bit where both operands have one.

library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;

use work.millrace_pkg.all;

entity adder_graph is
  generic (
    -- Width of an input value, and whether it is signed.
    input_bits : positive range 1 to 16;
    input_signed : boolean;
    -- Input values per beat.
    inputs : positive range 1 to 65535;
    -- Adders.
    additions : natural range 0 to 65535;
    -- Sums per beat, and the width of each: wires.
    outputs : positive range 1 to 65535;
    output_bits : positive;
    -- Register stages, of which the last is the outputs'.
    stages : positive;
    -- What is added: numbers of 20 bits.
    graph : rom_words_t;
    sums : rom_words_t
  );
  port (
    clk : in std_ulogic;
    reset : in std_ulogic;
    --
    input_valid : in std_ulogic;
    input_data : in std_ulogic_vector(inputs * input_bits - 1 downto 0);
    --
    output_valid : out std_ulogic;
    output_data : out std_ulogic_vector(outputs * output_bits - 1 downto 0)
  );
end entity;

architecture rtl of adder_graph is

  constant number_bits : positive := 20;
  constant last_value : natural := inputs + additions - 1;

  constant graph_is_complete : boolean := require(
    rom_holds(graph, (last_value + 1) * 8 * number_bits),
    "adder_graph: graph must hold eight numbers for each value in rows of 256 bits; rows got "
    & integer'image(graph'length));
  constant sums_are_complete : boolean := require(rom_holds(sums, outputs * 3 * number_bits),
    "adder_graph: sums must hold three numbers for each output in rows of 256 bits; rows got "
    & integer'image(sums'length));

  type numbers_t is array (natural range <>) of natural;

  -- Every so many numbers of a table, from number `first` on.
  function numbers (words : rom_words_t; first, distance, count : natural) return numbers_t is
    variable result : numbers_t(0 to count - 1);
  begin
    for index in result'range loop
      result(index) := to_integer(unsigned(
        rom_slice(words, (first + index * distance) * number_bits, number_bits)));
    end loop;
    return result;
  end function;

  constant left : numbers_t(0 to last_value) := numbers(graph, 0, 8, last_value + 1);
  constant right : numbers_t(0 to last_value) := numbers(graph, 1, 8, last_value + 1);
  constant shift : numbers_t(0 to last_value) := numbers(graph, 2, 8, last_value + 1);
  constant subtracts : numbers_t(0 to last_value) := numbers(graph, 3, 8, last_value + 1);
  constant bits : numbers_t(0 to last_value) := numbers(graph, 4, 8, last_value + 1);
  constant is_signed : numbers_t(0 to last_value) := numbers(graph, 5, 8, last_value + 1);
  constant first : numbers_t(0 to last_value) := numbers(graph, 6, 8, last_value + 1);
  constant last : numbers_t(0 to last_value) := numbers(graph, 7, 8, last_value + 1);

  constant there : numbers_t(0 to outputs - 1) := numbers(sums, 0, 3, outputs);
  constant node : numbers_t(0 to outputs - 1) := numbers(sums, 1, 3, outputs);
  constant output_shift : numbers_t(0 to outputs - 1) := numbers(sums, 2, 3, outputs);

  -- Where each value begins in a vector of them all, at every stage from its first to its last.
  function places return numbers_t is
    variable place : natural := 0;
    variable result : numbers_t(0 to last_value + 1);
  begin
    for value in 0 to last_value loop
      result(value) := place;
      place := place + bits(value) * (last(value) - first(value) + 1);
    end loop;
    result(last_value + 1) := place;
    return result;
  end function;

  constant place : numbers_t(0 to last_value + 1) := places;

  signal values : std_ulogic_vector(place(last_value + 1) - 1 downto 0);
  signal valid : std_ulogic_vector(1 to stages) := (others => '0');

begin

  each_input : for index in 0 to inputs - 1 generate
    values(place(index) + input_bits - 1 downto place(index)) <=
      input_data((index + 1) * input_bits - 1 downto index * input_bits);
  end generate;

  each_addition : for value in inputs to last_value generate
    constant width : positive := bits(value);
    constant low : natural := shift(value);
    constant left_place : natural :=
      place(left(value)) + (first(value) - first(left(value))) * bits(left(value));
    constant right_place : natural :=
      place(right(value)) + (first(value) - first(right(value))) * bits(right(value));

    signal left_value : signed(width - 1 downto 0);
    signal right_value, high : signed(width - low - 1 downto 0);
  begin

    left_value <= wrap(lane_value(
      values(left_place + bits(left(value)) - 1 downto left_place), 0, bits(left(value)),
      is_signed(left(value)) = 1), width);
    right_value <= wrap(lane_value(
      values(right_place + bits(right(value)) - 1 downto right_place), 0, bits(right(value)),
      is_signed(right(value)) = 1), width - low);

    -- What lies below the right operand needs no adder.
    high <= add_or_subtract(left_value(width - 1 downto low), right_value, subtracts(value) = 1);

    values(place(value) + width - 1 downto place(value) + low) <= std_ulogic_vector(high);

    below : if low > 0 generate
      values(place(value) + low - 1 downto place(value)) <= std_ulogic_vector(left_value(low - 1 downto 0));
    end generate;

  end generate;

  each_value : for value in 0 to last_value generate
    later : if last(value) > first(value) generate
      constant width : positive := bits(value);
      constant length : positive := width * (last(value) - first(value));
    begin

      delay : process (clk)
      begin
        if rising_edge(clk) then
          values(place(value) + width + length - 1 downto place(value) + width) <=
            values(place(value) + length - 1 downto place(value));
        end if;
      end process;

    end generate;
  end generate;

  each_output : for lane in 0 to outputs - 1 generate

    sum : if there(lane) = 1 generate
      constant width : positive := bits(node(lane));
      constant low : natural := place(node(lane)) + (stages - first(node(lane))) * width;
    begin
      output_data((lane + 1) * output_bits - 1 downto lane * output_bits) <= std_ulogic_vector(
        shift_left(wrap(lane_value(values(low + width - 1 downto low), 0, width, is_signed(node(lane)) = 1),
          output_bits), output_shift(lane)));
    end generate;

    nothing : if there(lane) = 0 generate
      output_data((lane + 1) * output_bits - 1 downto lane * output_bits) <= (others => '0');
    end generate;

  end generate;

  output_valid <= valid(stages);

  control : process (clk)
  begin
    if rising_edge(clk) then
      valid <= input_valid & valid(1 to stages - 1);

      if reset then
        valid <= (others => '0');
      end if;
    end if;
  end process;

end architecture;
