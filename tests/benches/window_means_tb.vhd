-- Bench of window_means; the scenarios are those of stream_bench.

library ieee;
use ieee.std_logic_1164.all;

library vunit_lib;
context vunit_lib.vunit_context;

use work.bench_pkg.all;

entity window_means_tb is
  generic (
    runner_cfg : string;
    seed : positive;
    input_bits : positive;
    lanes : positive;
    folds : positive;
    height : positive;
    width : positive;
    kernel_height : positive;
    kernel_width : positive;
    stride_height : positive;
    stride_width : positive;
    pad_top : natural;
    pad_left : natural;
    pad_bottom : natural;
    pad_right : natural;
    output_bits : positive;
    output_signed : boolean;
    multiplier_bits : positive;
    offset_bits : positive;
    shift : natural;
    low : integer;
    high : integer;
    first_edge : integer;
    last_edge : integer
  );
end entity;

architecture bench of window_means_tb is

  constant folder : string := output_path(runner_cfg);

  signal finished : boolean;
  signal clk, reset : std_ulogic;
  signal input_valid, output_valid : std_ulogic;
  signal input_data : std_ulogic_vector(lanes * input_bits - 1 downto 0);
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

  dut : entity work.window_means
    generic map (
      input_bits => input_bits,
      lanes => lanes,
      folds => folds,
      height => height,
      width => width,
      kernel_height => kernel_height,
      kernel_width => kernel_width,
      stride_height => stride_height,
      stride_width => stride_width,
      pad_top => pad_top,
      pad_left => pad_left,
      pad_bottom => pad_bottom,
      pad_right => pad_right,
      output_bits => output_bits,
      output_signed => output_signed,
      multiplier_bits => multiplier_bits,
      offset_bits => offset_bits,
      shift => shift,
      low => low,
      high => high,
      multipliers => read_rom(folder & "multipliers.txt"),
      offsets => read_rom(folder & "offsets.txt")
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
