-- Bench of lane_maxima; the scenarios are those of stream_bench.

library ieee;
use ieee.std_logic_1164.all;

library vunit_lib;
context vunit_lib.vunit_context;

use work.bench_pkg.all;

entity lane_maxima_tb is
  generic (
    runner_cfg : string;
    seed : positive;
    first_edge : integer;
    last_edge : integer;
    --
    bits : positive;
    is_signed : boolean;
    inputs : positive;
    outputs : positive;
    most : positive
  );
end entity;

architecture bench of lane_maxima_tb is

  constant folder : string := output_path(runner_cfg);

  signal finished : boolean;
  signal clk, reset, input_valid, output_valid : std_ulogic;
  signal input_data : std_ulogic_vector(inputs * bits - 1 downto 0);
  signal output_data : std_ulogic_vector(outputs * bits - 1 downto 0);

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
      input_width => inputs * bits,
      output_width => outputs * bits,
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

  dut : entity work.lane_maxima
    generic map (
      bits => bits,
      is_signed => is_signed,
      inputs => inputs,
      outputs => outputs,
      most => most,
      members => read_rom(folder & "members.txt")
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
