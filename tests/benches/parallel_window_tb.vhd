-- Bench of parallel_window: the scenarios of stream_bench, and a trace of every edge for the model in
-- parallel_window_cases.py. The random output_ready of the bench serves as reservable.

library ieee;
use ieee.std_logic_1164.all;

use std.textio.all;

library vunit_lib;
context vunit_lib.vunit_context;

entity parallel_window_tb is
  generic (
    runner_cfg : string;
    seed : positive;
    bits : positive;
    height : positive;
    width : positive;
    channels : positive;
    kernel_height : positive;
    kernel_width : positive;
    stride_height : positive;
    stride_width : positive;
    dilation_height : positive;
    dilation_width : positive;
    pad_top : natural;
    pad_left : natural;
    pad_bottom : natural;
    pad_right : natural;
    pad_value : natural;
    taps : positive;
    replays : positive;
    blocks : positive;
    extra_rows : natural
  );
end entity;

architecture bench of parallel_window_tb is

  signal finished : boolean;
  signal clk, reset : std_ulogic;
  signal input_ready, input_valid, reservable, reserve, output_valid : std_ulogic;
  signal input_data : std_ulogic_vector(channels * bits - 1 downto 0);
  signal output_data : std_ulogic_vector(taps * (channels / blocks) * bits - 1 downto 0);

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
      input_width => channels * bits,
      output_width => taps * (channels / blocks) * bits,
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

  dut : entity work.parallel_window
    generic map (
      bits => bits,
      height => height,
      width => width,
      channels => channels,
      kernel_height => kernel_height,
      kernel_width => kernel_width,
      stride_height => stride_height,
      stride_width => stride_width,
      dilation_height => dilation_height,
      dilation_width => dilation_width,
      pad_top => pad_top,
      pad_left => pad_left,
      pad_bottom => pad_bottom,
      pad_right => pad_right,
      pad_value => pad_value,
      taps => taps,
      replays => replays,
      blocks => blocks,
      extra_rows => extra_rows
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
