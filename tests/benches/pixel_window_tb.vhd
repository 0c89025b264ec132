-- Bench of pixel_window: the scenarios of stream_bench, and a trace of every edge for the model in
-- window_cases.py. The random output_ready of the bench serves as reservable.

library ieee;
use ieee.std_logic_1164.all;

use std.textio.all;

library vunit_lib;
context vunit_lib.vunit_context;

entity pixel_window_tb is
  generic (
    runner_cfg : string;
    seed : positive;
    width : positive;
    words : positive;
    replays : positive;
    slots : positive
  );
end entity;

architecture bench of pixel_window_tb is

  signal finished : boolean;
  signal clk, reset : std_ulogic;
  signal input_ready, input_valid, reservable, reserve, output_valid : std_ulogic;
  signal input_data, output_data : std_ulogic_vector(width - 1 downto 0);

begin

  main : process
  begin
    test_runner_setup(runner, runner_cfg);
    wait until finished;
    test_runner_cleanup(runner);
  end process;

  trace : process
    file edges : text open write_mode is output_path(runner_cfg) & "trace.txt";
    variable edge : line;
  begin
    wait until rising_edge(clk);
    write(edge, std_ulogic_vector'(reset & input_valid & input_ready & reservable & reserve
      & output_valid));
    writeline(edges, edge);
  end process;

  bench : entity work.stream_bench
    generic map (
      configuration_text => runner_cfg,
      input_width => width,
      output_width => width,
      seed => seed,
      valid_only => true
    )
    port map (
      finished => finished,
      clk => clk,
      reset => reset,
      input_ready => input_ready,
      input_valid => input_valid,
      input_data => input_data,
      output_ready => reservable,
      output_valid => output_valid,
      output_data => output_data
    );

  dut : entity work.pixel_window
    generic map (
      width => width,
      words => words,
      replays => replays,
      slots => slots
    )
    port map (
      clk => clk,
      reset => reset,
      input_ready => input_ready,
      input_valid => input_valid,
      input_data => input_data,
      reservable => reservable,
      reserve => reserve,
      output_valid => output_valid,
      output_data => output_data
    );

end architecture;
