-- Bench of side_by_side: a source with its own stalls at each input. The scenarios are those of
-- stream_bench, which has input 0.

library ieee;
use ieee.std_logic_1164.all;

library vunit_lib;
context vunit_lib.vunit_context;

use work.millrace_pkg.all;

entity side_by_side_tb is
  generic (
    runner_cfg : string;
    seed : positive;
    bits : positive;
    pixels : positive;
    ways : positive;
    -- Input 2 counts only with three ways.
    channels_0 : positive;
    channels_1 : positive;
    channels_2 : natural;
    fifo_depth : positive;
    first_edge : integer;
    last_edge : integer
  );
end entity;

architecture bench of side_by_side_tb is

  constant three : integer_vector := (channels_0, channels_1, channels_2);
  constant channels : integer_vector := three(0 to ways - 1);
  constant value_bits : positive := pixels * bits;

  signal finished : boolean;
  signal done : boolean_vector(0 to ways - 1) := (others => true);
  signal others_done : boolean;
  signal source_stall : natural;
  signal clk, reset : std_ulogic;
  signal input_ready, input_valid : std_ulogic_vector(ways - 1 downto 0);
  signal input_data : std_ulogic_vector(sum(channels) * value_bits - 1 downto 0);
  signal output_ready, output_valid : std_ulogic;
  signal output_data : std_ulogic_vector(sum(channels) * value_bits - 1 downto 0);

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
      input_width => channels_0 * value_bits,
      output_width => sum(channels) * value_bits,
      seed => seed,
      first_edge => first_edge,
      last_edge => last_edge
    )
    port map (
      finished => finished,
      source_stall => source_stall,
      others_done => others_done,
      clk => clk,
      reset => reset,
      input_ready => input_ready(0),
      input_valid => input_valid(0),
      input_data => input_data(channels_0 * value_bits - 1 downto 0),
      output_ready => output_ready,
      output_valid => output_valid,
      output_data => output_data
    );

  others_done <= done = (0 to ways - 1 => true);

  beside : for way in 1 to ways - 1 generate
    constant first : positive := sum(channels(0 to way - 1)) * value_bits;
    constant width : positive := channels(way) * value_bits;
  begin
    source : entity work.stream_source
      generic map (
        width => width,
        path => output_path(runner_cfg) & "input_" & integer'image(way) & ".txt",
        seed => seed + 100 * way
      )
      port map (
        clk => clk,
        reset => reset,
        stall => source_stall,
        ready => input_ready(way),
        valid => input_valid(way),
        data => input_data(first + width - 1 downto first),
        done => done(way)
      );
  end generate;

  dut : entity work.side_by_side
    generic map (
      bits => bits,
      channels => channels,
      pixels => pixels,
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
