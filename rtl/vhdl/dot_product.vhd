-- Dot products of two streams of one shape: the products of a pixel's channels, added and requantized.
--
--   accumulator = sum over the channels of (a - zero_point_a) * (b - zero_point_b)
--   output = requantize(accumulator) or threshold(accumulator), by `requantization`
--
-- Beat order: channels / simd pairs of beats per pixel, each pair taken at one edge; one output per
-- pixel.
-- Latency: from taking a pixel's last pair to its push into the FIFO: operands, less zero points,
-- products, ceil(log2(simd)) levels of an adder tree, accumulator, requantization; it can be taken one
-- edge later.
-- Cycles per frame: one per pair of beats, with fifo_depth * channels / simd >= latency + 2.
-- Limits: each input's ready waits for the other's valid.

library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;

use work.millrace_pkg.all;
use work.threshold_pkg.all;

entity dot_product is
  generic (
    -- One channel of each stream.
    input_a_bits : positive range 1 to 16;
    input_a_signed : boolean;
    input_b_bits : positive range 1 to 16;
    input_b_signed : boolean;
    output_bits : positive range 1 to 16;
    output_signed : boolean;
    -- The codes that stand for 0; each but 0 costs an adder per product.
    zero_point_a : integer;
    zero_point_b : integer;
    -- Products of an output.
    channels : positive;
    -- Width of their sum; sums on the way may wrap.
    accumulator_bits : positive;
    -- By one multiplier, or by a sorted table of steps.
    requantization : requantization_t;
    -- For scale: see requantize.
    multiplier_bits : positive := 1;
    offset_bits : positive := 1;
    shift : natural := 0;
    -- Least code.
    low : integer;
    -- Greatest code, for scale.
    high : integer := 0;
    -- For steps: see threshold.
    levels : positive := 1;
    -- Constants: one number, or those of a sorted table.
    multipliers : rom_words_t := no_table;
    offsets : rom_words_t := no_table;
    thresholds : rom_words_t := no_table;
    -- Channels per cycle: a multiplier each.
    simd : positive;
    -- Beats of the output FIFO.
    fifo_depth : positive
  );
  port (
    clk : in std_ulogic;
    reset : in std_ulogic;
    --
    input_a_ready : out std_ulogic;
    input_a_valid : in std_ulogic;
    input_a_data : in std_ulogic_vector(simd * input_a_bits - 1 downto 0);
    --
    input_b_ready : out std_ulogic;
    input_b_valid : in std_ulogic;
    input_b_data : in std_ulogic_vector(simd * input_b_bits - 1 downto 0);
    --
    output_ready : in std_ulogic;
    output_valid : out std_ulogic;
    output_data : out std_ulogic_vector(output_bits - 1 downto 0)
  );
end entity;

