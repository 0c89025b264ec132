-- Bench of divide; the scenarios are those of stream_bench.

library ieee;
use ieee.std_logic_1164.all;

library vunit_lib;
context vunit_lib.vunit_context;

entity divide_tb is
  generic (
    runner_cfg : string;
    seed : positive;
    first_edge : integer;
    last_edge : integer;
    --
    numerator_bits : positive;
    denominator_bits : positive;
    quotient_bits : positive;
    lanes : positive
  );
end entity;

architecture bench of divide_tb is

  -- The denominator is in the highest bits of a beat.
  constant numerators : positive := lanes * numerator_bits;

  signal finished : boolean;
  signal clk, reset, input_valid, output_valid : std_ulogic;
  signal input_data : std_ulogic_vector(denominator_bits + numerators - 1 downto 0);
  signal output_data : std_ulogic_vector(lanes * quotient_bits - 1 downto 0);

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
      input_width => denominator_bits + numerators,
      output_width => lanes * quotient_bits,
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

  dut : entity work.divide
    generic map (
      numerator_bits => numerator_bits,
      denominator_bits => denominator_bits,
      quotient_bits => quotient_bits,
      lanes => lanes
    )
    port map (
      clk => clk,
      reset => reset,
      input_valid => input_valid,
      input_data => input_data(numerators - 1 downto 0),
      input_denominator => input_data(input_data'high downto numerators),
      output_valid => output_valid,
      output_data => output_data
    );

end architecture;
