-- Bench of pair_pipeline around a sum of `pairs` pairs' values, modulo 256: scenarios and streams are those
-- of pair_bench.

library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;

library vunit_lib;
context vunit_lib.vunit_context;

entity pair_pipeline_tb is
  generic (
    runner_cfg : string;
    seed : positive;
    pairs : positive;
    latency : positive range 2 to positive'high;
    fifo_depth : positive;
    first_edge : integer;
    last_edge : integer
  );
end entity;

architecture bench of pair_pipeline_tb is

  signal finished : boolean;
  signal clk, reset : std_ulogic;
  signal a_ready, a_valid, b_ready, b_valid, output_ready, output_valid : std_ulogic;
  signal a_data, output_data : std_ulogic_vector(7 downto 0);
  signal b_data : std_ulogic_vector(4 downto 0);

  signal operand_valid, operand_first : std_ulogic;
  signal operand_a : std_ulogic_vector(a_data'range);
  signal operand_b : std_ulogic_vector(b_data'range);

  type sums_t is array (2 to latency) of unsigned(7 downto 0);
  signal sums : sums_t;

begin

  main : process
  begin
    test_runner_setup(runner, runner_cfg);
    wait until finished;
    test_runner_cleanup(runner);
  end process;

  bench : entity work.pair_bench
    generic map (
      configuration_text => runner_cfg,
      a_width => a_data'length,
      b_width => b_data'length,
      output_width => output_data'length,
      seed => seed,
      first_edge => first_edge,
      last_edge => last_edge
    )
    port map (
      finished => finished,
      clk => clk,
      reset => reset,
      a_ready => a_ready,
      a_valid => a_valid,
      a_data => a_data,
      b_ready => b_ready,
      b_valid => b_valid,
      b_data => b_data,
      output_ready => output_ready,
      output_valid => output_valid,
      output_data => output_data
    );

  add : process (clk)
    variable sum : unsigned(7 downto 0);
  begin
    if rising_edge(clk) then
      if operand_valid then
        sum := unsigned(operand_a) + unsigned(operand_b);
        if not operand_first then
          sum := sum + sums(2);
        end if;
        sums(2) <= sum;
      end if;
      for stage in 3 to latency loop
        sums(stage) <= sums(stage - 1);
      end loop;
    end if;
  end process;

  dut : entity work.pair_pipeline
    generic map (
      a_width => a_data'length,
      b_width => b_data'length,
      output_width => output_data'length,
      pairs => pairs,
      latency => latency,
      fifo_depth => fifo_depth
    )
    port map (
      clk => clk,
      reset => reset,
      input_a_ready => a_ready,
      input_a_valid => a_valid,
      input_a_data => a_data,
      input_b_ready => b_ready,
      input_b_valid => b_valid,
      input_b_data => b_data,
      operand_valid => operand_valid,
      operand_first => operand_first,
      operand_a => operand_a,
      operand_b => operand_b,
      result => std_ulogic_vector(sums(latency)),
      output_ready => output_ready,
      output_valid => output_valid,
      output_data => output_data
    );

end architecture;
