-- A requantized product of two streams of one shape, value by value.
--
--   product = (a - zero_point_a) * (b - zero_point_b)
--   output = clamp((product * factor + offset) >> shift, low, high)
--
-- The shift is arithmetic (floor); with half_even it rounds to nearest, ties to even.
--
-- Beat order: unchanged; a pair of beats is taken at one edge.
-- Latency: 6 edges (7 with half_even) from taking a pair to its push into the FIFO: operands, less zero
-- points, product, times factor, sum, rounding, shift and clamp; it can be taken one edge later.
-- Cycles per frame: one per pair of beats, with fifo_depth >= latency + 2.
-- Limits: each input's ready waits for the other's valid.

library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;

use work.millrace_pkg.all;

entity product is
  generic (
    -- One channel of each stream.
    input_a_bits : positive range 1 to 16;
    input_a_signed : boolean;
    input_b_bits : positive range 1 to 16;
    input_b_signed : boolean;
    output_bits : positive range 1 to 16;
    output_signed : boolean;
    -- Channels per beat; each costs a multiplier and a constant one.
    lanes : positive;
    -- The codes that stand for 0; each but 0 costs an adder per lane.
    zero_point_a : integer;
    zero_point_b : integer;
    -- Its width is that of the constant multiplier; a power of two costs nothing.
    factor : integer;
    -- A signed number of any width.
    offset : std_ulogic_vector;
    -- Bits shifted out; wires only.
    shift : natural;
    -- Least and greatest code: a fused ReLU or clip.
    low : integer;
    high : integer;
    -- Rounding costs an adder per lane.
    half_even : boolean := false;
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

architecture rtl of product is

  constant range_is_right : boolean := require(low <= high,
    "product: low must not exceed high; got " & integer'image(low) & " .. " & integer'image(high));
  constant low_is_right : boolean := require(fits(low, output_bits, output_signed),
    "product: low must fit the output; got " & integer'image(low));
  constant high_is_right : boolean := require(fits(high, output_bits, output_signed),
    "product: high must fit the output; got " & integer'image(high));
  constant a_is_right : boolean := require(fits(zero_point_a, input_a_bits, input_a_signed),
    "product: zero_point_a must fit input a; got " & integer'image(zero_point_a));
  constant b_is_right : boolean := require(fits(zero_point_b, input_b_bits, input_b_signed),
    "product: zero_point_b must fit input b; got " & integer'image(zero_point_b));

  -- The difference of two codes has one bit more than a code.
  constant centred_a_bits : positive := input_a_bits + 1;
  constant centred_b_bits : positive := input_b_bits + 1;
  constant product_bits : positive := centred_a_bits + centred_b_bits;
  constant factor_bits : positive := signed_bits(abs factor);
  constant scaled_bits : positive := product_bits + factor_bits;

  -- Two summands, less than another one by rounding, and no less than what is shifted out.
  constant sum_bits : positive := constant_bits(larger(larger(scaled_bits, offset'length), shift) + 2);

  constant latency : positive := either(half_even, 7, 6);

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
    signal centred_a : signed(centred_a_bits - 1 downto 0);
    signal centred_b : signed(centred_b_bits - 1 downto 0);
    signal multiplied : signed(product_bits - 1 downto 0);
    signal scaled : signed(scaled_bits - 1 downto 0);
    signal sum, nearest : signed(sum_bits - 1 downto 0);
  begin

    multiply : process (clk)
    begin
      if rising_edge(clk) then
        centred_a <= resize(lane_value(operand_a, lane, input_a_bits, input_a_signed), centred_a_bits)
          - to_signed(zero_point_a, centred_a_bits);
        centred_b <= resize(lane_value(operand_b, lane, input_b_bits, input_b_signed), centred_b_bits)
          - to_signed(zero_point_b, centred_b_bits);
        multiplied <= centred_a * centred_b;
        scaled <= multiplied * to_signed(abs factor, factor_bits);
        sum <= add_or_subtract(resize(signed(offset), sum_bits), resize(scaled, sum_bits), factor < 0);
        result((lane + 1) * output_bits - 1 downto lane * output_bits) <=
          clamp(nearest(sum_bits - 1 downto shift), low, high, output_bits);
      end if;
    end process;

    rounding : if half_even generate
      round : process (clk)
      begin
        if rising_edge(clk) then
          nearest <= toward_even(sum, shift);
        end if;
      end process;
    end generate;

    truncation : if not half_even generate
      nearest <= sum;
    end generate;

  end generate;

end architecture;
