-- A convolution (a dense layer on a 1x1 image) with padding, activation and max pool.
--
--   accumulator(y, x, o) = sum over ky, kx, c: padded input(y', x', first + c) * weight(o, ky, kx, c)
--     c from 0 to channels / groups - 1; first channel of the group of o: o / (output_channels / groups)
--     * (channels / groups)
--   code = requantize(accumulator) or threshold(accumulator), by `requantization`
--   code = table(code)                                        if has_table
--   code(n) = maximum of the codes at members(n)              if most > 0: a pool within a beat
--   output = maximum of the codes of a pool's window          if has_pool
--
-- Composed of window or parallel_window -> matrix_vector, cluster_sums or depthwise_vector -> serializer ->
-- requantize, serial_requantize or threshold -> lookup -> lane_maxima -> reserving_fifo -> max_pool; with adders of window or
-- parallel_window -> adder_graph (-> threshold), and so on. What each part computes, and what its generics
-- cost, is said in its own header.
--
-- Beat order: raster, channel fastest; simd channels per input beat, all with several taps; `lanes` per output beat.
-- Latency: from the issue of a group's last beat in window to the push of its first output beat into the
-- FIFO: the sum of the latencies of the parts in between.
-- Cycles per frame: windows * (output_channels / pe) * kernel_height * kernel_width * channels / groups
-- / simd (depthwise, that is with as many groups as channels: without channels / groups / simd), at least
-- pixels with several taps, see parallel_window; if the FIFO covers the latency: fifo_depth * beats of a
-- group > latency of the parts.
-- Limits: those of the parts.

library ieee;
use ieee.std_logic_1164.all;

use work.millrace_pkg.all;

