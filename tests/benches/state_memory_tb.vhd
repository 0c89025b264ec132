-- Bench of state_memory: sends, for each step, the state it finds, nothing in the first round of a frame, and
-- its input, which is the new state. The scenarios are those of stream_bench.

library ieee;
use ieee.std_logic_1164.all;

library vunit_lib;
context vunit_lib.vunit_context;

entity state_memory_tb is
  generic (
    runner_cfg : string;
    seed : positive;
    words : positive;
    width : positive;
    rounds : positive;
    fifo_depth : positive;
    first_edge : integer;
    last_edge : integer
  );
end entity;

architecture bench of state_memory_tb is

  signal finished : boolean;
  signal clk, reset : std_ulogic;
  signal input_ready, input_valid, output_ready, output_valid : std_ulogic;
  signal input_data, state : std_ulogic_vector(width - 1 downto 0);
  signal output_data, result : std_ulogic_vector(2 * width - 1 downto 0);
  signal reservable, step, result_valid : std_ulogic;
  signal index : natural range 0 to words - 1 := 0;
  signal round : natural range 0 to rounds - 1 := 0;

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

  dut : entity work.state_memory
    generic map (
      words => words,
      width => width
    )
    port map (
      clk => clk,
      reset => reset,
      step => step,
      index => index,
      input_data => input_data,
      output_data => state
    );

  input_ready <= reservable;
  step <= input_valid and reservable;

  count : process (clk)
  begin
    if rising_edge(clk) then
      result(width - 1 downto 0) <= input_data;
      result(2 * width - 1 downto width) <= state when round > 0 else (others => '0');
      result_valid <= step and not reset;
      if step then
        index <= 0 when index = words - 1 else index + 1;
        if index = words - 1 then
          round <= 0 when round = rounds - 1 else round + 1;
        end if;
      end if;

      if reset then
        index <= 0;
        round <= 0;
      end if;
    end if;
  end process;

  results : entity work.reserving_fifo
    generic map (
      depth => fifo_depth,
      width => output_data'length
    )
    port map (
      clk => clk,
      reset => reset,
      reservable => reservable,
      reserve => step,
      input_valid => result_valid,
      input_data => result,
      output_ready => output_ready,
      output_valid => output_valid,
      output_data => output_data
    );

end architecture;
