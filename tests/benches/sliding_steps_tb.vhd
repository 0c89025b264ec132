-- Bench of sliding_steps: sends, for each step that yields, its beat, its flags and its index. The scenarios
-- are those of stream_bench.

library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;

library vunit_lib;
context vunit_lib.vunit_context;

entity sliding_steps_tb is
  generic (
    runner_cfg : string;
    seed : positive;
    length : positive;
    kernel : positive;
    stride : positive;
    pad_begin : natural;
    pad_end : natural;
    inner : positive;
    fifo_depth : positive;
    first_edge : integer;
    last_edge : integer
  );
end entity;

architecture bench of sliding_steps_tb is

  signal finished : boolean;
  signal clk, reset : std_ulogic;
  signal input_ready, input_valid, output_ready, output_valid : std_ulogic;
  signal input_data : std_ulogic_vector(7 downto 0);
  signal output_data, word : std_ulogic_vector(15 downto 0);
  signal reservable, reserve, word_valid : std_ulogic;
  signal step, takes_input, is_first, is_early, is_start : std_ulogic;
  signal index : natural range 0 to inner - 1;

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

  dut : entity work.sliding_steps
    generic map (
      length => length,
      kernel => kernel,
      stride => stride,
      pad_begin => pad_begin,
      pad_end => pad_end,
      inner => inner
    )
    port map (
      clk => clk,
      reset => reset,
      input_ready => input_ready,
      input_valid => input_valid,
      reservable => reservable,
      reserve => reserve,
      step => step,
      takes_input => takes_input,
      is_first => is_first,
      is_early => is_early,
      is_start => is_start,
      index => index
    );

  describe : process (clk)
  begin
    if rising_edge(clk) then
      check(step = '1' or reserve = '0', "a result without a step");
      word <= std_ulogic_vector(to_unsigned(index, 4)) & is_start & is_early & is_first & takes_input
        & input_data;
      if not takes_input then
        word(7 downto 0) <= (others => '0');
      end if;
      word_valid <= reserve and not reset;
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
