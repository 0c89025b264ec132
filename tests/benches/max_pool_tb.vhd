-- Bench of max_pool; the scenarios are those of stream_bench.

library ieee;
use ieee.std_logic_1164.all;

library vunit_lib;
context vunit_lib.vunit_context;

entity max_pool_tb is
  generic (
    runner_cfg : string;
    seed : positive;
    bits : positive;
    is_signed : boolean;
    lanes : positive;
    height : positive;
    width : positive;
    channels : positive;
    kernel_height : positive;
    kernel_width : positive;
    stride_height : positive;
    stride_width : positive;
    pad_top : natural;
    pad_left : natural;
    pad_bottom : natural;
    pad_right : natural;
    extra_beats : natural;
    fifo_depth : positive;
    first_edge : integer;
    last_edge : integer
  );
end entity;

architecture bench of max_pool_tb is

  signal finished : boolean;
  signal clk, reset : std_ulogic;
  signal input_ready, input_valid, output_ready, output_valid : std_ulogic;
  signal input_data : std_ulogic_vector(lanes * bits - 1 downto 0);
  signal output_data : std_ulogic_vector(lanes * bits - 1 downto 0);

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

  dut : entity work.max_pool
    generic map (
      bits => bits,
      is_signed => is_signed,
      lanes => lanes,
      height => height,
      width => width,
      channels => channels,
      kernel_height => kernel_height,
      kernel_width => kernel_width,
      stride_height => stride_height,
      stride_width => stride_width,
      pad_top => pad_top,
      pad_left => pad_left,
      pad_bottom => pad_bottom,
      pad_right => pad_right,
      extra_beats => extra_beats,
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
