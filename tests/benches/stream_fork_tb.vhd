-- Bench of stream_fork: a FIFO behind each way, as it demands, and a sink with its own stalls. The
-- scenarios are those of stream_bench, which has way 0.

library ieee;
use ieee.std_logic_1164.all;

library vunit_lib;
context vunit_lib.vunit_context;

entity stream_fork_tb is
  generic (
    runner_cfg : string;
    seed : positive;
    ways : positive;
    depth : positive;
    width : positive;
    first_edge : integer;
    last_edge : integer
  );
end entity;

architecture bench of stream_fork_tb is

  type beats_t is array (0 to ways - 1) of std_ulogic_vector(width - 1 downto 0);

  signal finished : boolean;
  signal others_done : boolean;
  signal done : boolean_vector(0 to ways - 1) := (others => true);
  signal sink_stall : natural;
  signal clk, reset : std_ulogic;
  signal input_ready, input_valid : std_ulogic;
  signal input_data, way_data : std_ulogic_vector(width - 1 downto 0);
  signal way_ready, way_valid, output_ready, output_valid : std_ulogic_vector(ways - 1 downto 0);
  signal output_data : beats_t;

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
      sink_stall => sink_stall,
      others_done => others_done,
      clk => clk,
      reset => reset,
      input_ready => input_ready,
      input_valid => input_valid,
      input_data => input_data,
      output_ready => output_ready(0),
      output_valid => output_valid(0),
      output_data => output_data(0)
    );

  dut : entity work.stream_fork
    generic map (
      ways => ways,
      width => width
    )
    port map (
      input_ready => input_ready,
      input_valid => input_valid,
      input_data => input_data,
      output_ready => way_ready,
      output_valid => way_valid,
      output_data => way_data
    );

  others_done <= done = (0 to ways - 1 => true);

  each_way : for way in 0 to ways - 1 generate
    fifo : entity work.stream_fifo
      generic map (
        depth => depth + way,
        width => width
      )
      port map (
        clk => clk,
        reset => reset,
        input_ready => way_ready(way),
        input_valid => way_valid(way),
        input_data => way_data,
        output_ready => output_ready(way),
        output_valid => output_valid(way),
        output_data => output_data(way)
      );

    beside : if way > 0 generate
      sink : entity work.stream_sink
        generic map (
          width => width,
          path => output_path(runner_cfg) & "expected.txt",
          seed => seed + 100 * way
        )
        port map (
          clk => clk,
          reset => reset,
          stall => sink_stall,
          ready => output_ready(way),
          valid => output_valid(way),
          data => output_data(way),
          done => done(way)
        );
    end generate;
  end generate;

  same_edge : process
  begin
    wait until rising_edge(clk);
    check((and (way_ready and way_valid)) = (or (way_ready and way_valid)), "a beat passed some ways only");
    check((input_ready and input_valid) = (and (way_ready and way_valid)), "a beat was lost or doubled");
  end process;

end architecture;
