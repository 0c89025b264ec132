-- Bench of depthwise_vector; the scenarios are those of stream_bench.

library ieee;
use ieee.std_logic_1164.all;

library vunit_lib;
context vunit_lib.vunit_context;

use work.bench_pkg.all;

entity depthwise_vector_tb is
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
    lanes : positive;
    multiplier : positive;
    blocks : positive;
    steps : positive;
    in_logic : boolean;
    taps : positive
  );
end entity;

architecture bench of depthwise_vector_tb is

  constant folder : string := output_path(runner_cfg);

  signal finished : boolean;
  signal clk, reset, input_valid, output_valid : std_ulogic;
  signal input_data : std_ulogic_vector(taps * (lanes / multiplier) * activation_bits - 1 downto 0);
  signal output_data : std_ulogic_vector(lanes * accumulator_bits - 1 downto 0);

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
      input_width => input_data'length,
      output_width => lanes * accumulator_bits,
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

  dut : entity work.depthwise_vector
    generic map (
      activation_bits => activation_bits,
      activation_signed => activation_signed,
      weight_bits => weight_bits,
      weight_signed => weight_signed,
      accumulator_bits => accumulator_bits,
      lanes => lanes,
      multiplier => multiplier,
      blocks => blocks,
      steps => steps,
      taps => taps,
      in_logic => in_logic,
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
