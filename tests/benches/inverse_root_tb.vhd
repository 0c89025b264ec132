-- Bench of inverse_root; the scenarios are those of stream_bench.

library ieee;
use ieee.std_logic_1164.all;

library vunit_lib;
context vunit_lib.vunit_context;

use work.bench_pkg.all;
use work.millrace_pkg.all;

entity inverse_root_tb is
  generic (
    runner_cfg : string;
    seed : positive;
    first_edge : integer;
    last_edge : integer;
    --
    half_width : positive
  );
end entity;

architecture bench of inverse_root_tb is

  constant folder : string := output_path(runner_cfg);
  -- The root is in the highest bits of a beat.
  constant move_bits : positive := clog2(half_width);

  signal finished : boolean;
  signal clk, reset, input_valid, output_valid : std_ulogic;
  signal input_data : std_ulogic_vector(2 * half_width - 1 downto 0);
  signal output_data : std_ulogic_vector(18 + move_bits - 1 downto 0);

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
      input_width => 2 * half_width,
      output_width => 18 + move_bits,
      seed => seed,
      first_edge => first_edge,
      last_edge => last_edge,
      valid_only => true
    )
    port map (
      finished => finished,
      clk => clk,
      reset => reset,
      input_valid => input_valid,
      input_data => input_data,
      output_ready => open,
      output_valid => output_valid,
      output_data => output_data
    );

  dut : entity work.inverse_root
    generic map (
      half_width => half_width,
      roots => read_rom(folder & "roots.txt")
    )
    port map (
      clk => clk,
      reset => reset,
      input_valid => input_valid,
      input_radicand => input_data,
      output_valid => output_valid,
      output_root => output_data(output_data'high downto move_bits),
      output_moved => output_data(move_bits - 1 downto 0)
    );

end architecture;
