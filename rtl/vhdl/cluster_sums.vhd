-- Multiplies a beat with constant weights most of which are 0: clusters of output channels read some values.
--
--   channel = cluster * rows + row
--   output(channel) = sum over place of 0 .. fan_in - 1: input(reads(cluster, place)) * weight(channel, place)
--
-- What convolutions over blocks of pixels need: a cluster for each position of a block (and group of
-- channels), which sees the values of its own taps. A matrix_vector of one step and one fold each, so rows of
-- a cluster share multipliers as its rows do.
--
-- Canonical orders: reads by cluster, then place, clog2(inputs) bits each; weights by channel, then place.
-- Beat order: one beat out for each beat in, valid only, never stalled.
-- Latency: that of matrix_vector with `simd` = fan_in.
-- Cycles per frame: one per input beat.
-- Limits: all weights are used at each beat; a product with a weight that is 0 is left to synthesis to leave
-- out, so a cluster that needs fewer than fan_in values has others with weights of 0.

library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;

use work.millrace_pkg.all;

entity cluster_sums is
  generic (
    -- Width of an input value, and whether it is signed.
    activation_bits : positive range 1 to 16;
    activation_signed : boolean;
    -- Width of a weight, and whether it is signed.
    weight_bits : positive range 1 to 16;
    weight_signed : boolean;
    -- Width of the signed sums.
    accumulator_bits : positive;
    -- Values of a beat; wires.
    inputs : positive;
    -- Equal parts of the output channels, the channels of one, and the values that it reads:
    -- clusters * rows * fan_in products.
    clusters : positive;
    rows : positive;
    fan_in : positive;
    -- How the rows of a cluster share multipliers, and how these are chained: see matrix_vector.
    packing : positive := 1;
    spacing : positive := 17;
    overlap : boolean := false;
    chain : positive := 1;
    factor_bits : positive := 25;
    -- Constants in canonical order.
    reads : rom_words_t;
    weights : rom_words_t
  );
  port (
    clk : in std_ulogic;
    reset : in std_ulogic;
    --
    input_valid : in std_ulogic;
    input_data : in std_ulogic_vector(inputs * activation_bits - 1 downto 0);
    --
    output_valid : out std_ulogic;
    output_data : out std_ulogic_vector(clusters * rows * accumulator_bits - 1 downto 0)
  );
end entity;

architecture rtl of cluster_sums is

  constant number_bits : positive := larger(1, clog2(inputs));

  constant reads_are_complete : boolean := require(rom_holds(reads, clusters * fan_in * number_bits),
    "cluster_sums: reads must hold clusters * fan_in numbers in rows of 256 bits; rows got "
    & integer'image(reads'length));
  constant weights_are_complete : boolean := require(
    rom_holds(weights, clusters * rows * fan_in * weight_bits),
    "cluster_sums: weights must hold clusters * rows * fan_in numbers in rows of 256 bits; rows got "
    & integer'image(weights'length));

  signal valid : std_ulogic_vector(0 to clusters - 1);

begin

  output_valid <= valid(0);

  each_cluster : for cluster in 0 to clusters - 1 generate
    signal taken : std_ulogic_vector(fan_in * activation_bits - 1 downto 0);
  begin

    places : for place in 0 to fan_in - 1 generate
      constant number : natural := to_integer(unsigned(
        rom_slice(reads, (cluster * fan_in + place) * number_bits, number_bits)));
    begin
      taken((place + 1) * activation_bits - 1 downto place * activation_bits) <=
        input_data((number + 1) * activation_bits - 1 downto number * activation_bits);
    end generate;

    sums : entity work.matrix_vector
      generic map (
        activation_bits => activation_bits,
        activation_signed => activation_signed,
        weight_bits => weight_bits,
        weight_signed => weight_signed,
        accumulator_bits => accumulator_bits,
        pe => rows,
        simd => fan_in,
        folds => 1,
        steps => 1,
        packing => packing,
        spacing => spacing,
        overlap => overlap,
        factor_bits => factor_bits,
        chain => chain,
        weights => rom_part(weights, cluster * rows * fan_in * weight_bits, rows * fan_in * weight_bits)
      )
      port map (
        clk => clk,
        reset => reset,
        input_valid => input_valid,
        input_data => taken,
        output_valid => valid(cluster),
        output_data => output_data((cluster + 1) * rows * accumulator_bits - 1
          downto cluster * rows * accumulator_bits)
      );

  end generate;

end architecture;
