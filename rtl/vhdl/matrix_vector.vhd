-- Multiplies the groups of a window with constant weights: pe output channels, simd products each.
--
--   channel = fold * pe + row
--   output(row) = sum over step, lane: input at step (lane) * weight(channel, step * simd + lane)
--
-- A group is `steps` input beats and gives one output beat; groups of one pixel follow for fold 0 ..
-- folds - 1 (the window repeats the pixel's beats). Canonical order of the weights: output channel
-- slowest, then kernel row, kernel column, input channel.
--
-- Beat order: one output beat per group, in order; valid only, never stalled.
-- Latency: 4 + ceil(log2(simd)) edges from the issue of the group's last beat, which is the edge
-- before the one that takes it here: ROM and input register, operands, products, one register per
-- level of the adder tree, accumulator.
-- Cycles per frame: one per input beat.
-- Limits: products have exact widths, so that each is one DSP48 up to 25 x 18 bits. Sums wrap at
-- accumulator_bits, which must hold every final sum.

library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;

use work.millrace_pkg.all;

entity matrix_vector is
  generic (
    -- Width of an input value, and whether it is signed.
    activation_bits : positive range 1 to 16;
    activation_signed : boolean;
    -- Width of a weight, and whether it is signed.
    weight_bits : positive range 1 to 16;
    weight_signed : boolean;
    -- Width of the signed sums: adders and registers of each row.
    accumulator_bits : positive;
    -- Output channels at a time: pe * simd multipliers.
    pe : positive;
    -- Input values per beat: pe * simd multipliers.
    simd : positive;
    -- Groups per pixel, output channels / pe. The ROM has folds * steps words.
    folds : positive;
    -- Beats per group.
    steps : positive;
    -- folds * pe * steps * simd weights in canonical order.
    weights : rom_words_t
  );
  port (
    clk : in std_ulogic;
    reset : in std_ulogic;
    --
    input_valid : in std_ulogic;
    input_data : in std_ulogic_vector(simd * activation_bits - 1 downto 0);
    --
    output_valid : out std_ulogic := '0';
    output_data : out std_ulogic_vector(pe * accumulator_bits - 1 downto 0)
  );
end entity;

architecture rtl of matrix_vector is

  constant weights_are_complete : boolean := require(
    rom_holds(weights, folds * pe * steps * simd * weight_bits),
    "matrix_vector: weights must hold folds * pe * steps * simd numbers in rows of 256 bits; rows got "
    & integer'image(weights'length));

  -- Weights of one row and step.
  constant piece : positive := simd * weight_bits;

  -- Beyond the words that are read
  constant spare : natural := spare_rows(weights, folds * pe * steps * simd * weight_bits);
  constant last_word : natural := folds * steps - 1 + spare;

  type rom_t is array (0 to last_word) of std_ulogic_vector(pe * piece - 1 downto 0);

  function folded_weights return rom_t is
    constant page : positive := 1024;
    variable rom : rom_t := (others => (others => '1'));
  begin
    for fold in 0 to folds - 1 loop
      -- Two loops over the steps, because tools limit the iterations of one.
      for first in 0 to (steps - 1) / page loop
        for step in first * page to smaller(steps, (first + 1) * page) - 1 loop
          for row in 0 to pe - 1 loop
            rom(fold * steps + step)((row + 1) * piece - 1 downto row * piece) :=
              rom_slice(weights, ((fold * pe + row) * steps + step) * piece, piece);
          end loop;
        end loop;
      end loop;
    end loop;
    return rom;
  end function;

  constant rom : rom_t := folded_weights;

  constant product_bits : positive :=
    value_bits(activation_bits, activation_signed) + value_bits(weight_bits, weight_signed);
  constant levels : natural := clog2(simd);

  -- Level 0 of a row's adder tree are the products, level `levels` is the sum of a beat.
  function nodes (level : natural) return positive is
  begin
    return (simd + 2 ** level - 1) / 2 ** level;
  end function;

  function node_bits (level : natural) return positive is
  begin
    return smaller(product_bits + level, accumulator_bits);
  end function;

  -- Width of the sum of a beat.
  constant sum_bits : positive := node_bits(levels);

  type tree_t is array (0 to levels) of std_ulogic_vector(simd * sum_bits - 1 downto 0);

  signal address : natural range 0 to last_word := 0;
  signal step : natural range 0 to steps - 1 := 0;

  signal rom_word, weight_operands : std_ulogic_vector(pe * piece - 1 downto 0);
  signal activations, activation_operands : std_ulogic_vector(simd * activation_bits - 1 downto 0);

  -- Valid, first and last beat of a group: beside the operands (1, 2), the products (3), the tree.
  signal valid, first, last : std_ulogic_vector(1 to 3 + levels) := (others => '0');

