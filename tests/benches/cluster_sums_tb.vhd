-- Bench of cluster_sums; the scenarios are those of stream_bench.

library ieee;
use ieee.std_logic_1164.all;

library vunit_lib;
context vunit_lib.vunit_context;

use work.bench_pkg.all;

entity cluster_sums_tb is
  generic (
    runner_cfg : string;
    seed : positive;
    first_edge : integer;
    last_edge : integer;
    --
    activation_bits : positive;
    activation_signed : boolean;
    weight_bits : positive;
    weight_signed : boolean;
    accumulator_bits : positive;
    inputs : positive;
    clusters : positive;
    rows : positive;
    fan_in : positive;
    packing : positive;
    spacing : positive;
    overlap : boolean;
    chain : positive
  );
end entity;

architecture bench of cluster_sums_tb is

  constant folder : string := output_path(runner_cfg);

  signal finished : boolean;
  signal clk, reset, input_valid, output_valid : std_ulogic;
  signal input_data : std_ulogic_vector(inputs * activation_bits - 1 downto 0);
  signal output_data : std_ulogic_vector(clusters * rows * accumulator_bits - 1 downto 0);

begin

  main : process
  begin
    test_runner_setup(runner, runner_cfg);
    wait until finished;
    test_runner_cleanup(runner);
  end process;

  bench : entity work.stream_bench
    generic map (
      configuration_text => runner_cfg,
      input_width => inputs * activation_bits,
      output_width => clusters * rows * accumulator_bits,
      seed => seed,
      first_edge => first_edge,
      last_edge => last_edge,
      valid_only => true
    )
    port map (
      finished => finished,
      clk => clk,
      reset => reset,
      input_valid => input_valid,
      input_data => input_data,
      output_ready => open,
      output_valid => output_valid,
      output_data => output_data
    );

  dut : entity work.cluster_sums
    generic map (
      activation_bits => activation_bits,
      activation_signed => activation_signed,
      weight_bits => weight_bits,
      weight_signed => weight_signed,
      accumulator_bits => accumulator_bits,
      inputs => inputs,
      clusters => clusters,
      rows => rows,
      fan_in => fan_in,
      packing => packing,
      spacing => spacing,
      overlap => overlap,
      chain => chain,
      reads => read_rom(folder & "reads.txt"),
      weights => read_rom(folder & "weights.txt")
    )
    port map (
      clk => clk,
      reset => reset,
      input_valid => input_valid,
      input_data => input_data,
      output_valid => output_valid,
      output_data => output_data
    );

end architecture;
