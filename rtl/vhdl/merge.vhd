-- A weighted sum of two streams of one shape, value by value: add, subtract, average.
--
--   sum = a * factor_a + b * factor_b + offset
--   output = clamp((sum >> shift) + zero_point, low, high)
--
-- The shift is arithmetic (floor); with half_even it rounds to nearest, ties to even.
--
-- Beat order: unchanged; a pair of beats is taken at one edge.
-- Latency: 5 edges (6 with half_even) from taking a pair to its push into the FIFO: operands, products,
-- first sum, second sum, rounding, shift and clamp; it can be taken one edge later.
-- Cycles per frame: one per pair of beats, with fifo_depth >= latency + 2.
-- Limits: each input's ready waits for the other's valid.

library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;

use work.millrace_pkg.all;

entity merge is
  generic (
    -- One channel of each stream.
    input_a_bits : positive range 1 to 16;
    input_a_signed : boolean;
    input_b_bits : positive range 1 to 16;
    input_b_signed : boolean;
    output_bits : positive range 1 to 16;
    output_signed : boolean;
    -- Channels per beat; each costs two constant multipliers.
    lanes : positive;
    -- Their widths are those of the multipliers.
    factor_a : integer;
    factor_b : integer;
    -- A signed number of any width.
    offset : std_ulogic_vector;
    -- Bits shifted out; wires only.
    shift : natural;
    -- Least and greatest code: a fused ReLU or clip.
    low : integer;
    high : integer;
    -- Rounding costs an adder per lane.
    half_even : boolean := false;
    -- Costs nothing: it is added to the offset.
    zero_point : integer := 0;
    -- Beats of the output FIFO.
    fifo_depth : positive
  );
  port (
    clk : in std_ulogic;
    reset : in std_ulogic;
    --
    input_a_ready : out std_ulogic;
    input_a_valid : in std_ulogic;
    input_a_data : in std_ulogic_vector(lanes * input_a_bits - 1 downto 0);
    --
    input_b_ready : out std_ulogic;
    input_b_valid : in std_ulogic;
    input_b_data : in std_ulogic_vector(lanes * input_b_bits - 1 downto 0);
    --
    output_ready : in std_ulogic;
    output_valid : out std_ulogic;
    output_data : out std_ulogic_vector(lanes * output_bits - 1 downto 0)
  );
end entity;

architecture rtl of merge is

  constant range_is_right : boolean := require(low <= high,
    "merge: low must not exceed high; got " & integer'image(low) & " .. " & integer'image(high));
  constant low_is_right : boolean := require(fits(low, output_bits, output_signed),
    "merge: low must fit the output; got " & integer'image(low));
  constant high_is_right : boolean := require(fits(high, output_bits, output_signed),
    "merge: high must fit the output; got " & integer'image(high));

  constant factor_a_bits : positive := signed_bits(abs factor_a);
  constant factor_b_bits : positive := signed_bits(abs factor_b);
  constant product_a_bits : positive := value_bits(input_a_bits, input_a_signed) + factor_a_bits;
  constant product_b_bits : positive := value_bits(input_b_bits, input_b_signed) + factor_b_bits;

  -- (sum >> shift) + zero_point = (sum + zero_point * 2 ** shift) >> shift
  constant summand_bits : positive := larger(offset'length, signed_bits(zero_point) + shift) + 1;
  constant summand : signed(summand_bits - 1 downto 0) := resize(signed(offset), summand_bits)
    + shift_left(to_signed(zero_point, summand_bits), shift);

  -- Three summands, and less than another one by rounding.
  constant sum_bits : positive :=
    constant_bits(larger(larger(product_a_bits, product_b_bits), summand_bits) + 2);

  constant latency : positive := either(half_even, 6, 5);

  signal operand_a : std_ulogic_vector(input_a_data'range);
  signal operand_b : std_ulogic_vector(input_b_data'range);
  signal result : std_ulogic_vector(output_data'range);

begin

  pipeline : entity work.pair_pipeline
    generic map (
      a_width => input_a_data'length,
      b_width => input_b_data'length,
      output_width => output_data'length,
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
      operand_a => operand_a,
      operand_b => operand_b,
      result => result,
      output_ready => output_ready,
      output_valid => output_valid,
      output_data => output_data
    );

  each_lane : for lane in 0 to lanes - 1 generate
    signal product_a : signed(product_a_bits - 1 downto 0);
    signal product_b, product_b_delayed : signed(product_b_bits - 1 downto 0);
    signal sum_a, sum, nearest : signed(sum_bits - 1 downto 0);
  begin

    add : process (clk)
    begin
      if rising_edge(clk) then
        product_a <= lane_value(operand_a, lane, input_a_bits, input_a_signed)
          * to_signed(abs factor_a, factor_a_bits);
        product_b <= lane_value(operand_b, lane, input_b_bits, input_b_signed)
          * to_signed(abs factor_b, factor_b_bits);
        sum_a <= add_or_subtract(resize(summand, sum_bits), resize(product_a, sum_bits), factor_a < 0);
        product_b_delayed <= product_b;
        sum <= add_or_subtract(sum_a, resize(product_b_delayed, sum_bits), factor_b < 0);
        result((lane + 1) * output_bits - 1 downto lane * output_bits) <=
          clamp(nearest(sum_bits - 1 downto shift), low, high, output_bits);
      end if;
    end process;

    rounding : if half_even generate
      round : process (clk)
      begin
        if rising_edge(clk) then
          -- The quotient that is even or odd is that without zero_point.
          nearest <= toward_even(sum, shift, zero_point mod 2 = 1);
        end if;
      end process;
    end generate;

    truncation : if not half_even generate
      nearest <= sum;
    end generate;

  end generate;

end architecture;
