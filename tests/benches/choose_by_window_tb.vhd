-- Bench of choose_by_window; the scenarios are those of stream_bench.

library ieee;
use ieee.std_logic_1164.all;

library vunit_lib;
context vunit_lib.vunit_context;

use work.bench_pkg.all;

entity choose_by_window_tb is
  generic (
    runner_cfg : string;
    seed : positive;
    first_edge : integer;
    last_edge : integer;
    --
    width : positive;
    sets : positive;
    windows : positive;
    folds : positive
  );
end entity;

architecture bench of choose_by_window_tb is

  constant folder : string := output_path(runner_cfg);

  signal finished : boolean;
  signal clk, reset, input_valid : std_ulogic;
  signal input_data : std_ulogic_vector(sets * width - 1 downto 0);
  signal output_data : std_ulogic_vector(width - 1 downto 0);

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
      output_width => output_data'length,
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
      output_valid => input_valid,
      output_data => output_data
    );

  dut : entity work.choose_by_window
    generic map (
      width => width,
      sets => sets,
      windows => windows,
      folds => folds,
      set_numbers => read_rom(folder & "set_numbers.txt")
    )
    port map (
      clk => clk,
      reset => reset,
      input_valid => input_valid,
      input_data => input_data,
      output_data => output_data
    );

end architecture;
