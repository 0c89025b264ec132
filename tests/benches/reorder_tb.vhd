-- Bench of reorder; the scenarios are those of stream_bench.

library ieee;
use ieee.std_logic_1164.all;

library vunit_lib;
context vunit_lib.vunit_context;

entity reorder_tb is
  generic (
    runner_cfg : string;
    seed : positive;
    bits : positive;
    lanes : positive;
    block_size : positive;
    -- The outermost of the five loops below that count.
    loops : positive;
    count_0 : natural;
    count_1 : natural;
    count_2 : natural;
    count_3 : natural;
    count_4 : natural;
    stride_0 : natural;
    stride_1 : natural;
    stride_2 : natural;
    stride_3 : natural;
    stride_4 : natural;
    -- Bit n: loop n is clamped.
    clamped : natural;
    blocks : positive;
    edges : boolean;
    extra_blocks : natural;
    fifo_depth : positive;
    last_edge : integer
  );
end entity;

architecture bench of reorder_tb is

  constant all_counts : integer_vector := (count_0, count_1, count_2, count_3, count_4);
  constant all_strides : integer_vector := (stride_0, stride_1, stride_2, stride_3, stride_4);
  constant counts : integer_vector := all_counts(0 to loops - 1);
  constant strides : integer_vector := all_strides(0 to loops - 1);

  function bits_of (number : natural) return integer_vector is
    variable result : integer_vector(0 to loops - 1);
  begin
    for n in result'range loop
      result(n) := number / 2 ** n mod 2;
    end loop;
    return result;
  end function;

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

  dut : entity work.reorder
    generic map (
      bits => bits,
      lanes => lanes,
      block_size => block_size,
      counts => counts,
      strides => strides,
      clamps => bits_of(clamped),
      blocks => blocks,
      edges => edges,
      extra_blocks => extra_blocks,
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