architecture rtl of dot_product is

  constant simd_is_right : boolean := require(channels mod simd = 0,
    "dot_product: simd must divide channels; got " & integer'image(simd));
  constant a_is_right : boolean := require(fits(zero_point_a, input_a_bits, input_a_signed),
    "dot_product: zero_point_a must fit input a; got " & integer'image(zero_point_a));
  constant b_is_right : boolean := require(fits(zero_point_b, input_b_bits, input_b_signed),
    "dot_product: zero_point_b must fit input b; got " & integer'image(zero_point_b));

  -- The difference of two codes has one bit more than a code.
  constant centred_a_bits : positive := input_a_bits + 1;
  constant centred_b_bits : positive := input_b_bits + 1;
  constant product_bits : positive := centred_a_bits + centred_b_bits;
  constant tree_levels : natural := clog2(simd);

  -- Level 0 of the adder tree are the products, level `tree_levels` is the sum of a beat.
  function nodes (level : natural) return positive is
  begin
    return (simd + 2 ** level - 1) / 2 ** level;
  end function;

  constant sum_bits : positive := product_bits + tree_levels;

  -- Operands, differences, products, the tree, accumulator, requantization.
  constant latency : positive := 4 + tree_levels
    + either(requantization = scale, requantize_latency, threshold_latency(levels, accumulator_bits, 1));

  type tree_t is array (0 to tree_levels) of std_ulogic_vector(simd * sum_bits - 1 downto 0);

  signal operand_a : std_ulogic_vector(input_a_data'range);
  signal operand_b : std_ulogic_vector(input_b_data'range);
  signal centred_a : std_ulogic_vector(simd * centred_a_bits - 1 downto 0);
  signal centred_b : std_ulogic_vector(simd * centred_b_bits - 1 downto 0);
  signal tree : tree_t;
  signal accumulator : signed(accumulator_bits - 1 downto 0);

  -- A pair, and the first one of a pixel: operands (1), differences (2), products (3), the tree.
  signal valid, first : std_ulogic_vector(1 to 3 + tree_levels) := (others => '0');
  signal result : std_ulogic_vector(output_bits - 1 downto 0);

begin

  pipeline : entity work.pair_pipeline
    generic map (
      a_width => input_a_data'length,
      b_width => input_b_data'length,
      output_width => output_data'length,
      pairs => channels / simd,
      latency => latency,
      fifo_depth => fifo_depth
    )
    port map (
      clk => clk,
      reset => reset,
      input_a_ready => input_a_ready,
      input_a_valid => input_a_valid,
      input_a_data => input_a_data,
      input_b_ready => input_b_ready,
      input_b_valid => input_b_valid,
      input_b_data => input_b_data,
      operand_valid => valid(1),
      operand_first => first(1),
      operand_a => operand_a,
      operand_b => operand_b,
      result => result,
      output_ready => output_ready,
      output_valid => output_valid,
      output_data => output_data
    );

  ------------------------------------------------------------------------------
  follow : process (clk)
  begin
    if rising_edge(clk) then
      valid(2 to valid'right) <= valid(1 to valid'right - 1);
      first(2 to first'right) <= first(1 to first'right - 1);
      if reset then
        valid(2 to valid'right) <= (others => '0');
      end if;
    end if;
  end process;

  ------------------------------------------------------------------------------
  multiply_and_add : process (clk)
    variable difference_a : signed(centred_a_bits - 1 downto 0);
    variable difference_b : signed(centred_b_bits - 1 downto 0);
    variable product : signed(product_bits - 1 downto 0);
    variable node : signed(sum_bits - 1 downto 0);
  begin
    if rising_edge(clk) then
      for lane in 0 to simd - 1 loop
        difference_a := resize(lane_value(operand_a, lane, input_a_bits, input_a_signed), centred_a_bits)
          - to_signed(zero_point_a, centred_a_bits);
        difference_b := resize(lane_value(operand_b, lane, input_b_bits, input_b_signed), centred_b_bits)
          - to_signed(zero_point_b, centred_b_bits);
        centred_a((lane + 1) * centred_a_bits - 1 downto lane * centred_a_bits) <=
          std_ulogic_vector(difference_a);
        centred_b((lane + 1) * centred_b_bits - 1 downto lane * centred_b_bits) <=
          std_ulogic_vector(difference_b);
        product := lane_value(centred_a, lane, centred_a_bits, true)
          * lane_value(centred_b, lane, centred_b_bits, true);
        tree(0)((lane + 1) * sum_bits - 1 downto lane * sum_bits) <=
          std_ulogic_vector(resize(product, sum_bits));
      end loop;

      for level in 1 to tree_levels loop
        for index in 0 to nodes(level) - 1 loop
          -- An odd node goes up alone.
          node := lane_value(tree(level - 1), 2 * index, sum_bits, true);
          if 2 * index + 1 < nodes(level - 1) then
            node := node + lane_value(tree(level - 1), 2 * index + 1, sum_bits, true);
          end if;
          tree(level)((index + 1) * sum_bits - 1 downto index * sum_bits) <= std_ulogic_vector(node);
        end loop;
      end loop;

      if valid(valid'right) then
        if first(first'right) then
          accumulator <= wrap(lane_value(tree(tree_levels), 0, sum_bits, true), accumulator_bits);
        else
          accumulator <= accumulator
            + wrap(lane_value(tree(tree_levels), 0, sum_bits, true), accumulator_bits);
        end if;
      end if;
    end if;
  end process;

  ------------------------------------------------------------------------------
  -- The pipeline knows which results are valid.
  scaled : if requantization = scale generate
    codes : entity work.requantize
      generic map (
        input_bits => accumulator_bits,
        output_bits => output_bits,
        output_signed => output_signed,
        multiplier_bits => multiplier_bits,
        offset_bits => offset_bits,
        shift => shift,
        low => low,
        high => high,
        lanes => 1,
        folds => 1,
        multipliers => multipliers,
        offsets => offsets
      )
      port map (
        clk => clk,
        reset => reset,
        input_valid => '1',
        input_data => std_ulogic_vector(accumulator),
        output_valid => open,
        output_data => result
      );
  end generate;

  stepped : if requantization = steps generate
    codes : entity work.threshold
      generic map (
        input_bits => accumulator_bits,
        output_bits => output_bits,
        output_signed => output_signed,
        low => low,
        levels => levels,
        lanes => 1,
        folds => 1,
        thresholds => thresholds
      )
      port map (
        clk => clk,
        reset => reset,
        input_valid => '1',
        input_data => std_ulogic_vector(accumulator),
        output_valid => open,
        output_data => result
      );
  end generate;

end architecture;
