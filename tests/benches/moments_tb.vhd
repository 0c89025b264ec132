-- Bench of moments; the scenarios are those of stream_bench.

library ieee;
use ieee.std_logic_1164.all;

library vunit_lib;
context vunit_lib.vunit_context;

use work.bench_pkg.all;
use work.millrace_pkg.all;

entity moments_tb is
  generic (
    runner_cfg : string;
    seed : positive;
    first_edge : integer;
    last_edge : integer;
    --
    bits : positive;
    is_signed : boolean;
    lanes : positive;
    channels : positive;
    -- Binary digits.
    epsilon : string;
    half_width : positive
  );
end entity;

architecture bench of moments_tb is

  constant folder : string := output_path(runner_cfg);
  -- A result has the total in its highest bits, then the root.
  constant total_bits : positive := value_bits(bits, is_signed) + clog2(channels);
  constant move_bits : positive := clog2(half_width);

  signal finished : boolean;
  signal clk, reset, input_valid, output_valid : std_ulogic;
  signal input_data : std_ulogic_vector(lanes * bits - 1 downto 0);
  signal output_data : std_ulogic_vector(total_bits + 18 + move_bits - 1 downto 0);

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

  dut : entity work.moments
    generic map (
      bits => bits,
      is_signed => is_signed,
      lanes => lanes,
      channels => channels,
      epsilon => binary(epsilon),
      half_width => half_width,
      roots => read_rom(folder & "roots.txt")
    )
    port map (
      clk => clk,
      reset => reset,
      input_valid => input_valid,
      input_data => input_data,
      output_valid => output_valid,
      output_total => output_data(output_data'high downto 18 + move_bits),
      output_root => output_data(18 + move_bits - 1 downto move_bits),
      output_moved => output_data(move_bits - 1 downto 0)
    );

end architecture;
