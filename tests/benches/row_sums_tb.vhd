-- Bench of row_sums: a beat is a vector and the weights of all rows, which the bench delays for the
-- places of their lanes in the chains; the scenarios are those of stream_bench.

library ieee;
use ieee.std_logic_1164.all;

library vunit_lib;
context vunit_lib.vunit_context;

entity row_sums_tb is
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
    rows : positive;
    spacing : positive;
    overlap : boolean;
    simd : positive;
    chain : positive;
    in_logic : boolean;
    -- Beats of a group, and edges from a beat to its sum.
    steps : positive;
    latency : positive
  );
end entity;

architecture bench of row_sums_tb is

  constant vector_width : positive := simd * activation_bits;
  constant width : positive := vector_width + rows * simd * weight_bits;

  type history_t is array (0 to chain - 1) of std_ulogic_vector(width - 1 downto 0);

  signal finished : boolean;
  signal clk, reset, input_valid, output_valid : std_ulogic;
  signal input_data : std_ulogic_vector(width - 1 downto 0);
  signal output_data : std_ulogic_vector(rows * accumulator_bits - 1 downto 0);
  signal history : history_t;
  signal vector : std_ulogic_vector(vector_width - 1 downto 0);
  signal weight_data : std_ulogic_vector(rows * simd * weight_bits - 1 downto 0);
  signal valid, first, last : std_ulogic_vector(0 to latency - 1) := (others => '0');
  signal step : natural range 0 to steps - 1 := 0;
  signal is_first, is_last : std_ulogic;

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
      input_width => width,
      output_width => rows * accumulator_bits,
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

  is_first <= '1' when step = 0 else '0';
  is_last <= '1' when step = steps - 1 else '0';

  delay : process (clk)
  begin
    if rising_edge(clk) then
      history <= input_data & history(0 to chain - 2);
      if input_valid then
        step <= 0 when step = steps - 1 else step + 1;
      end if;
      valid <= input_valid & valid(0 to latency - 2);
      first <= is_first & first(0 to latency - 2);
      last <= is_last & last(0 to latency - 2);
      output_valid <= valid(latency - 1) and last(latency - 1);
      if reset then
        step <= 0;
        valid <= (others => '0');
        output_valid <= '0';
      end if;
    end if;
  end process;

  lanes : for lane in 0 to simd - 1 generate
    vector((lane + 1) * activation_bits - 1 downto lane * activation_bits) <=
      history(lane mod chain)((lane + 1) * activation_bits - 1 downto lane * activation_bits);

    each_row : for row in 0 to rows - 1 generate
      constant place : natural := (row * simd + lane) * weight_bits;
    begin
      weight_data(place + weight_bits - 1 downto place) <= history(lane mod chain)(
        vector_width + place + weight_bits - 1 downto vector_width + place);
    end generate;
  end generate;

  dut : entity work.row_sums
    generic map (
      activation_bits => activation_bits,
      activation_signed => activation_signed,
      weight_bits => weight_bits,
      weight_signed => weight_signed,
      accumulator_bits => accumulator_bits,
      rows => rows,
      spacing => spacing,
      overlap => overlap,
      simd => simd,
      chain => chain,
      in_logic => in_logic,
      accumulates => steps > 1
    )
    port map (
      clk => clk,
      input_data => vector,
      weight_data => weight_data,
      sum_valid => valid(latency - 1),
      sum_first => first(latency - 1),
      output_data => output_data
    );

end architecture;
