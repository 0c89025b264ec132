-- Bench of dot_product: scenarios and streams are those of pair_bench.

library ieee;
use ieee.std_logic_1164.all;

library vunit_lib;
context vunit_lib.vunit_context;

use work.bench_pkg.all;
use work.millrace_pkg.all;

entity dot_product_tb is
  generic (
    runner_cfg : string;
    seed : positive;
    input_a_bits : positive;
    input_a_signed : boolean;
    input_b_bits : positive;
    input_b_signed : boolean;
    output_bits : positive;
    output_signed : boolean;
    zero_point_a : integer;
    zero_point_b : integer;
    channels : positive;
    accumulator_bits : positive;
    -- Thresholds, not a multiplier.
    has_thresholds : boolean;
    multiplier_bits : positive;
    offset_bits : positive;
    shift : natural;
    low : integer;
    high : integer;
    levels : positive;
    simd : positive;
    fifo_depth : positive;
    first_edge : integer;
    last_edge : integer
  );
end entity;

architecture bench of dot_product_tb is

  function chosen return requantization_t is
  begin
    if has_thresholds then
      return steps;
    end if;
    return scale;
  end function;

  constant requantization : requantization_t := chosen;

  signal finished : boolean;
  signal clk, reset : std_ulogic;
  signal a_ready, a_valid, b_ready, b_valid, output_ready, output_valid : std_ulogic;
  signal a_data : std_ulogic_vector(simd * input_a_bits - 1 downto 0);
  signal b_data : std_ulogic_vector(simd * input_b_bits - 1 downto 0);
  signal output_data : std_ulogic_vector(output_bits - 1 downto 0);

begin

  main : process
  begin
    test_runner_setup(runner, runner_cfg);
    wait until finished;
    test_runner_cleanup(runner);
  end process;

  bench : entity work.pair_bench
    generic map (
      configuration_text => runner_cfg,
      a_width => a_data'length,
      b_width => b_data'length,
      output_width => output_data'length,
      seed => seed,
      first_edge => first_edge,
      last_edge => last_edge
    )
    port map (
      finished => finished,
      clk => clk,
      reset => reset,
      a_ready => a_ready,
      a_valid => a_valid,
      a_data => a_data,
      b_ready => b_ready,
      b_valid => b_valid,
      b_data => b_data,
      output_ready => output_ready,
      output_valid => output_valid,
      output_data => output_data
    );

  dut : entity work.dot_product
    generic map (
      input_a_bits => input_a_bits,
      input_a_signed => input_a_signed,
      input_b_bits => input_b_bits,
      input_b_signed => input_b_signed,
      output_bits => output_bits,
      output_signed => output_signed,
      zero_point_a => zero_point_a,
      zero_point_b => zero_point_b,
      channels => channels,
      accumulator_bits => accumulator_bits,
      requantization => requantization,
      multiplier_bits => multiplier_bits,
      offset_bits => offset_bits,
      shift => shift,
      low => low,
      high => high,
      levels => levels,
      multipliers => read_rom(output_path(runner_cfg) & "multipliers.txt"),
      offsets => read_rom(output_path(runner_cfg) & "offsets.txt"),
      thresholds => read_rom(output_path(runner_cfg) & "thresholds.txt"),
      simd => simd,
      fifo_depth => fifo_depth
    )
    port map (
      clk => clk,
      reset => reset,
      input_a_ready => a_ready,
      input_a_valid => a_valid,
      input_a_data => a_data,
      input_b_ready => b_ready,
      input_b_valid => b_valid,
      input_b_data => b_data,
      output_ready => output_ready,
      output_valid => output_valid,
      output_data => output_data
    );

end architecture;