entity processing_element is
  generic (
    -- Width of an input value: width of line buffer and multipliers.
    input_bits : positive range 1 to 16;
    input_signed : boolean;
    -- Input image: width * channels values per buffered row.
    height : positive;
    width : positive;
    channels : positive;
    -- Convolution window: rows of buffer, beats per output.
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
    -- Bit pattern of a value outside of the image: the input's zero point.
    pad_value : natural := 0;
    -- Output channels.
    output_channels : positive;
    -- Equal parts of the channels and of the output channels: each of these sees its part of those. A
    -- counter; with a group for each of several channels: depthwise, one multiplier per output lane.
    groups : positive := 1;
    -- Width of a weight: width of ROM and multipliers.
    weight_bits : positive range 1 to 16;
    weight_signed : boolean := true;
    -- Width of the signed sums: adders, and the requantization's operand.
    accumulator_bits : positive;
    -- Type of the requantized codes, the table's index if there is one.
    convolved_bits : positive range 1 to 16;
    convolved_signed : boolean;
    -- One multiplier per lane, or tables and comparators of a sorted list of steps.
    requantization : requantization_t := scale;
    -- For scale: see requantize.
    multiplier_bits : positive := 1;
    offset_bits : positive := 1;
    shift : natural := 0;
    -- Least code, of both forms.
    low : integer;
    -- Greatest code, for scale.
    high : integer := 0;
    -- For steps: see threshold.
    levels : positive := 1;
    -- Type of the output, after the table.
    output_bits : positive range 1 to 16;
    output_signed : boolean;
    -- A table per lane behind the requantization.
    has_table : boolean := false;
    -- Constants in canonical order.
    weights : rom_words_t := no_table;
    multipliers : rom_words_t := no_table;
    offsets : rom_words_t := no_table;
    thresholds : rom_words_t := no_table;
    table : rom_words_t := no_table;
    -- A max pool behind the convolution: see max_pool.
    has_pool : boolean := false;
    pool_kernel_height : positive := 1;
    pool_kernel_width : positive := 1;
    pool_stride_height : positive := 1;
    pool_stride_width : positive := 1;
    pool_pad_top : natural := 0;
    pool_pad_left : natural := 0;
    pool_pad_bottom : natural := 0;
    pool_pad_right : natural := 0;
    -- Folding: output channels of a group and input channels of a group per cycle, pe * simd multipliers.
    -- Depthwise: simd input channels and all their output channels, pe; pe multipliers.
    pe : positive;
    simd : positive;
    -- Taps of the kernel per cycle: one, or a row of it or all of it, which simd counts, too: it is then
    -- taps * channels of a group (depthwise: taps * input channels), and a pixel comes per beat.
    taps : positive := 1;
    -- Output channels per beat, by which the sums of a group are requantized; divides pe. A group's
    -- beats must be as many or more: pe / lanes. With `serial` a group waits until those of the one before
    -- have gone.
    lanes : positive;
    -- Output channels that share multipliers, and multipliers that add up in a chain: see matrix_vector.
    packing : positive := 1;
    spacing : positive := 17;
    overlap : boolean := false;
    chain : positive := 1;
    -- Whether a small ROM of weights is block RAM, too.
    block_rom : boolean := false;
    -- Clusters of output channels of which each reads `fan_in` values of a window, at `reads`; the weights are
    -- those of these values. All others are 0. pe is output_channels, simd the window. 0: all are read.
    clusters : positive := 1;
    fan_in : natural := 0;
    reads : rom_words_t := no_table;
    -- Values per output beat if each is the largest of `most` codes at `members`; 0: the codes themselves.
    maxima : natural := 0;
    most : natural := 0;
    members : rom_words_t := no_table;
    -- Adder levels between registers, 0 for multipliers. With adders all products of a window are formed
    -- in one cycle, pe and simd are all there are. Codes leave the adders, or with thresholds sums of
    -- accumulator_bits: see adder_graph, which takes these tables, and `offsets` for its constants, instead
    -- of weights and multipliers.
    adder_levels : natural := 0;
    operations : natural := 0;
    stages : positive := 1;
    graph : rom_words_t := no_table;
    sums : rom_words_t := no_table;
    -- Whether the products are made in logic instead of multipliers.
    products_in_logic : boolean := false;
    -- What the requantization multiplies with; `serial` takes a beat every multiplier_bits edges.
    scaling : scaling_t := multiplied;
    -- Width of the wider signed factor of a multiplier: 25 of 7-series, 27 of UltraScale, 18 of ECP5. Wider
    -- ones are taken apart.
    factor_bits : positive range 2 to 64 := 25;
    -- Image rows buffered beyond those the window needs.
    extra_rows : natural := 0;
    -- Output beats under way or waiting: distributed RAM. At full speed it covers the latency.
    fifo_depth : positive;
    -- Beats of each of the pool's FIFOs.
    pool_fifo_depth : positive := 2
  );
  port (
    clk : in std_ulogic;
    reset : in std_ulogic;
    --
    input_ready : out std_ulogic;
    input_valid : in std_ulogic;
    input_data : in std_ulogic_vector(either(taps = 1, simd, channels) * input_bits - 1 downto 0);
    --
    output_ready : in std_ulogic;
    output_valid : out std_ulogic;
    output_data : out std_ulogic_vector(either(maxima = 0, lanes, maxima) * output_bits - 1 downto 0)
  );
end entity;

