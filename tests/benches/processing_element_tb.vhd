-- Bench of processing_element; the scenarios are those of stream_bench.

library ieee;
use ieee.std_logic_1164.all;

library vunit_lib;
context vunit_lib.vunit_context;

use work.millrace_pkg.all;
use work.bench_pkg.all;

entity processing_element_tb is
  generic (
    runner_cfg : string;
    seed : positive;
    last_edge : integer;
    uses_steps : boolean;
    --
    input_bits : positive;
    input_signed : boolean;
    height : positive;
    width : positive;
    channels : positive;
    kernel_height : positive;
    kernel_width : positive;
    stride_height : positive := 1;
    stride_width : positive := 1;
    dilation_height : positive := 1;
    dilation_width : positive := 1;
    pad_top : natural := 0;
    pad_left : natural := 0;
    pad_bottom : natural := 0;
    pad_right : natural := 0;
    pad_value : natural := 0;
    output_channels : positive;
    groups : positive := 1;
    weight_bits : positive;
    weight_signed : boolean := true;
    accumulator_bits : positive;
    convolved_bits : positive;
    convolved_signed : boolean;
    multiplier_bits : positive := 1;
    offset_bits : positive := 1;
    shift : natural := 0;
    low : integer;
    high : integer := 0;
    levels : positive := 1;
    output_bits : positive;
    output_signed : boolean;
    has_table : boolean := false;
    has_pool : boolean := false;
    pool_kernel_height : positive := 1;
    pool_kernel_width : positive := 1;
    pool_stride_height : positive := 1;
    pool_stride_width : positive := 1;
    pool_pad_top : natural := 0;
    pool_pad_left : natural := 0;
    pool_pad_bottom : natural := 0;
    pool_pad_right : natural := 0;
    pe : positive;
    simd : positive;
    taps : positive := 1;
    lanes : positive;
    packing : positive := 1;
    spacing : positive := 17;
    overlap : boolean := false;
    factor_bits : positive := 25;
    chain : positive := 1;
    block_rom : boolean := false;
    clusters : positive := 1;
    fan_in : natural := 0;
    maxima : natural := 0;
    most : natural := 0;
    adder_levels : natural := 0;
    operations : natural := 0;
    stages : positive := 1;
    products_in_logic : boolean := false;
    scaling : string := "multiplied";
    extra_rows : natural := 0;
    fifo_depth : positive;
    pool_fifo_depth : positive := 2
  );
end entity;

architecture bench of processing_element_tb is

  function form return requantization_t is
  begin
    if uses_steps then
      return work.millrace_pkg.steps;
    end if;
    return scale;
  end function;

  constant folder : string := output_path(runner_cfg);
  constant requantization : requantization_t := form;
  constant weights : rom_words_t := read_rom(folder & "weights.txt");
  constant multipliers : rom_words_t := read_rom(folder & "multipliers.txt");
  constant offsets : rom_words_t := read_rom(folder & "offsets.txt");
  constant thresholds : rom_words_t := read_rom(folder & "thresholds.txt");
  constant reads : rom_words_t := read_rom(folder & "reads.txt");
  constant members : rom_words_t := read_rom(folder & "members.txt");
  constant graph : rom_words_t := read_rom(folder & "graph.txt");
  constant sums : rom_words_t := read_rom(folder & "sums.txt");
  constant table : rom_words_t := read_rom(folder & "table.txt");

  signal finished : boolean;
  signal clk, reset : std_ulogic;
  signal input_ready, input_valid, output_ready, output_valid : std_ulogic;
  signal input_data : std_ulogic_vector(either(taps = 1, simd, channels) * input_bits - 1 downto 0);
  signal output_data : std_ulogic_vector(either(maxima = 0, lanes, maxima) * output_bits - 1 downto 0);

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
      input_width => either(taps = 1, simd, channels) * input_bits,
      output_width => either(maxima = 0, lanes, maxima) * output_bits,
      seed => seed,
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

  dut : entity work.processing_element
    generic map (
      input_bits => input_bits,
      input_signed => input_signed,
      height => height,
      width => width,
      channels => channels,
      kernel_height => kernel_height,
      kernel_width => kernel_width,
      stride_height => stride_height,
      stride_width => stride_width,
      dilation_height => dilation_height,
      dilation_width => dilation_width,
      pad_top => pad_top,
      pad_left => pad_left,
      pad_bottom => pad_bottom,
      pad_right => pad_right,
      pad_value => pad_value,
      output_channels => output_channels,
      groups => groups,
      weight_bits => weight_bits,
      weight_signed => weight_signed,
      accumulator_bits => accumulator_bits,
      convolved_bits => convolved_bits,
      convolved_signed => convolved_signed,
      requantization => requantization,
      multiplier_bits => multiplier_bits,
      offset_bits => offset_bits,
      shift => shift,
      low => low,
      high => high,
      levels => levels,
      output_bits => output_bits,
      output_signed => output_signed,
      has_table => has_table,
      weights => weights,
      multipliers => multipliers,
      offsets => offsets,
      thresholds => thresholds,
      table => table,
      has_pool => has_pool,
      pool_kernel_height => pool_kernel_height,
      pool_kernel_width => pool_kernel_width,
      pool_stride_height => pool_stride_height,
      pool_stride_width => pool_stride_width,
      pool_pad_top => pool_pad_top,
      pool_pad_left => pool_pad_left,
      pool_pad_bottom => pool_pad_bottom,
      pool_pad_right => pool_pad_right,
      pe => pe,
      simd => simd,
      taps => taps,
      lanes => lanes,
      packing => packing,
      spacing => spacing,
      overlap => overlap,
      factor_bits => factor_bits,
      chain => chain,
      block_rom => block_rom,
      clusters => clusters,
      fan_in => fan_in,
      reads => reads,
      maxima => maxima,
      most => most,
      members => members,
      adder_levels => adder_levels,
      operations => operations,
      stages => stages,
      graph => graph,
      sums => sums,
      products_in_logic => products_in_logic,
      scaling => scaling_t'value(scaling),
      extra_rows => extra_rows,
      fifo_depth => fifo_depth,
      pool_fifo_depth => pool_fifo_depth
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
