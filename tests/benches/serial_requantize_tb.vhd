-- Bench of serial_requantize, which gets a beat as often as it may; the scenarios are those of stream_bench.

library ieee;
use ieee.std_logic_1164.all;

library vunit_lib;
context vunit_lib.vunit_context;

use work.bench_pkg.all;

entity serial_requantize_tb is
  generic (
    runner_cfg : string;
    seed : positive;
    first_edge : integer;
    last_edge : integer;
    --
    input_bits : positive;
    output_bits : positive;
    output_signed : boolean;
    multiplier_bits : positive;
    offset_bits : positive;
    shift : natural;
    low : integer;
    high : integer;
    lanes : positive;
    folds : positive
  );
end entity;

architecture bench of serial_requantize_tb is

  constant folder : string := output_path(runner_cfg);

  signal finished : boolean;
  signal clk, reset : std_ulogic;
  signal input_ready, input_valid, output_valid, take : std_ulogic;
  signal input_data : std_ulogic_vector(lanes * input_bits - 1 downto 0);
  signal output_data : std_ulogic_vector(lanes * output_bits - 1 downto 0);
  -- Edges until the next beat may come.
  signal edges_left : natural range 0 to multiplier_bits - 1 := 0;

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
      input_width => lanes * input_bits,
      output_width => lanes * output_bits,
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
        edges_left <= multiplier_bits - 1;
      elsif edges_left > 0 then
        edges_left <= edges_left - 1;
      end if;
      if reset then
        edges_left <= 0;
      end if;
    end if;
  end process;

  dut : entity work.serial_requantize
    generic map (
      input_bits => input_bits,
      output_bits => output_bits,
      output_signed => output_signed,
      multiplier_bits => multiplier_bits,
      offset_bits => offset_bits,
      shift => shift,
      low => low,
      high => high,
      lanes => lanes,
      folds => folds,
      multipliers => read_rom(folder & "multipliers.txt"),
      offsets => read_rom(folder & "offsets.txt")
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
