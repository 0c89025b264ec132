-- Sum and reciprocal deviation of each pixel's channels: the first pass of a layer normalization.
--
--   for each pixel, with n channels:
--     total    = sum(input(c))
--     radicand = (n * sum(input(c) ** 2) - total ** 2) * 2 ** 10 + epsilon
--     root, moved = see `inverse_root`
--
-- Beat order: `lanes` channels per beat, channels / lanes beats per pixel; one result per pixel. Valid only,
-- never stalled.
-- Latency: 2 + (2 + ceil(log2(lanes))) + 3 + (ceil(log2(half_width)) + 4) edges from a pixel's last beat to the
-- one that can push its result: operands, squares; sums; products, variance, radicand; root.
-- Cycles per frame: one per beat.
-- Limits: half_width must hold the radicand.

library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;

use work.millrace_pkg.all;

entity moments is
  generic (
    -- Bits of one input channel.
    bits : positive range 1 to 8;
    is_signed : boolean;
    -- Channels per beat; divides channels; each costs a multiplier.
    lanes : positive;
    channels : positive range 1 to 1024;
    -- What keeps the radicand from 0, unsigned, with 10 bits behind the point.
    epsilon : std_ulogic_vector;
    -- Half the bits of the radicand: see half_width in ir/layer_normalization.py.
    half_width : positive range 9 to 32;
    -- See `inverse_root`.
    roots : rom_words_t
  );
  port (
    clk : in std_ulogic;
    reset : in std_ulogic;
    --
    input_valid : in std_ulogic;
    input_data : in std_ulogic_vector(lanes * bits - 1 downto 0);
    --
    output_valid : out std_ulogic;
    output_total : out std_ulogic_vector(value_bits(bits, is_signed) + clog2(channels) - 1 downto 0);
    output_root : out std_ulogic_vector(17 downto 0);
    output_moved : out std_ulogic_vector(clog2(half_width) - 1 downto 0)
  );
end entity;

architecture rtl of moments is

  constant folds : positive := channels / lanes;
  constant value_width : positive := value_bits(bits, is_signed);
  constant count_bits : positive := clog2(channels + 1) + 1;
  constant square_bits : positive := 2 * bits;
  constant total_bits : positive := value_width + clog2(channels);
  constant squares_bits : positive := square_bits + clog2(channels);
  constant variance_bits : positive := 2 * (bits + clog2(channels)) + 1;
  constant radicand_bits : positive := 2 * half_width;

  constant legal : boolean := require(
    epsilon'length <= radicand_bits - 1 and variance_bits + 9 <= radicand_bits - 1,
    "moments: half_width must hold the radicand; got " & integer'image(half_width));

  signal operands : std_ulogic_vector(lanes * value_width - 1 downto 0);
  signal values : std_ulogic_vector(lanes * value_width - 1 downto 0);
  signal squares : std_ulogic_vector(lanes * square_bits - 1 downto 0);
  signal operands_valid, values_valid, sums_valid : std_ulogic := '0';
  signal total : std_ulogic_vector(total_bits - 1 downto 0);
  signal sum_of_squares : std_ulogic_vector(squares_bits - 1 downto 0);
  signal scaled_squares, squared_total, variance : unsigned(variance_bits - 1 downto 0);
  signal radicand : unsigned(constant_bits(radicand_bits) - 1 downto 0);
  signal radicand_valid : std_ulogic_vector(1 to 3) := (others => '0');
  -- The total waits for its root.
  type totals_t is array (1 to clog2(half_width) + 7) of std_ulogic_vector(total_bits - 1 downto 0);
  signal totals : totals_t;

begin

  square : process (clk)
    variable value : signed(value_width - 1 downto 0);
    variable product : signed(2 * value_width - 1 downto 0);
  begin
    if rising_edge(clk) then
      operands <= resize_lanes(input_data, bits, value_width, is_signed);
      operands_valid <= input_valid and not reset;
      values <= operands;
      values_valid <= operands_valid and not reset;
      for lane in 0 to lanes - 1 loop
        value := lane_value(operands, lane, value_width, true);
        product := value * value;
        squares((lane + 1) * square_bits - 1 downto lane * square_bits) <=
          std_ulogic_vector(product(square_bits - 1 downto 0));
      end loop;
    end if;
  end process;

  add : entity work.channel_reduce
    generic map (
      adds => true, bits => value_width, is_signed => true, lanes => lanes, folds => folds,
      output_bits => total_bits
    )
    port map (
      clk => clk, reset => reset,
      input_valid => values_valid, input_data => values,
      output_valid => sums_valid, output_data => total
    );

  add_squares : entity work.channel_reduce
    generic map (
      adds => true, bits => square_bits, is_signed => false, lanes => lanes, folds => folds,
      output_bits => squares_bits
    )
    port map (
      clk => clk, reset => reset,
      input_valid => values_valid, input_data => squares,
      output_valid => open, output_data => sum_of_squares
    );

  -- Neither product is more than the square of channels times the largest code.
  make_radicand : process (clk)
    variable of_total : signed(2 * total_bits - 1 downto 0);
    variable of_squares : unsigned(squares_bits + count_bits - 1 downto 0);
  begin
    if rising_edge(clk) then
      of_total := signed(total) * signed(total);
      of_squares := unsigned(sum_of_squares) * to_unsigned(channels, count_bits);
      squared_total <= resize(unsigned(of_total), variance_bits);
      scaled_squares <= resize(of_squares, variance_bits);
      variance <= scaled_squares - squared_total;
      radicand <= resize(variance & "0000000000", radicand'length)
        + resize(unsigned(epsilon), radicand'length);

      totals(1) <= total;
      for stage in 2 to totals'high loop
        totals(stage) <= totals(stage - 1);
      end loop;

      radicand_valid <= sums_valid & radicand_valid(1 to 2);
      if reset then
        radicand_valid <= (others => '0');
      end if;
    end if;
  end process;

  find_root : entity work.inverse_root
    generic map (half_width => half_width, roots => roots)
    port map (
      clk => clk,
      reset => reset,
      input_valid => radicand_valid(3),
      input_radicand => std_ulogic_vector(radicand(radicand_bits - 1 downto 0)),
      output_valid => output_valid,
      output_root => output_root,
      output_moved => output_moved
    );

  output_total <= totals(totals'high);

end architecture;
