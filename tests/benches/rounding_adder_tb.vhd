-- Bench of rounding_adder: a beat is the operands a of all lanes, then b. The scenarios are those of stream_bench.

library ieee;
use ieee.std_logic_1164.all;

library vunit_lib;
context vunit_lib.vunit_context;

entity rounding_adder_tb is
  generic (
    runner_cfg : string;
    seed : positive;
    first_edge : integer;
    last_edge : integer;
    --
    bits : positive;
    significant_bits : positive;
    lanes : positive
  );
end entity;

architecture bench of rounding_adder_tb is

  constant width : positive := lanes * bits;

  signal finished : boolean;
  signal clk, reset, input_valid, output_valid : std_ulogic;
  signal input_data : std_ulogic_vector(2 * width - 1 downto 0);
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
      input_width => 2 * width,
      output_width => width,
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

  dut : entity work.rounding_adder
    generic map (
      bits => bits,
      significant_bits => significant_bits,
      lanes => lanes
    )
    port map (
      clk => clk,
      reset => reset,
      input_valid => input_valid,
      input_a => input_data(width - 1 downto 0),
      input_b => input_data(2 * width - 1 downto width),
      output_valid => output_valid,
      output_data => output_data
    );

end architecture;
