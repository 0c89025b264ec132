-- Test helper: everything of a bench but the element itself. The element is connected to its ports.
--
-- Sends input.txt of VUnit's output path and expects expected.txt, in five scenarios: no stall, input
-- stall, output stall, both, and a reset in the middle followed by everything again. Without stalls
-- it also checks the exact edges: first_edge and last_edge count clock edges from the one that takes
-- the first input beat to those that take the first and the last output beat.

library ieee;
use ieee.std_logic_1164.all;

library vunit_lib;
context vunit_lib.vunit_context;

entity stream_bench is
  generic (
    -- The bench's runner_cfg.
    configuration_text : string;
    input_width : positive;
    output_width : positive;
    seed : positive;
    -- Expected edges without stalls; negative: not checked.
    first_edge : integer := -1;
    last_edge : integer := -1;
    -- For an element without output_ready: every valid beat is taken. output_ready still pauses at
    -- random and may serve as reservable.
    valid_only : boolean := false;
    -- Edges after which an unfinished scenario is an error.
    patience : positive := 200_000
  );
  port (
    -- Every scenario has passed.
    finished : out boolean := false;
    -- For sources and sinks beside those of this bench: how often they stall, whether all are done.
    source_stall : out natural;
    sink_stall : out natural;
    others_done : in boolean := true;
    --
    clk : out std_ulogic := '0';
    reset : out std_ulogic := '1';
    --
    input_ready : in std_ulogic := '1';
    input_valid : out std_ulogic;
    input_data : out std_ulogic_vector(input_width - 1 downto 0);
    --
    output_ready : out std_ulogic;
    output_valid : in std_ulogic;
    output_data : in std_ulogic_vector(output_width - 1 downto 0)
  );
end entity;

architecture behavior of stream_bench is

  constant folder : string := output_path(configuration_text);

  type scenario_t is (no_stall, input_stall, output_stall, both_stall, reset_in_mid_frame);

  signal scenario : scenario_t := no_stall;
  signal input_percent, output_percent : natural := 0;
  signal sent, received : boolean;

  -- Edge numbers of the running scenario.
  signal edge, first_input, first_output, last_output : integer := -1;

begin

  clk <= not clk after 5 ns;
  source_stall <= input_percent;
  sink_stall <= output_percent;

  main : process

    procedure restart (input_stall_percent, output_stall_percent : natural) is
    begin
      input_percent <= input_stall_percent;
      output_percent <= output_stall_percent;
      -- A single edge must do.
      reset <= '1';
      wait until rising_edge(clk);
      reset <= '0';
      wait until rising_edge(clk);
    end procedure;

    procedure finish is
    begin
      for wait_edge in 1 to patience loop
        wait until rising_edge(clk);
        exit when sent and received and others_done;
      end loop;
      check(others_done, scenario_t'image(scenario) & ": not every beat of the other streams passed");
      check(sent, scenario_t'image(scenario) & ": not every beat was taken");
      check(received, scenario_t'image(scenario) & ": not every expected beat came");
      -- Room for beats that should not come.
      for wait_edge in 1 to 50 loop
        wait until rising_edge(clk);
      end loop;
    end procedure;

  begin
    for next_scenario in scenario_t loop
      scenario <= next_scenario;
      case next_scenario is
        when no_stall =>
          restart(0, 0);
          finish;
          info("edges of first and last output beat: " & to_string(first_output - first_input) & " "
            & to_string(last_output - first_input));
          if first_edge >= 0 then
            check_equal(first_output - first_input, first_edge, "edge of the first output beat");
          end if;
          if last_edge >= 0 then
            check_equal(last_output - first_input, last_edge, "edge of the last output beat");
          end if;
        when input_stall =>
          restart(60, 0);
          finish;
        when output_stall =>
          restart(0, 60);
          finish;
        when both_stall =>
          restart(40, 40);
          finish;
          restart(5, 80);
          finish;
        when reset_in_mid_frame =>
          restart(20, 20);
          for wait_edge in 1 to 1 + (7 * seed) mod 97 loop
            wait until rising_edge(clk);
          end loop;
          restart(20, 20);
          finish;
      end case;
    end loop;
    finished <= true;
    wait;
  end process;

  number_edges : process (clk)
  begin
    if rising_edge(clk) then
      edge <= edge + 1;
      if input_valid and input_ready then
        first_input <= edge when first_input < 0;
      end if;
      if output_valid = '1' and (output_ready = '1' or valid_only) then
        first_output <= edge when first_output < 0;
        last_output <= edge;
      end if;
      if reset then
        edge <= 0;
        first_input <= -1;
        first_output <= -1;
        last_output <= -1;
      end if;
    end if;
  end process;

  source : entity work.stream_source
    generic map (
      width => input_width,
      path => folder & "input.txt",
      seed => seed
    )
    port map (
      clk => clk,
      reset => reset,
      stall => input_percent,
      ready => input_ready,
      valid => input_valid,
      data => input_data,
      done => sent
    );

  sink : entity work.stream_sink
    generic map (
      width => output_width,
      path => folder & "expected.txt",
      seed => seed,
      valid_only => valid_only
    )
    port map (
      clk => clk,
      reset => reset,
      stall => output_percent,
      ready => output_ready,
      valid => output_valid,
      data => output_data,
      done => received
    );

end architecture;
