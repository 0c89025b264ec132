-- Bench of channel_reduce; the scenarios are those of stream_bench.

library ieee;
use ieee.std_logic_1164.all;

library vunit_lib;
context vunit_lib.vunit_context;

entity channel_reduce_tb is
  generic (
    runner_cfg : string;
    seed : positive;
    first_edge : integer;
    last_edge : integer;
    --
    adds : boolean;
    bits : positive;
    is_signed : boolean;
    lanes : positive;
    folds : positive;
    output_bits : positive
  );
end entity;

architecture bench of channel_reduce_tb is

  signal finished : boolean;
  signal clk, reset, input_valid, output_valid : std_ulogic;
  signal input_data : std_ulogic_vector(lanes * bits - 1 downto 0);
  signal output_data : std_ulogic_vector(output_bits - 1 downto 0);

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
      input_width => lanes * bits,
      output_width => output_bits,
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

  dut : entity work.channel_reduce
    generic map (
      adds => adds,
      bits => bits,
      is_signed => is_signed,
      lanes => lanes,
      folds => folds,
      output_bits => output_bits
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
