-- Bench of axis_input; the scenarios are those of stream_bench. The top bit of the input beats is tlast.

library ieee;
use ieee.std_logic_1164.all;

library vunit_lib;
context vunit_lib.vunit_context;

use work.millrace_pkg.all;

entity axis_input_tb is
  generic (
    runner_cfg : string;
    seed : positive;
    bits : positive;
    lanes : positive;
    beats : positive;
    pad_value : natural;
    buffered : boolean;
    first_edge : integer;
    last_edge : integer
  );
end entity;

architecture bench of axis_input_tb is

  signal finished : boolean;
  signal clk, reset : std_ulogic;
  signal input_ready, input_valid, output_ready, output_valid : std_ulogic;
  signal input_data : std_ulogic_vector(lanes * axis_element_bits(bits) downto 0);
  signal output_data : std_ulogic_vector(lanes * bits - 1 downto 0);

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

  dut : entity work.axis_input
    generic map (
      bits => bits,
      lanes => lanes,
      beats => beats,
      pad_value => pad_value,
      buffered => buffered
    )
    port map (
      clk => clk,
      reset => reset,
      s_axis_tready => input_ready,
      s_axis_tvalid => input_valid,
      s_axis_tlast => input_data(input_data'high),
      s_axis_tdata => input_data(input_data'high - 1 downto 0),
      output_ready => output_ready,
      output_valid => output_valid,
      output_data => output_data
    );

end architecture;
