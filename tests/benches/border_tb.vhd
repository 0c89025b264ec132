-- Bench of border; the scenarios are those of stream_bench.

library ieee;
use ieee.std_logic_1164.all;

library vunit_lib;
context vunit_lib.vunit_context;

entity border_tb is
  generic (
    runner_cfg : string;
    seed : positive;
    bits : positive;
    lanes : positive;
    height : positive;
    width : positive;
    channels : positive;
    top : integer;
    left : integer;
    bottom : integer;
    right : integer;
    pad_value : natural;
    extra_beats : natural;
    fifo_depth : positive;
    last_edge : integer
  );
end entity;

architecture bench of border_tb is

  signal finished : boolean;
  signal clk, reset : std_ulogic;
  signal input_ready, input_valid, output_ready, output_valid : std_ulogic;
  signal input_data, output_data : std_ulogic_vector(lanes * bits - 1 downto 0);

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

  dut : entity work.border
    generic map (
      bits => bits,
      lanes => lanes,
      height => height,
      width => width,
      channels => channels,
      top => top,
      left => left,
      bottom => bottom,
      right => right,
      pad_value => pad_value,
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
