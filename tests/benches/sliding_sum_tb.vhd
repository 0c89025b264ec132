-- Bench of sliding_sum and the FIFO of its sums; the scenarios are those of stream_bench.

library ieee;
use ieee.std_logic_1164.all;

library vunit_lib;
context vunit_lib.vunit_context;

entity sliding_sum_tb is
  generic (
    runner_cfg : string;
    seed : positive;
    bits : positive;
    is_signed : boolean;
    sum_bits : positive;
    lanes : positive;
    length : positive;
    kernel : positive;
    stride : positive;
    pad_begin : natural;
    pad_end : natural;
    pad_value : integer;
    inner : positive;
    fifo_depth : positive;
    first_edge : integer;
    last_edge : integer
  );
end entity;

architecture bench of sliding_sum_tb is

  signal finished : boolean;
  signal clk, reset : std_ulogic;
  signal input_ready, input_valid, output_ready, output_valid : std_ulogic;
  signal input_data : std_ulogic_vector(lanes * bits - 1 downto 0);
  signal output_data, sums : std_ulogic_vector(lanes * sum_bits - 1 downto 0);
  signal reservable, reserve, sums_valid : std_ulogic;

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

  dut : entity work.sliding_sum
    generic map (
      bits => bits,
      is_signed => is_signed,
      sum_bits => sum_bits,
      lanes => lanes,
      length => length,
      kernel => kernel,
      stride => stride,
      pad_begin => pad_begin,
      pad_end => pad_end,
      pad_value => pad_value,
      inner => inner
    )
    port map (
      clk => clk,
      reset => reset,
      input_ready => input_ready,
      input_valid => input_valid,
      input_data => input_data,
      reservable => reservable,
      reserve => reserve,
      output_valid => sums_valid,
      output_data => sums
    );

  results : entity work.reserving_fifo
    generic map (
      depth => fifo_depth,
      width => output_data'length
    )
    port map (
      clk => clk,
      reset => reset,
      reservable => reservable,
      reserve => reserve,
      input_valid => sums_valid,
      input_data => sums,
      output_ready => output_ready,
      output_valid => output_valid,
      output_data => output_data
    );

end architecture;
