-- Test helper: everything of a bench of an element with two inputs but the element itself.
--
-- Stream a and the output are those of stream_bench, and so are the scenarios; stream b sends input_b.txt
-- with stalls of its own.

library ieee;
use ieee.std_logic_1164.all;

library vunit_lib;
context vunit_lib.vunit_context;

entity pair_bench is
  generic (
    -- The bench's runner_cfg.
    configuration_text : string;
    a_width : positive;
    b_width : positive;
    output_width : positive;
    seed : positive;
    -- Expected edges without stalls: see stream_bench.
    first_edge : integer;
    last_edge : integer
  );
  port (
    -- Every scenario has passed.
    finished : out boolean := false;
    --
    clk : out std_ulogic;
    reset : out std_ulogic;
    --
    a_ready : in std_ulogic;
    a_valid : out std_ulogic;
    a_data : out std_ulogic_vector(a_width - 1 downto 0);
    --
    b_ready : in std_ulogic;
    b_valid : out std_ulogic;
    b_data : out std_ulogic_vector(b_width - 1 downto 0);
    --
    output_ready : out std_ulogic;
    output_valid : in std_ulogic;
    output_data : in std_ulogic_vector(output_width - 1 downto 0)
  );
end entity;

architecture behavior of pair_bench is

  signal b_done : boolean;
  signal source_stall : natural;

begin

  stream_a : entity work.stream_bench
    generic map (
      configuration_text => configuration_text,
      input_width => a_width,
      output_width => output_width,
      seed => seed,
      first_edge => first_edge,
      last_edge => last_edge
    )
    port map (
      finished => finished,
      source_stall => source_stall,
      others_done => b_done,
      clk => clk,
      reset => reset,
      input_ready => a_ready,
      input_valid => a_valid,
      input_data => a_data,
      output_ready => output_ready,
      output_valid => output_valid,
      output_data => output_data
    );

  stream_b : entity work.stream_source
    generic map (
      width => b_width,
      path => output_path(configuration_text) & "input_b.txt",
      seed => seed + 100
    )
    port map (
      clk => clk,
      reset => reset,
      stall => source_stall,
      ready => b_ready,
      valid => b_valid,
      data => b_data,
      done => b_done
    );

end architecture;