begin

  load : process (clk)
  begin
    if rising_edge(clk) then
      rom_word <= rom(address);
      weight_operands <= rom_word;
      activations <= input_data;
      activation_operands <= activations;
    end if;
  end process;

  rows : for row in 0 to pe - 1 generate
    signal tree : tree_t;
    signal accumulator : signed(accumulator_bits - 1 downto 0);
  begin

    output_data((row + 1) * accumulator_bits - 1 downto row * accumulator_bits) <=
      std_ulogic_vector(accumulator);

    multiply_and_add : process (clk)
      variable product : signed(product_bits - 1 downto 0);
      variable node : signed(sum_bits - 1 downto 0);
    begin
      if rising_edge(clk) then
        for lane in 0 to simd - 1 loop
          product := lane_value(activation_operands, lane, activation_bits, activation_signed)
            * lane_value(weight_operands, row * simd + lane, weight_bits, weight_signed);
          tree(0)((lane + 1) * node_bits(0) - 1 downto lane * node_bits(0)) <=
            std_ulogic_vector(wrap(product, node_bits(0)));
        end loop;

        for level in 1 to levels loop
          for index in 0 to nodes(level) - 1 loop
            -- An odd node goes up alone.
            node := wrap(lane_value(tree(level - 1), 2 * index, node_bits(level - 1), true), sum_bits);
            if 2 * index + 1 < nodes(level - 1) then
              node := node
                + wrap(lane_value(tree(level - 1), 2 * index + 1, node_bits(level - 1), true), sum_bits);
            end if;
            tree(level)((index + 1) * node_bits(level) - 1 downto index * node_bits(level)) <=
              std_ulogic_vector(node(node_bits(level) - 1 downto 0));
          end loop;
        end loop;

        if valid(valid'right) then
          if first(first'right) then
            accumulator <= wrap(lane_value(tree(levels), 0, sum_bits, true), accumulator_bits);
          else
            accumulator <= accumulator + wrap(lane_value(tree(levels), 0, sum_bits, true), accumulator_bits);
          end if;
        end if;
      end if;
    end process;

  end generate;

  control : process (clk)
  begin
    if rising_edge(clk) then
      if input_valid then
        -- GHDL's synthesis refuses the sum where a counter has but one value.
        if folds * steps > 1 then
          address <= 0 when address = folds * steps - 1 else address + 1;
        end if;
        if steps > 1 then
          step <= 0 when step = steps - 1 else step + 1;
        end if;
      end if;
      valid <= input_valid & valid(1 to valid'right - 1);
      first(1) <= '1' when step = 0 else '0';
      last(1) <= '1' when step = steps - 1 else '0';
      first(2 to first'right) <= first(1 to first'right - 1);
      last(2 to last'right) <= last(1 to last'right - 1);
      output_valid <= valid(valid'right) and last(last'right);

      if reset then
        address <= 0;
        step <= 0;
        valid <= (others => '0');
        output_valid <= '0';
      end if;
    end if;
  end process;

end architecture;
