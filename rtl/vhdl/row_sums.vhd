-- Sums of products of a few rows of weights with one vector: rows that share their multipliers.
--
--   output(row) = sum over the beats of a group, lane: input(lane) * weight(row, lane)
--
-- A multiplier forms the products of all rows at once: it multiplies a value with
--   weight(rows - 1) * 2 ** (spacing * (rows - 1)) + ... + weight(1) * 2 ** spacing + weight(0)
-- and a chain of multipliers adds up such products, each at the edge after the one before, which is
-- what the cascade of a DSP48 column does. Lane position * chains + link is number `position` of chain
-- number `link`; its values and weights come `position` edges late. The sum of a chain has a field of
-- `spacing` bits for each row. A field that is negative has borrowed one of the field above it:
--   sum(row) = the field as a signed number + borrow(row),  borrow(row) = sign of the field below.
-- With overlap a sum may need one bit more than its field has. That bit, the sign, is where the field
-- above begins, added to that field's lowest bit; and this bit is known, being the parity of as many
-- products of lowest bits:
--   borrow(row) = lowest bit of field(row) xor parity(row),  sign(row - 1) = borrow(row).
--
-- The weights of a group of rows come with the borrows of their own fields taken away already, so that
-- the packed weight is their mere concatenation, each extended to `spacing` bits.
--
-- With in_logic no multiplier is used. Up to 4 x 4 bits two tables hold the products of a value with two
-- bits of a weight, and their sum, one adder, is the product. Wider ones are sums of the multiples of a
-- value that each two bits of a weight ask for.
--
-- Beat order: valid only, never stalled.
-- Latency: from a beat's values at position 0 to its sum: operands, product, the chain if it is longer
-- than 1, one register per level of the adder tree over the chains, accumulator.
-- Cycles per frame: one per input beat.
-- Limits: (rows - 1) * spacing + weight bits up to 25 and values up to 18 bits make one DSP48E1 of a
-- product; sums of a chain must fit their fields, with overlap one bit more. Final sums must fit
-- accumulator_bits; others may wrap. Products in logic are those of a single row. Of 4 x 4 bits each bit of
-- a table is one 6-input LUT, some 14 LUTs a product; one of 8 x 8 bits takes some 85, in two or more
-- levels of adders between registers.

library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;

use work.millrace_pkg.all;

entity row_sums is
  generic (
    -- Width of an input value, and whether it is signed.
    activation_bits : positive range 1 to 16;
    activation_signed : boolean;
    -- Width of a weight, and whether it is signed.
    weight_bits : positive range 1 to 16;
    weight_signed : boolean;
    -- Width of the signed sums: adders and registers of each row.
    accumulator_bits : positive;
    -- Rows that share multipliers.
    rows : positive;
    -- Distance of the rows' fields in a product.
    spacing : positive;
    -- Whether the sum of a chain may have one bit more than a field.
    overlap : boolean;
    -- Input values per beat: multipliers.
    simd : positive;
    -- Multipliers of which each adds to the sum of the one before.
    chain : positive;
    -- Whether a group has more than one beat.
    accumulates : boolean;
    -- Whether products are made in logic.
    in_logic : boolean := false
  );
  port (
    clk : in std_ulogic;
    --
    input_data : in std_ulogic_vector(simd * activation_bits - 1 downto 0);
    weight_data : in std_ulogic_vector(rows * simd * weight_bits - 1 downto 0);
    -- Beside the sum of a beat: whether there is one, and whether it begins a group.
    sum_valid : in std_ulogic;
    sum_first : in std_ulogic;
    --
    output_data : out std_ulogic_vector(rows * accumulator_bits - 1 downto 0)
  );
end entity;

