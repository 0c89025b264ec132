-- Bench of tile_steps: adds up the beats of each window by its flags and indices. The scenarios are those of
-- stream_bench.

library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;

library vunit_lib;
context vunit_lib.vunit_context;

use work.millrace_pkg.all;

entity tile_steps_tb is
  generic (
    runner_cfg : string;
    seed : positive;
    height : positive;
    width : positive;
    kernel_height : positive;
    kernel_width : positive;
    stride_height : positive;
    stride_width : positive;
    folds : positive;
    latency : positive;
    fifo_depth : positive;
    first_edge : integer;
    last_edge : integer
  );
end entity;

architecture bench of tile_steps_tb is

  constant sums : positive := places(width, 0, 0, kernel_width, stride_width) * folds;

  type sums_t is array (0 to sums - 1) of unsigned(15 downto 0);
  type edges_t is array (0 to sums - 1) of natural;

  signal finished : boolean;
  signal clk, reset : std_ulogic;
  signal input_ready, input_valid, output_ready, output_valid : std_ulogic;
  signal input_data : std_ulogic_vector(7 downto 0);
  signal output_data, word : std_ulogic_vector(15 downto 0);
  signal reservable, reserve, word_valid : std_ulogic;
  signal step, adds, starts : std_ulogic;
  signal index : natural range 0 to sums - 1;

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

  dut : entity work.tile_steps
    generic map (
      height => height,
      width => width,
      kernel_height => kernel_height,
      kernel_width => kernel_width,
      stride_height => stride_height,
      stride_width => stride_width,
      folds => folds,
      latency => latency
    )
    port map (
      clk => clk,
      reset => reset,
      input_ready => input_ready,
      input_valid => input_valid,
      reservable => reservable,
      reserve => reserve,
      step => step,
      adds => adds,
      starts => starts,
      index => index
    );

  add : process (clk)
    variable kept : sums_t;
    variable last_edges : edges_t := (others => 0);
    variable edge : natural := latency;
  begin
    if rising_edge(clk) then
      edge := edge + 1;
      check(step = '1' or reserve = '0', "a result without a step");
      if step = '1' and adds = '1' then
        check(edge - last_edges(index) >= latency, "an addition to a sum that is not there yet");
        last_edges(index) := edge;
        if starts then
          kept(index) := (others => '0');
        end if;
        kept(index) := kept(index) + unsigned(input_data);
      end if;
      word <= std_ulogic_vector(kept(index));
      word_valid <= reserve and not reset;
      if reset then
        last_edges := (others => 0);
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
      reserve => reserve,
      input_valid => word_valid,
      input_data => word,
      output_ready => output_ready,
      output_valid => output_valid,
      output_data => output_data
    );

end architecture;
