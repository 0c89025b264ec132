-- Bench of matrix_vector; the scenarios are those of stream_bench.

library ieee;
use ieee.std_logic_1164.all;

library vunit_lib;
context vunit_lib.vunit_context;

use work.bench_pkg.all;

entity matrix_vector_tb is
  generic (
    runner_cfg : string;
    seed : positive;
    first_edge : integer;
    last_edge : integer;
    --
    activation_bits : positive;
    activation_signed : boolean;
    weight_bits : positive;
    weight_signed : boolean;
    accumulator_bits : positive;
    pe : positive;
    simd : positive;
    folds : positive;
    steps : positive;
    packing : positive;
    spacing : positive;
    factor_bits : positive;
    overlap : boolean;
    chain : positive;
    logic_rows : natural;
    block_rom : boolean;
    surplus : natural
  );
end entity;

architecture bench of matrix_vector_tb is

  constant folder : string := output_path(runner_cfg);

  signal finished : boolean;
  signal clk, reset, input_valid, output_valid : std_ulogic;
  signal input_data : std_ulogic_vector(simd * activation_bits - 1 downto 0);
  signal output_data : std_ulogic_vector(pe * accumulator_bits - 1 downto 0);

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
      input_width => simd * activation_bits,
      output_width => pe * accumulator_bits,
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

  dut : entity work.matrix_vector
    generic map (
      activation_bits => activation_bits,
      activation_signed => activation_signed,
      weight_bits => weight_bits,
      weight_signed => weight_signed,
      accumulator_bits => accumulator_bits,
      pe => pe,
      simd => simd,
      folds => folds,
      steps => steps,
      packing => packing,
      spacing => spacing,
      factor_bits => factor_bits,
      overlap => overlap,
      chain => chain,
      logic_rows => logic_rows,
      block_rom => block_rom,
      surplus => surplus,
      weights => read_rom(folder & "weights.txt")
    )
    port map (
      clk => clk,
      reset => reset,
      input_valid => input_valid,
      input_data => input_data,
      output_valid => output_valid,
      output_data => output_data
    );

end architecture;