architecture rtl of processing_element is

  constant groups_divide : boolean := require(
    channels mod groups = 0 and output_channels mod groups = 0,
    "processing_element: groups must divide channels and output_channels; got " & integer'image(groups));
  constant depthwise : boolean := groups = channels and groups > 1;
  constant pe_divides : boolean := require(
    (groups = 1 and pe <= output_channels)
    or (output_channels mod pe = 0 and (depthwise or output_channels / groups mod pe = 0)),
    "processing_element: pe must divide the output channels of a group; got " & integer'image(pe));
  constant taps_are_whole : boolean := require(
    taps = 1 or (simd mod taps = 0 and (depthwise or simd = taps * (channels / groups))),
    "processing_element: several taps must come with all channels of a group; got "
    & integer'image(taps) & " and simd " & integer'image(simd));
  -- Input channels per cycle.
  constant part : positive := simd / taps;
  constant simd_divides : boolean := require(
    channels mod part = 0 and (depthwise or channels / groups mod part = 0),
    "processing_element: simd must divide the channels of a group; got " & integer'image(simd));
  constant lanes_match : boolean := require(
    not depthwise or pe = part * (output_channels / channels),
    "processing_element: pe of a depthwise one must be all output channels of simd channels; got "
    & integer'image(pe) & " and simd " & integer'image(simd));
  constant codes_match : boolean := require(
    has_table or (convolved_bits = output_bits and convolved_signed = output_signed),
    "processing_element: convolved and output codes must be of one type without a table; got "
    & integer'image(convolved_bits) & " and " & integer'image(output_bits) & " bits");

  constant lanes_divide : boolean := require(pe mod lanes = 0 and output_channels mod lanes = 0,
    "processing_element: lanes must divide pe and output_channels; got " & integer'image(lanes));

  constant has_adders : boolean := adder_levels > 0;
  constant folds : positive := (output_channels + pe - 1) / pe;
  -- Rows of the last fold beyond the output channels.
  constant surplus : natural := folds * pe - output_channels;
  constant group_beats : positive :=
    kernel_height * kernel_width / taps * either(depthwise, 1, channels / groups / part);
  -- Output beats of a group.
  constant parts : positive := pe / lanes;

  constant is_serial : boolean := scaling = serial and requantization = scale;
  -- Edges from an output beat to the next, and of those of a group.
  constant beat_edges : positive := either(is_serial, multiplier_bits, 1);
  constant parts_edges : positive := parts * beat_edges;
  -- A window that keeps nothing may stop within a group, so that groups end earlier one after the other
  -- than they begin.
  constant is_paced : boolean := is_serial and (taps > 1 or folds > groups or kernel_height * kernel_width > 1
    or stride_height * stride_width > 1 or pad_top + pad_left + pad_bottom + pad_right > 0);

  constant parts_have_time : boolean := require(parts_edges <= group_beats or is_paced,
    "processing_element: the output beats of a group must not take longer than its beats; got "
    & integer'image(parts_edges) & " edges");
  constant sharing_is_possible : boolean := require(not depthwise or (packing = 1 and chain = 1),
    "processing_element: packing and chain must be 1 in a depthwise one; got " & integer'image(packing)
    & " and " & integer'image(chain));

  constant clusters_are_unfolded : boolean := require(
    fan_in = 0 or (groups = 1 and folds * group_beats = 1 and output_channels mod clusters = 0),
    "processing_element: clusters must divide the output channels, all of which come at once; got "
    & integer'image(clusters));
  constant maxima_are_unfolded : boolean := require(
    maxima = 0 or (folds * parts = 1 and most > 0 and not has_pool),
    "processing_element: maxima must be of output channels that all come at once; got " & integer'image(maxima));
  -- Values per output beat.
  constant results : positive := either(maxima = 0, lanes, maxima);
  constant adders_are_possible : boolean := require(
    not has_adders or folds * group_beats * parts = 1,
    "processing_element: with adders one group must be a whole window; got "
    & integer'image(folds * group_beats * parts));

  signal reservable, reserve : std_ulogic;
  signal tap_valid, sum_valid, part_valid, code_valid, active_valid, result_valid : std_ulogic;
  signal convolved_ready, convolved_valid : std_ulogic;
  signal tap_data : std_ulogic_vector(simd * input_bits - 1 downto 0);
  signal sum_data : std_ulogic_vector(pe * accumulator_bits - 1 downto 0);
  signal part_data : std_ulogic_vector(lanes * accumulator_bits - 1 downto 0);
  signal code_data : std_ulogic_vector(lanes * convolved_bits - 1 downto 0);
  signal active_data : std_ulogic_vector(lanes * output_bits - 1 downto 0);
  signal result_data, convolved_data : std_ulogic_vector(results * output_bits - 1 downto 0);

begin

  one_tap : if taps = 1 generate
    windows : entity work.window
      generic map (
        bits => input_bits,
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
        simd => simd,
        replays => either(depthwise, 1, folds / groups),
        blocks => either(depthwise, folds, groups),
        extra_rows => extra_rows
      )
      port map (
        clk => clk,
        reset => reset,
        input_ready => input_ready,
        input_valid => input_valid,
        input_data => input_data,
        reservable => reservable,
        reserve => reserve,
        output_valid => tap_valid,
        output_data => tap_data
      );
  end generate;

  several_taps : if taps > 1 generate
    windows : entity work.parallel_window
      generic map (
        bits => input_bits,
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
        taps => taps,
        replays => either(depthwise, 1, folds / groups),
        blocks => either(depthwise, folds, groups),
        extra_rows => extra_rows
      )
      port map (
        clk => clk,
        reset => reset,
        input_ready => input_ready,
        input_valid => input_valid,
        input_data => input_data,
        reservable => reservable,
        reserve => reserve,
        output_valid => tap_valid,
        output_data => tap_data
      );
  end generate;

  in_adders : if has_adders generate
    -- Width of what leaves the adders: a code, or a sum.
    constant adder_bits : positive := either(requantization = scale, convolved_bits, accumulator_bits);
    signal added_valid : std_ulogic;
    signal added_data : std_ulogic_vector(pe * adder_bits - 1 downto 0);
  begin
    adders : entity work.adder_graph
      generic map (
        input_bits => input_bits,
        input_signed => input_signed,
        inputs => simd,
        operations => operations,
        outputs => pe,
        output_bits => adder_bits,
        base => either(requantization = scale, low, 0),
        stages => stages,
        offset_bits => offset_bits,
        graph => graph,
        sums => sums,
        offsets => offsets
      )
      port map (
        clk => clk,
        reset => reset,
        input_valid => tap_valid,
        input_data => tap_data,
        output_valid => added_valid,
        output_data => added_data
      );

    codes : if requantization = scale generate
      code_valid <= added_valid;
      code_data <= added_data;
    end generate;

    sums_to_compare : if requantization = work.millrace_pkg.steps generate
      sum_valid <= added_valid;
      sum_data <= added_data;
    end generate;
  end generate;

  full : if not depthwise and fan_in = 0 and not has_adders generate
    products : entity work.matrix_vector
      generic map (
        activation_bits => input_bits,
        activation_signed => input_signed,
        weight_bits => weight_bits,
        weight_signed => weight_signed,
        accumulator_bits => accumulator_bits,
        pe => pe,
        simd => simd,
        folds => folds,
        steps => group_beats,
        packing => packing,
        spacing => spacing,
        overlap => overlap,
        factor_bits => factor_bits,
        chain => chain,
        block_rom => block_rom,
        logic_rows => either(products_in_logic, pe, 0),
        surplus => surplus,
        weights => weights
      )
      port map (
        clk => clk,
        reset => reset,
        input_valid => tap_valid,
        input_data => tap_data,
        output_valid => sum_valid,
        output_data => sum_data
      );
  end generate;

  clustered : if fan_in > 0 and not has_adders generate
    sums : entity work.cluster_sums
      generic map (
        activation_bits => input_bits,
        activation_signed => input_signed,
        weight_bits => weight_bits,
        weight_signed => weight_signed,
        accumulator_bits => accumulator_bits,
        inputs => simd,
        clusters => clusters,
        rows => output_channels / clusters,
        fan_in => fan_in,
        packing => packing,
        spacing => spacing,
        overlap => overlap,
        factor_bits => factor_bits,
        chain => chain,
        reads => reads,
        weights => weights
      )
      port map (
        clk => clk,
        reset => reset,
        input_valid => tap_valid,
        input_data => tap_data,
        output_valid => sum_valid,
        output_data => sum_data
      );
  end generate;

  per_channel : if depthwise and not has_adders generate
    products : entity work.depthwise_vector
      generic map (
        activation_bits => input_bits,
        activation_signed => input_signed,
        weight_bits => weight_bits,
        weight_signed => weight_signed,
        accumulator_bits => accumulator_bits,
        lanes => pe,
        multiplier => output_channels / groups,
        blocks => folds,
        steps => group_beats,
        taps => taps,
        in_logic => products_in_logic,
        weights => weights
      )
      port map (
        clk => clk,
        reset => reset,
        input_valid => tap_valid,
        input_data => tap_data,
        output_valid => sum_valid,
        output_data => sum_data
      );
  end generate;

  narrowed : if parts > 1 generate
    parted : entity work.serializer
      generic map (
        width => lanes * accumulator_bits,
        parts => parts,
        groups => folds,
        surplus => surplus / lanes,
        interval => beat_edges
      )
      port map (
        clk => clk,
        reset => reset,
        input_valid => sum_valid,
        input_data => sum_data,
        output_valid => part_valid,
        output_data => part_data
      );
  end generate;

  wide : if parts = 1 generate
    part_valid <= sum_valid;
    part_data <= sum_data;
  end generate;

  scaled_serially : if not has_adders and is_serial generate
    codes : entity work.serial_requantize
      generic map (
        input_bits => accumulator_bits,
        output_bits => convolved_bits,
        output_signed => convolved_signed,
        multiplier_bits => multiplier_bits,
        offset_bits => offset_bits,
        shift => shift,
        low => low,
        high => high,
        lanes => lanes,
        folds => output_channels / lanes,
        multipliers => multipliers,
        offsets => offsets
      )
      port map (
        clk => clk,
        reset => reset,
        input_valid => part_valid,
        input_data => part_data,
        output_valid => code_valid,
        output_data => code_data
      );
  end generate;

  scaled : if not has_adders and requantization = scale and not is_serial generate
    codes : entity work.requantize
      generic map (
        input_bits => accumulator_bits,
        output_bits => convolved_bits,
        output_signed => convolved_signed,
        factor_bits => factor_bits,
        in_logic => scaling = multiplied_in_logic,
        multiplier_bits => multiplier_bits,
        offset_bits => offset_bits,
        shift => shift,
        low => low,
        high => high,
        lanes => lanes,
        folds => output_channels / lanes,
        multipliers => multipliers,
        offsets => offsets
      )
      port map (
        clk => clk,
        reset => reset,
        input_valid => part_valid,
        input_data => part_data,
        output_valid => code_valid,
        output_data => code_data
      );
  end generate;

  stepped : if requantization = work.millrace_pkg.steps generate
    codes : entity work.threshold
      generic map (
        input_bits => accumulator_bits,
        output_bits => convolved_bits,
        output_signed => convolved_signed,
        low => low,
        levels => levels,
        lanes => lanes,
        folds => output_channels / lanes,
        thresholds => thresholds
      )
      port map (
        clk => clk,
        reset => reset,
        input_valid => part_valid,
        input_data => part_data,
        output_valid => code_valid,
        output_data => code_data
      );
  end generate;

  activated : if has_table generate
    activation : entity work.lookup
      generic map (
        input_bits => convolved_bits,
        output_bits => output_bits,
        lanes => lanes,
        table => table
      )
      port map (
        clk => clk,
        reset => reset,
        input_valid => code_valid,
        input_data => code_data,
        output_valid => active_valid,
        output_data => active_data
      );
  end generate;

  linear : if not has_table generate
    active_valid <= code_valid;
    active_data <= code_data;
  end generate;

  pooled_within : if maxima > 0 generate
    largest : entity work.lane_maxima
      generic map (
        bits => output_bits,
        is_signed => output_signed,
        inputs => lanes,
        outputs => maxima,
        most => most,
        members => members
      )
      port map (
        clk => clk,
        reset => reset,
        input_valid => active_valid,
        input_data => active_data,
        output_valid => result_valid,
        output_data => result_data
      );
  end generate;

  each_code : if maxima = 0 generate
    result_valid <= active_valid;
    result_data <= active_data;
  end generate;

  buffered : entity work.reserving_fifo
    generic map (
      depth => fifo_depth,
      width => results * output_bits,
      beats => parts,
      groups => folds,
      surplus => surplus / lanes,
      interval => either(parts_edges > group_beats, parts_edges, 1)
    )
    port map (
      clk => clk,
      reset => reset,
      reservable => reservable,
      reserve => reserve,
      input_valid => result_valid,
      input_data => result_data,
      output_ready => convolved_ready,
      output_valid => convolved_valid,
      output_data => convolved_data
    );

  pooled : if has_pool generate
    pool : entity work.max_pool
      generic map (
        bits => output_bits,
        is_signed => output_signed,
        lanes => lanes,
        height => places(
          height, pad_top, pad_bottom, (kernel_height - 1) * dilation_height + 1, stride_height),
        width => places(
          width, pad_left, pad_right, (kernel_width - 1) * dilation_width + 1, stride_width),
        channels => output_channels,
        kernel_height => pool_kernel_height,
        kernel_width => pool_kernel_width,
        stride_height => pool_stride_height,
        stride_width => pool_stride_width,
        pad_top => pool_pad_top,
        pad_left => pool_pad_left,
        pad_bottom => pool_pad_bottom,
        pad_right => pool_pad_right,
        fifo_depth => pool_fifo_depth
      )
      port map (
        clk => clk,
        reset => reset,
        input_ready => convolved_ready,
        input_valid => convolved_valid,
        input_data => convolved_data,
        output_ready => output_ready,
        output_valid => output_valid,
        output_data => output_data
      );
  end generate;

  unpooled : if not has_pool generate
    convolved_ready <= output_ready;
    output_valid <= convolved_valid;
    output_data <= convolved_data;
  end generate;

end architecture;
