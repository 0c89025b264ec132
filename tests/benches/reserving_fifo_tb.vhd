-- Bench of reserving_fifo behind a pipeline of the length of latency; the scenarios are those of
-- stream_bench.

library ieee;
use ieee.std_logic_1164.all;

library vunit_lib;
context vunit_lib.vunit_context;

entity reserving_fifo_tb is
  generic (
    runner_cfg : string;
    seed : positive;
    latency : positive;
    depth : positive;
    width : positive;
    interval : positive;
    first_edge : integer;
    last_edge : integer
  );
end entity;

architecture bench of reserving_fifo_tb is

  signal finished : boolean;
  signal clk, reset : std_ulogic;
  signal input_ready, input_valid, output_ready, output_valid : std_ulogic;
  signal input_data, output_data : std_ulogic_vector(width - 1 downto 0);

  -- What a client's pipeline holds, youngest first.
  type beats_t is array (1 to latency) of std_ulogic_vector(width - 1 downto 0);

  signal beats : beats_t;
  signal valid : std_ulogic_vector(1 to latency) := (others => '0');
  signal reserve : std_ulogic;

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
      input_width => width,
      output_width => width,
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

  reserve <= input_valid and input_ready;

  pipeline : process (clk)
  begin
    if rising_edge(clk) then
      beats <= input_data & beats(1 to latency - 1);
      valid <= reserve & valid(1 to latency - 1);
      if reset then
        valid <= (others => '0');
      end if;
    end if;
  end process;

  fifo : entity work.reserving_fifo
    generic map (
      depth => depth,
      width => width,
      interval => interval
    )
    port map (
      clk => clk,
      reset => reset,
      reservable => input_ready,
      reserve => reserve,
      input_valid => valid(latency),
      input_data => beats(latency),
      output_ready => output_ready,
      output_valid => output_valid,
      output_data => output_data
    );

end architecture;
