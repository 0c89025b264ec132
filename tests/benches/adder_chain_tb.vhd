-- Bench of adder_chain; the scenarios are those of stream_bench.

library ieee;
use ieee.std_logic_1164.all;

library vunit_lib;
context vunit_lib.vunit_context;

use work.bench_pkg.all;

entity adder_chain_tb is
  generic (
    runner_cfg : string;
    seed : positive;
    first_edge : integer;
    last_edge : integer;
    --
    input_bits : positive;
    input_signed : boolean;
    inputs : positive;
    operations : natural;
    outputs : positive;
    output_bits : positive;
    base : integer;
    stages : natural;
    offset_bits : positive;
    fifo_depth : positive
  );
end entity;

architecture bench of adder_chain_tb is

  constant folder : string := output_path(runner_cfg);

  signal finished : boolean;
  signal clk, reset : std_ulogic;
  signal input_ready, input_valid, output_ready, output_valid : std_ulogic;
  signal input_data : std_ulogic_vector(inputs * input_bits - 1 downto 0);
  signal output_data : std_ulogic_vector(outputs * output_bits - 1 downto 0);

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
      input_width => inputs * input_bits,
      output_width => outputs * output_bits,
      seed => seed,
      first_edge => first_edge,
      last_edge => last_edge
    )
    port map (
      finished => finished,
      clk => clk,
      reset => reset,
      input_ready => input_ready,
      input_valid => input_valid,
      input_data => input_data,
      output_ready => output_ready,
      output_valid => output_valid,
      output_data => output_data
    );

  dut : entity work.adder_chain
    generic map (
      input_bits => input_bits,
      input_signed => input_signed,
      inputs => inputs,
      operations => operations,
      outputs => outputs,
      output_bits => output_bits,
      base => base,
      stages => stages,
      offset_bits => offset_bits,
      graph => read_rom(folder & "graph.txt"),
      sums => read_rom(folder & "sums.txt"),
      offsets => read_rom(folder & "offsets.txt"),
      fifo_depth => fifo_depth
    )
    port map (
      clk => clk,
      reset => reset,
      input_ready => input_ready,
      input_valid => input_valid,
      input_data => input_data,
      output_ready => output_ready,
      output_valid => output_valid,
      output_data => output_data
    );

end architecture;
