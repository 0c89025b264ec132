-- Bench of global_average; the scenarios are those of stream_bench.

library ieee;
use ieee.std_logic_1164.all;

library vunit_lib;
context vunit_lib.vunit_context;

use work.bench_pkg.all;
use work.millrace_pkg.all;

entity global_average_tb is
  generic (
    runner_cfg : string;
    seed : positive;
    bits : positive;
    is_signed : boolean;
    lanes : positive;
    pixels : positive;
    channels : positive;
    accumulator_bits : positive;
    output_bits : positive;
    output_signed : boolean;
    multiplier_bits : positive;
    offset_bits : positive;
    shift : natural;
    low : integer;
    high : integer;
    fifo_depth : positive;
    scaling : string;
    first_edge : integer;
    last_edge : integer
  );
end entity;

architecture bench of global_average_tb is

  constant multipliers : rom_words_t := read_rom(output_path(runner_cfg) & "multipliers.txt");
  constant offsets : rom_words_t := read_rom(output_path(runner_cfg) & "offsets.txt");

  signal finished : boolean;
  signal clk, reset : std_ulogic;
  signal input_ready, input_valid, output_ready, output_valid : std_ulogic;
  signal input_data : std_ulogic_vector(lanes * bits - 1 downto 0);
  signal output_data : std_ulogic_vector(lanes * output_bits - 1 downto 0);

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

  dut : entity work.global_average
    generic map (
      bits => bits,
      is_signed => is_signed,
      lanes => lanes,
      pixels => pixels,
      channels => channels,
      accumulator_bits => accumulator_bits,
      output_bits => output_bits,
      output_signed => output_signed,
      multiplier_bits => multiplier_bits,
      offset_bits => offset_bits,
      shift => shift,
      low => low,
      high => high,
      multipliers => multipliers,
      offsets => offsets,
      scaling => scaling_t'value(scaling),
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
