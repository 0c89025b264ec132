-- Bench of serializer, which gets a beat as often as it may; the scenarios are those of stream_bench.

library ieee;
use ieee.std_logic_1164.all;

library vunit_lib;
context vunit_lib.vunit_context;

entity serializer_tb is
  generic (
    runner_cfg : string;
    seed : positive;
    parts : positive;
    groups : positive;
    surplus : natural;
    width : positive;
    interval : positive;
    first_edge : integer;
    last_edge : integer
  );
end entity;

architecture bench of serializer_tb is

  signal finished : boolean;
  signal clk, reset : std_ulogic;
  signal input_ready, input_valid, output_valid, take : std_ulogic;
  signal input_data : std_ulogic_vector(parts * width - 1 downto 0);
  signal output_data : std_ulogic_vector(width - 1 downto 0);
  -- Edges until the next beat may come.
  signal edges_left : natural range 0 to parts * interval - 1 := 0;

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
      input_width => parts * width,
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
      input_ready => input_ready,
      input_valid => input_valid,
      input_data => input_data,
      output_ready => open,
      output_valid => output_valid,
      output_data => output_data
    );

  input_ready <= '1' when edges_left = 0 else '0';
  take <= input_ready and input_valid;

  pace : process (clk)
  begin
    if rising_edge(clk) then
      if take then
        edges_left <= parts * interval - 1;
      elsif edges_left > 0 then
        edges_left <= edges_left - 1;
      end if;
      if reset then
        edges_left <= 0;
      end if;
    end if;
  end process;

  dut : entity work.serializer
    generic map (
      width => width,
      groups => groups,
      surplus => surplus,
      interval => interval,
      parts => parts
    )
    port map (
      clk => clk,
      reset => reset,
      input_valid => take,
      input_data => input_data,
      output_valid => output_valid,
      output_data => output_data
    );

end architecture;
