-- Multiplies a vector with constant matrices by adders alone: sums of shifted inputs, and of such sums, and
-- codes of them, which may be summed again.
--
--   value(n) = input(n) less the least input, n < inputs: no value but those of offsets is negative
--   value(n), for the operations behind them, by the number of its operator:
--     0   value(left) + (value(right) << shift)
--     1   value(left) + (not value(right) << shift), each bit of value(right) inverted
--     2   constant + (value(left) << shift)
--     3   constant - (value(left) << shift)
--     4   value(left) >> shift (floor), but at least 0 and at most the constant
--     5   constant
--   output(lane) = base + (value(node) << shift), or base
--
-- `graph` has nine numbers for each value, the inputs first: operator, left, right, shift, number of its
-- constant among `offsets`, its bits, whether it is signed, the register stages in front of it and those
-- up to its last use. `sums` has three for each output: whether there is one, node, shift. Every value
-- has its own width, and a register for each stage between its operation and its last use.
--
-- Beat order: unchanged; valid only, never stalled.
-- Latency: `stages` edges; with 0 it is logic alone. Operations of the same stage are not registered
-- in between.
-- Cycles per frame: one per beat.
-- Limits: below 65,536 values. An adder takes a LUT for each bit where both operands have one, an offset one
-- for each bit of its constant that is set, a clamp one for each bit of its code and one or two more.

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
    -- Operations.
    operations : natural range 0 to 65535;
    -- Results per beat, and the width of each: wires.
    outputs : positive range 1 to 65535;
    output_bits : positive;
    -- What is added to each result: the least code, which costs an inverter at most.
    base : integer := 0;
    -- Register stages in front of the outputs.
    stages : natural;
    -- Width of a constant.
    offset_bits : positive;
    -- What is computed: numbers of 20 bits.
    graph : rom_words_t;
    sums : rom_words_t;
    -- Constants, signed.
    offsets : rom_words_t
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
  constant columns : positive := 9;
  constant last_value : natural := inputs + operations - 1;

  constant graph_is_complete : boolean := require(
    rom_holds(graph, (last_value + 1) * columns * number_bits),
    "adder_graph: graph must hold nine numbers for each value in rows of 256 bits; rows got "
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

  constant operator : numbers_t(0 to last_value) := numbers(graph, 0, columns, last_value + 1);
  constant left : numbers_t(0 to last_value) := numbers(graph, 1, columns, last_value + 1);
  constant right : numbers_t(0 to last_value) := numbers(graph, 2, columns, last_value + 1);
  constant shift : numbers_t(0 to last_value) := numbers(graph, 3, columns, last_value + 1);
  constant constant_number : numbers_t(0 to last_value) := numbers(graph, 4, columns, last_value + 1);
  constant bits : numbers_t(0 to last_value) := numbers(graph, 5, columns, last_value + 1);
  constant is_signed : numbers_t(0 to last_value) := numbers(graph, 6, columns, last_value + 1);
  constant first : numbers_t(0 to last_value) := numbers(graph, 7, columns, last_value + 1);
  constant last : numbers_t(0 to last_value) := numbers(graph, 8, columns, last_value + 1);

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

  -- Where a value that is read at a stage begins.
  function at_stage (value, stage : natural) return natural is
  begin
    return place(value) + (stage - first(value)) * bits(value);
  end function;

  -- An input less the least one.
  function above_least (code : std_ulogic_vector) return std_ulogic_vector is
    constant plain : std_ulogic_vector(input_bits - 1 downto 0) := code;
  begin
    if input_signed then
      return not plain(input_bits - 1) & plain(input_bits - 2 downto 0);
    end if;
    return plain;
  end function;

  -- A number shifted, at least 0, at most `most`.
  function limited (number : signed; shift : natural; most : natural; code_bits : positive)
    return std_ulogic_vector is
    -- A zero above all, so that there are always bits to take.
    constant shifted : signed(number'length + code_bits downto 0) :=
      shift_right(wrap(number, number'length + code_bits + 1), shift);
    constant above : std_ulogic_vector(number'length - 1 downto 0) :=
      std_ulogic_vector(shifted(number'length + code_bits - 1 downto code_bits));
    constant code : unsigned(code_bits - 1 downto 0) := unsigned(shifted(code_bits - 1 downto 0));
    variable result : unsigned(code_bits - 1 downto 0) := code;
  begin
    if shifted(shifted'high) then
      result := (others => '0');
    elsif (or above) = '1' then
      result := to_unsigned(most, code_bits);
    elsif code > to_unsigned(most, code_bits) then
      result := to_unsigned(most, code_bits);
    end if;
    return std_ulogic_vector(result);
  end function;

  -- GHDL's simulation keeps a copy of a whole signal for each statement that drives a part of it. With a signal
  -- for each group of values, its memory does not grow with the square of the operations.
  constant group_size : positive := 64;

  signal values : std_ulogic_vector(place(last_value + 1) - 1 downto 0);
  signal valid : std_ulogic_vector(0 to stages);

begin

  each_group : for number in 0 to last_value / group_size generate
    constant first_value : natural := number * group_size;
    constant end_value : natural := smaller(first_value + group_size, last_value + 1);
    constant start : natural := place(first_value);
    -- The group's values at every stage.
    signal own : std_ulogic_vector(place(end_value) - start - 1 downto 0);
  begin

    values(place(end_value) - 1 downto start) <= own;

    each_value : for value in first_value to end_value - 1 generate
      constant width : positive := bits(value);
      constant own_place : natural := place(value) - start;
    begin

      entering : if value < inputs generate
        own(own_place + input_bits - 1 downto own_place) <=
          above_least(input_data((value + 1) * input_bits - 1 downto value * input_bits));
      end generate;

      operation : if value >= inputs generate
        constant low : natural := shift(value);
        constant stage : natural := first(value);
        constant left_bits : positive := bits(left(value));
        constant left_place : natural := either(
          operator(value) = 5, place(left(value)), at_stage(left(value), stage));
        constant offset : signed(offset_bits - 1 downto 0) :=
          signed(rom_slice(offsets, constant_number(value) * offset_bits, offset_bits));
        -- The left operand, with a sign; of a constant, which has none, anything.
        signal operand : signed(value_bits(left_bits, is_signed(left(value)) = 1) - 1 downto 0);
      begin

        operand <= lane_value(
          values(left_place + left_bits - 1 downto left_place), 0, left_bits, is_signed(left(value)) = 1);

        sum : if operator(value) <= 1 generate
          constant right_bits : positive := bits(right(value));
          constant right_place : natural := at_stage(right(value), stage);
          signal left_value : signed(width - 1 downto 0);
          signal right_bits_of : std_ulogic_vector(right_bits - 1 downto 0);
          signal high : signed(width - low downto 0);
        begin

          left_value <= wrap(operand, width);
          right_bits_of <= values(right_place + right_bits - 1 downto right_place) when operator(value) = 0
            else not values(right_place + right_bits - 1 downto right_place);

          -- What lies below the right operand needs no adder. A zero is added below both operands, because
          -- yosys makes carry-save adders of sums that only another sum reads as they are: two LUTs for each bit.
          high <= (left_value(width - 1 downto low) & '0') + (wrap(signed('0' & right_bits_of), width - low) & '0');
          own(own_place + width - 1 downto own_place + low) <= std_ulogic_vector(high(width - low downto 1));

          below : if low > 0 generate
            own(own_place + low - 1 downto own_place) <= std_ulogic_vector(left_value(low - 1 downto 0));
          end generate;

        end generate;

        displaced : if operator(value) = 2 or operator(value) = 3 generate
          -- A bit more where GHDL would take the constant for zero.
          constant inner : positive := constant_bits(width);
          constant added : signed(inner - 1 downto 0) := wrap(offset, inner);
          signal summand, total : signed(inner - 1 downto 0);
        begin
          summand <= shift_left(wrap(operand, inner), low);
          total <= add_or_subtract(added, summand, operator(value) = 3);
          own(own_place + width - 1 downto own_place) <= std_ulogic_vector(total(width - 1 downto 0));
        end generate;

        clamped : if operator(value) = 4 generate
          own(own_place + width - 1 downto own_place) <= limited(operand, low, to_integer(offset), width);
        end generate;

        fixed : if operator(value) = 5 generate
          own(own_place + width - 1 downto own_place) <= std_ulogic_vector(wrap(offset, width));
        end generate;

      end generate;

      later : if last(value) > first(value) generate
        constant length : positive := width * (last(value) - first(value));
      begin

        delay : process (clk)
        begin
          if rising_edge(clk) then
            own(own_place + width + length - 1 downto own_place + width) <=
              own(own_place + length - 1 downto own_place);
          end if;
        end process;

      end generate;

    end generate;

  end generate;

  each_output : for lane in 0 to outputs - 1 generate

    result : if there(lane) = 1 generate
      constant width : positive := bits(node(lane));
      constant low : natural := at_stage(node(lane), stages);
    begin
      output_data((lane + 1) * output_bits - 1 downto lane * output_bits) <= std_ulogic_vector(
        shift_left(wrap(lane_value(values(low + width - 1 downto low), 0, width, is_signed(node(lane)) = 1),
          output_bits), output_shift(lane)) + to_signed(base, output_bits));
    end generate;

    nothing : if there(lane) = 0 generate
      output_data((lane + 1) * output_bits - 1 downto lane * output_bits) <=
        std_ulogic_vector(to_signed(base, output_bits));
    end generate;

  end generate;

  valid(0) <= input_valid;
  output_valid <= valid(stages);

  pipelined : if stages > 0 generate
    control : process (clk)
    begin
      if rising_edge(clk) then
        valid(1 to stages) <= valid(0 to stages - 1);

        if reset then
          valid(1 to stages) <= (others => '0');
        end if;
      end if;
    end process;
  end generate;

end architecture;