architecture rtl of row_sums is

  constant chain_divides : boolean := require(simd mod chain = 0,
    "row_sums: chain must divide simd; got " & integer'image(chain));
  constant fields_hold : boolean := require(
    rows = 1 or spacing >= weight_bits + either(weight_signed, 0, 1),
    "row_sums: spacing must hold a weight; got " & integer'image(spacing));

  constant logic_is_alone : boolean := require(not in_logic or rows = 1,
    "row_sums: products in logic must be of 1 row; rows got " & integer'image(rows));

  constant chains : positive := simd / chain;
  constant levels : natural := clog2(chains);
  -- Whether a multiplier adds up its own products: yosys knows that by a plain sum.
  constant in_multiplier : boolean := rows = 1 and simd = 1 and not in_logic;

  -- Two bits more than needed: without them, yosys takes the product of few bits for an unsigned one of
  -- full width, which is two multipliers.
  constant value_width : positive :=
    value_bits(activation_bits, activation_signed) + either(rows > 1, 2, 0);
  constant weight_width : positive := value_bits(weight_bits, weight_signed);
  -- Products in logic of up to 4 bits: two tables of 6 bits. Others: multiples for each two bits.
  constant by_tables : boolean :=
    in_logic and activation_bits <= 4 and (weight_bits = 3 or weight_bits = 4);
  constant multiple_bits : positive := value_width + 2;
  constant parts_width : positive := (weight_width + 1) / 2 * multiple_bits;
  constant packed_bits : positive := (rows - 1) * spacing + weight_width;
  constant product_bits : positive := packed_bits + activation_bits;
  -- Width of a chain's sum.
  constant chain_bits : positive := product_bits + clog2(chain);
  -- Widths of the sum of a chain for one row.
  constant top_bits : positive := chain_bits - (rows - 1) * spacing;
  constant field_bits : positive := spacing + either(overlap, 1, 0);

  function row_bits (row : natural) return positive is
  begin
    if row = rows - 1 then
      return smaller(top_bits, accumulator_bits);
    end if;
    return smaller(smaller(field_bits, top_bits), accumulator_bits);
  end function;

  type values_t is array (0 to simd - 1) of signed(value_width - 1 downto 0);
  type weights_t is array (0 to simd - 1) of signed(packed_bits - 1 downto 0);
  type products_t is array (0 to simd - 1) of signed(product_bits - 1 downto 0);
  type parts_t is array (0 to simd - 1) of std_ulogic_vector(parts_width - 1 downto 0);
  type sums_t is array (0 to simd - 1) of signed(chain_bits - 1 downto 0);
  type parities_t is array (0 to simd - 1) of std_ulogic_vector(rows - 1 downto 0);
  type chain_sums_t is array (0 to chains - 1) of signed(chain_bits - 1 downto 0);
  type chain_parities_t is array (0 to chains - 1) of std_ulogic_vector(rows - 1 downto 0);

  signal values : values_t;
  signal weights : weights_t;
  signal products : products_t;
  -- Products in logic: those with the lower half of the weights.
  signal lows : products_t;
  signal parts : parts_t;
  signal negative : std_ulogic_vector(0 to simd - 1);
  -- The sum of a chain up to a lane.
  signal sums : sums_t;
  -- The same of the lowest bits: two edges earlier than the sums.
  signal parities : parities_t;
  signal chain_sums : chain_sums_t;
  signal early_parities, late_parities, later_parities, chain_parities : chain_parities_t;

  -- The weights of all rows for a lane, packed.
  function packed (data : std_ulogic_vector; lane : natural) return signed is
    variable number : signed(packed_bits - 1 downto 0);
  begin
    for row in 0 to rows - 1 loop
      number(packed_bits - 1 downto row * spacing) :=
        wrap(lane_value(data, row * simd + lane, weight_bits, weight_signed), packed_bits - row * spacing);
    end loop;
    return number;
  end function;

  -- Products of a value, the upper 4 bits of the index, with two bits of a weight, the lower ones.
  type half_products_t is array (0 to 63) of signed(product_bits - 1 downto 0);

  function half_products (bits_are_signed, negated : boolean) return half_products_t is
    variable table : half_products_t;
    variable value, bits : integer;
  begin
    for index in table'range loop
      value := index / 4;
      bits := index mod 4;
      if activation_signed and value > 7 then
        value := value - 16;
      end if;
      if bits_are_signed and bits > 1 then
        bits := bits - 4;
      end if;
      table(index) := wrap(to_signed(value * either(negated, -bits, bits), 8), product_bits);
    end loop;
    return table;
  end function;

  constant low_products : half_products_t := half_products(false, false);
  -- A difference says, unlike a sum, which operand is the register that needs no LUT of its own.
  constant negative_high_products : half_products_t := half_products(weight_signed, true);

  -- The place of a value with the lower or upper half of a weight in the tables.
  function half_index (value, weight : signed; upper : boolean) return natural is
    constant value_code : signed(3 downto 0) := wrap(value, 4);
    constant weight_code : signed(3 downto 0) := wrap(weight, 4);
    variable index : signed(5 downto 0);
  begin
    if upper then
      index := value_code & weight_code(3 downto 2);
    else
      index := value_code & weight_code(1 downto 0);
    end if;
    return to_integer(unsigned(index));
  end function;

begin

  lanes : for lane in 0 to simd - 1 generate

    multiply : process (clk)
      variable negative_high : signed(product_bits - 1 downto 0);
    begin
      if rising_edge(clk) then
        values(lane) <=
          wrap(lane_value(input_data, lane, activation_bits, activation_signed), value_width);
        weights(lane) <= packed(weight_data, lane);
        if by_tables then
          lows(lane) <= low_products(half_index(
            lane_value(input_data, lane, activation_bits, activation_signed),
            lane_value(weight_data, lane, weight_bits, weight_signed), false));
          negative_high := negative_high_products(half_index(values(lane), weights(lane), true));
          products(lane) <= wrap(lows(lane)(product_bits - 1 downto 2) - negative_high, product_bits - 2)
            & lows(lane)(1 downto 0);
        elsif in_logic then
          parts(lane) <= multiples(
            wrap(lane_value(input_data, lane, activation_bits, activation_signed), value_width),
            packed(weight_data, lane));
          negative(lane) <= packed(weight_data, lane)(weight_width - 1);
          products(lane) <= sum_of_multiples(parts(lane), multiple_bits, negative(lane), product_bits);
        else
          products(lane) <= wrap(values(lane) * weights(lane), product_bits);
        end if;
      end if;
    end process;

    single : if chain = 1 generate
      sums(lane) <= products(lane);
    end generate;

    head : if chain > 1 and lane mod chain = 0 generate
      add : process (clk)
      begin
        if rising_edge(clk) then
          sums(lane) <= resize(products(lane), chain_bits);
        end if;
      end process;
    end generate;

    link : if lane mod chain > 0 generate
      -- In a cascade of multipliers all sums have the same width, in logic the least.
      constant bits : positive :=
        either(in_logic, product_bits + clog2(lane mod chain + 1), chain_bits);
    begin
      add : process (clk)
      begin
        if rising_edge(clk) then
          sums(lane) <= resize(wrap(sums(lane - 1) + products(lane), bits), chain_bits);
        end if;
      end process;
    end generate;

    overlapping : if overlap generate
      parity : process (clk)
        variable weight_is_odd : std_ulogic;
        variable before : std_ulogic;
      begin
        if rising_edge(clk) then
          for row in 1 to rows - 1 loop
            -- The weight as it was before the field below borrowed of it.
            weight_is_odd := weight_data((row * simd + lane) * weight_bits)
              xor weight_data(((row - 1) * simd + lane + 1) * weight_bits - 1);
            before := '0';
            if lane mod chain > 0 then
              before := parities(lane - 1)(row);
            end if;
            parities(lane)(row) <= before xor (weight_is_odd and input_data(lane * activation_bits));
          end loop;
        end if;
      end process;
    end generate;

  end generate;

  ends : for link in 0 to chains - 1 generate
    chain_sums(link) <= sums((link + 1) * chain - 1);

    overlapping : if overlap generate
      early_parities(link) <= parities((link + 1) * chain - 1);

      align : process (clk)
      begin
        if rising_edge(clk) then
          late_parities(link) <= early_parities(link);
          later_parities(link) <= late_parities(link);
        end if;
      end process;

      chain_parities(link) <= late_parities(link) when chain = 1 else later_parities(link);
    end generate;
  end generate;

  row_trees : for row in 0 to rows - 1 generate
    -- Level 0 of the adder tree are the sums of the chains, level `levels` is the sum of a beat.
    function node_bits (level : natural) return positive is
    begin
      return smaller(row_bits(row) + level, accumulator_bits);
    end function;

    function nodes (level : natural) return positive is
    begin
      return (chains + 2 ** level - 1) / 2 ** level;
    end function;

    constant sum_bits : positive := node_bits(levels);

    -- Every node is a number and a borrow still to be added: an adder has one carry input.
    type tree_t is array (0 to levels) of std_ulogic_vector(chains * sum_bits - 1 downto 0);
    type borrows_t is array (0 to levels) of std_ulogic_vector(chains - 1 downto 0);

    signal tree : tree_t;
    signal borrows : borrows_t;
    signal accumulator : signed(accumulator_bits - 1 downto 0);

    function carry (borrow : std_ulogic) return signed is
    begin
      return signed'('0' & borrow);
    end function;
  begin

    fields : for link in 0 to chains - 1 generate
      constant low : natural := row * spacing;
      signal borrow, sign : std_ulogic;
    begin

      borrow <=
        '0' when row = 0 else
        chain_sums(link)(low) xor chain_parities(link)(row) when overlap else
        chain_sums(link)(larger(low - 1, 0));

      borrows(0)(link) <= borrow;

      top : if row = rows - 1 generate
        tree(0)((link + 1) * node_bits(0) - 1 downto link * node_bits(0)) <= std_ulogic_vector(
          wrap(chain_sums(link)(chain_bits - 1 downto low), node_bits(0)));
      end generate;

      inner : if row < rows - 1 generate
        sign <= chain_sums(link)(low + spacing) xor chain_parities(link)(smaller(row + 1, rows - 1))
          when overlap else chain_sums(link)(low + spacing - 1);

        tree(0)((link + 1) * node_bits(0) - 1 downto link * node_bits(0)) <= std_ulogic_vector(
          wrap(signed(std_ulogic_vector'(
            sign & std_ulogic_vector(chain_sums(link)(low + spacing - 1 downto low)))), node_bits(0)));
      end generate;

    end generate;

    tree_levels : for level in 1 to levels generate
      add : process (clk)
        variable node : signed(sum_bits - 1 downto 0);
      begin
        if rising_edge(clk) then
          for index in 0 to nodes(level) - 1 loop
            -- An odd node goes up alone.
            node := wrap(lane_value(tree(level - 1), 2 * index, node_bits(level - 1), true), sum_bits);
            if 2 * index + 1 < nodes(level - 1) then
              node := wrap(node
                + wrap(lane_value(tree(level - 1), 2 * index + 1, node_bits(level - 1), true), sum_bits)
                + carry(borrows(level - 1)(2 * index + 1)), sum_bits);
            end if;
            tree(level)((index + 1) * node_bits(level) - 1 downto index * node_bits(level)) <=
              std_ulogic_vector(node(node_bits(level) - 1 downto 0));
            borrows(level)(index) <= borrows(level - 1)(2 * index);
          end loop;
        end if;
      end process;
    end generate;

    accumulate : process (clk)
      variable base : signed(accumulator_bits - 1 downto 0);
    begin
      if rising_edge(clk) then
        if sum_valid = '1' or not accumulates then
          base := (others => '0');
          if accumulates and sum_first = '0' then
            base := accumulator;
          end if;
          if in_multiplier or not accumulates then
            accumulator <= wrap(base
              + wrap(lane_value(tree(levels), 0, sum_bits, true), accumulator_bits)
              + carry(borrows(levels)(0)), accumulator_bits);
          else
            accumulator <= add_with_carry(
              wrap(lane_value(tree(levels), 0, sum_bits, true), accumulator_bits), base, borrows(levels)(0));
          end if;
        end if;
      end if;
    end process;

    output_data((row + 1) * accumulator_bits - 1 downto row * accumulator_bits) <=
      std_ulogic_vector(accumulator);

  end generate;

end architecture;
