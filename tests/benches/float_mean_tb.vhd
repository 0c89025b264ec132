-- Bench of float_mean; the scenarios are those of stream_bench.

library ieee;
use ieee.std_logic_1164.all;

library vunit_lib;
context vunit_lib.vunit_context;

use work.bench_pkg.all;

entity float_mean_tb is
  generic (
    runner_cfg : string;
    seed : positive;
    bits : positive;
    lanes : positive;
    height : positive;
    width : positive;
    channels : positive;
    kernel_height : positive;
    kernel_width : positive;
    stride_height : positive;
    stride_width : positive;
    addend_bits : positive;
    addend_signed : boolean;
    accumulator_bits : positive;
    output_bits : positive;
    output_signed : boolean;
    low : integer;
    levels : positive;
    sets : positive;
    fifo_depth : positive;
    first_edge : integer;
    last_edge : integer
  );
end entity;

architecture bench of float_mean_tb is

  constant folder : string := output_path(runner_cfg);

  signal finished : boolean;
  signal clk, reset : std_ulogic;
  signal input_ready, input_valid, output_ready, output_valid : std_ulogic;
  signal input_data : std_ulogic_vector(lanes * bits - 1 downto 0);
  signal output_data : std_ulogic_vector(lanes * output_bits - 1 downto 0);

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

  dut : entity work.float_mean
    generic map (
      bits => bits,
      lanes => lanes,
      height => height,
      width => width,
      channels => channels,
      kernel_height => kernel_height,
      kernel_width => kernel_width,
      stride_height => stride_height,
      stride_width => stride_width,
      addend_bits => addend_bits,
      addend_signed => addend_signed,
      addends => read_rom(folder & "addends.txt"),
      accumulator_bits => accumulator_bits,
      output_bits => output_bits,
      output_signed => output_signed,
      low => low,
      levels => levels,
      sets => sets,
      thresholds => read_rom(folder & "thresholds.txt"),
      set_numbers => read_rom(folder & "set_numbers.txt"),
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
