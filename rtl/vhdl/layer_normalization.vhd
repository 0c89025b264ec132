-- Each pixel's channels less their mean, over their deviation, scaled for each channel.
--
--   for each pixel, with n channels:
--     total    = sum(input(c))
--     radicand = (n * sum(input(c) ** 2) - total ** 2) * 2 ** 10 + epsilon
--     root, moved = see `inverse_root`
--     score(c) = (n * input(c) - total) * root >> half_width - 1 - moved, 12 bits behind the point
--     output(c) = clamp((score(c) * multiplier(c) + offset(c)) >> shift, low, high)
--
-- Shifts are arithmetic (floor). Beat order: raster, channel fastest, `lanes` channels per beat; unchanged.
-- Two passes, with a buffer of a pixel and what is on its way between them: sums and root, then scores.
-- Latency: from taking a pixel's last beat to the push of its first score: reduction + 1 + s + 7 edges,
-- s = ceil(log2(half_width)), reduction = 2 + ceil(log2(lanes)) + s + 8; it can be taken one edge later.
-- Cycles per frame: one per beat.
-- Limits: a beat per cycle needs fifo_depth >= s + 9.

library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;

use work.millrace_pkg.all;

entity layer_normalization is
  generic (
    -- Bits of one input channel.
    bits : positive range 1 to 8;
    is_signed : boolean;
    output_bits : positive range 1 to 16;
    output_signed : boolean;
    -- Channels per beat; divides channels; each costs four multipliers.
    lanes : positive;
    channels : positive range 1 to 1024;
    -- What keeps the radicand from 0, unsigned, with 10 bits behind the point.
    epsilon : std_ulogic_vector;
    -- Half the bits of the radicand: see half_width in ir/layer_normalization.py.
    half_width : positive range 9 to 32;
    -- See `inverse_root`.
    roots : rom_words_t;
    -- Of the scores: see `requantize`. Parameters in the order of the channels.
    multiplier_bits : positive;
    offset_bits : positive;
    shift : natural;
    low : integer;
    high : integer;
    multipliers : rom_words_t;
    offsets : rom_words_t;
    -- Beats of the output FIFO.
    fifo_depth : positive
  );
  port (
    clk : in std_ulogic;
    reset : in std_ulogic;
    --
    input_ready : out std_ulogic;
    input_valid : in std_ulogic;
    input_data : in std_ulogic_vector(lanes * bits - 1 downto 0);
    --
    output_ready : in std_ulogic;
    output_valid : out std_ulogic;
    output_data : out std_ulogic_vector(lanes * output_bits - 1 downto 0)
  );
end entity;

architecture rtl of layer_normalization is

  constant folds : positive := channels / lanes;
  constant value_width : positive := value_bits(bits, is_signed);
  constant count_bits : positive := clog2(channels + 1) + 1;
  constant square_bits : positive := 2 * bits;
  constant total_bits : positive := value_width + clog2(channels);
  constant squares_bits : positive := square_bits + clog2(channels);
  constant variance_bits : positive := 2 * (bits + clog2(channels)) + 1;
  constant radicand_bits : positive := 2 * half_width;
  constant root_bits : positive := 18;
  constant move_bits : positive := clog2(half_width);
  constant deviation_bits : positive := total_bits + 1;
  constant product_bits : positive := deviation_bits + root_bits + 1;
  constant score_bits : positive := 12 + (clog2(channels) + 1) / 2 + 2;
  -- A number of the first pass: total, root and by how much it was moved
  constant number_bits : positive := total_bits + root_bits + move_bits;

  -- Depths with which a pass takes a beat per cycle: see pass_depth and number_depth in ir/timing.py.
  constant reduction : positive := 2 + clog2(lanes) + move_bits + 8;
  constant code_depth : positive := folds + reduction + 1;
  constant number_depth : positive := (code_depth + folds - 1) / folds;

  constant legal : boolean :=
    require(channels mod lanes = 0,
      "layer_normalization: lanes must divide channels; got " & integer'image(lanes))
    and require(epsilon'length <= radicand_bits - 1 and variance_bits + 9 <= radicand_bits - 1,
      "layer_normalization: half_width must hold the radicand; got " & integer'image(half_width));

  -- First pass
  signal fold_1 : natural range 0 to folds - 1 := 0;
  signal is_last_1, take_1, codes_ready, codes_given, number_reservable, number_reserved : std_ulogic;
  signal operands : std_ulogic_vector(lanes * value_width - 1 downto 0);
  signal values : std_ulogic_vector(lanes * value_width - 1 downto 0);
  signal squares : std_ulogic_vector(lanes * square_bits - 1 downto 0);
  signal operands_valid, values_valid, sums_valid : std_ulogic := '0';
  signal total : std_ulogic_vector(total_bits - 1 downto 0);
  signal sum_of_squares : std_ulogic_vector(squares_bits - 1 downto 0);
  signal scaled_squares, squared_total, variance : unsigned(variance_bits - 1 downto 0);
  signal radicand : unsigned(constant_bits(radicand_bits) - 1 downto 0);
  signal radicand_valid : std_ulogic_vector(1 to 3) := (others => '0');
  signal root, used_root : std_ulogic_vector(root_bits - 1 downto 0);
  signal moved : std_ulogic_vector(move_bits - 1 downto 0);
  signal root_valid : std_ulogic;
  -- The total waits for its root.
  type totals_t is array (1 to move_bits + 6) of std_ulogic_vector(total_bits - 1 downto 0);
  signal totals : totals_t;
  signal number, first_number : std_ulogic_vector(number_bits - 1 downto 0);
  signal number_known, number_used : std_ulogic;

  -- Second pass
  signal fold_2 : natural range 0 to folds - 1 := 0;
  signal is_last_2, take_2, codes_valid, output_reservable : std_ulogic;
  signal codes : std_ulogic_vector(lanes * bits - 1 downto 0);
  signal used_total : signed(total_bits - 1 downto 0);
  type roots_t is array (1 to 2) of std_ulogic_vector(root_bits - 1 downto 0);
  signal waiting_roots : roots_t;
  type shifts_t is array (1 to 2 + move_bits) of unsigned(move_bits - 1 downto 0);
  signal shifts : shifts_t;
  signal step_valid : std_ulogic_vector(1 to 3 + move_bits) := (others => '0');
  signal scores : std_ulogic_vector(lanes * score_bits - 1 downto 0);
  signal result : std_ulogic_vector(lanes * output_bits - 1 downto 0);
  signal result_valid : std_ulogic;

  function next_fold (fold : natural) return natural is
  begin
    if fold = folds - 1 then
      return 0;
    end if;
    return fold + 1;
  end function;

begin

  ------------------------------------------------------------------------------
  -- First pass: the codes wait for their number.
  is_last_1 <= '1' when fold_1 = folds - 1 else '0';
  codes_given <= input_valid and (number_reservable or not is_last_1);
  input_ready <= codes_ready and (number_reservable or not is_last_1);
  take_1 <= codes_given and codes_ready;
  number_reserved <= take_1 and is_last_1;

  waiting_codes : entity work.stream_fifo
    generic map (depth => code_depth, width => lanes * bits)
    port map (
      clk => clk,
      reset => reset,
      input_ready => codes_ready,
      input_valid => codes_given,
      input_data => input_data,
      output_ready => take_2,
      output_valid => codes_valid,
      output_data => codes
    );

  square : process (clk)
    variable value : signed(value_width - 1 downto 0);
    variable product : signed(2 * value_width - 1 downto 0);
  begin
    if rising_edge(clk) then
      operands <= resize_lanes(input_data, bits, value_width, is_signed);
      operands_valid <= take_1 and not reset;
      values <= operands;
      values_valid <= operands_valid and not reset;
      for lane in 0 to lanes - 1 loop
        value := lane_value(operands, lane, value_width, true);
        product := value * value;
        squares((lane + 1) * square_bits - 1 downto lane * square_bits) <=
          std_ulogic_vector(product(square_bits - 1 downto 0));
      end loop;
    end if;
  end process;

  add : entity work.channel_reduce
    generic map (
      adds => true, bits => value_width, is_signed => true, lanes => lanes, folds => folds,
      output_bits => total_bits
    )
    port map (
      clk => clk, reset => reset,
      input_valid => values_valid, input_data => values,
      output_valid => sums_valid, output_data => total
    );

  add_squares : entity work.channel_reduce
    generic map (
      adds => true, bits => square_bits, is_signed => false, lanes => lanes, folds => folds,
      output_bits => squares_bits
    )
    port map (
      clk => clk, reset => reset,
      input_valid => values_valid, input_data => squares,
      output_valid => open, output_data => sum_of_squares
    );

  -- Neither product is more than the square of channels times the largest code.
  make_radicand : process (clk)
    variable of_total : signed(2 * total_bits - 1 downto 0);
    variable of_squares : unsigned(squares_bits + count_bits - 1 downto 0);
  begin
    if rising_edge(clk) then
      of_total := signed(total) * signed(total);
      of_squares := unsigned(sum_of_squares) * to_unsigned(channels, count_bits);
      squared_total <= resize(unsigned(of_total), variance_bits);
      scaled_squares <= resize(of_squares, variance_bits);
      variance <= scaled_squares - squared_total;
      radicand <= resize(variance & "0000000000", radicand'length)
        + resize(unsigned(epsilon), radicand'length);

      totals(1) <= total;
      for stage in 2 to totals'high loop
        totals(stage) <= totals(stage - 1);
      end loop;

      radicand_valid <= sums_valid & radicand_valid(1 to 2);
      if reset then
        radicand_valid <= (others => '0');
      end if;
    end if;
  end process;

  find_root : entity work.inverse_root
    generic map (half_width => half_width, roots => roots)
    port map (
      clk => clk,
      reset => reset,
      input_valid => radicand_valid(3),
      input_radicand => std_ulogic_vector(radicand(radicand_bits - 1 downto 0)),
      output_valid => root_valid,
      output_root => root,
      output_moved => moved
    );

  number <= totals(totals'high) & root & moved;

  numbers : entity work.reserving_fifo
    generic map (depth => number_depth, width => number_bits)
    port map (
      clk => clk,
      reset => reset,
      reservable => number_reservable,
      reserve => number_reserved,
      input_valid => root_valid,
      input_data => number,
      output_ready => number_used,
      output_valid => number_known,
      output_data => first_number
    );

  ------------------------------------------------------------------------------
  -- Second pass: scores and codes.
  is_last_2 <= '1' when fold_2 = folds - 1 else '0';
  take_2 <= codes_valid and number_known and output_reservable;
  number_used <= take_2 and is_last_2;

  follow : process (clk)
  begin
    if rising_edge(clk) then
      used_total <= signed(first_number(number_bits - 1 downto number_bits - total_bits));
      waiting_roots(1) <= first_number(move_bits + root_bits - 1 downto move_bits);
      waiting_roots(2) <= waiting_roots(1);
      shifts(1) <= half_width - 1 - unsigned(first_number(move_bits - 1 downto 0));
      for stage in 2 to shifts'high loop
        shifts(stage) <= shifts(stage - 1);
      end loop;

      step_valid <= take_2 & step_valid(1 to step_valid'high - 1);
      if reset then
        step_valid <= (others => '0');
      end if;
    end if;
  end process;

  used_root <= waiting_roots(2);

  each_lane : for lane in 0 to lanes - 1 generate
    type products_t is array (0 to move_bits) of signed(product_bits - 1 downto 0);
    signal scaled : signed(value_width + count_bits - 1 downto 0);
    signal deviation : signed(deviation_bits - 1 downto 0);
    signal products : products_t;
  begin

    score : process (clk)
    begin
      if rising_edge(clk) then
        scaled <= lane_value(codes, lane, bits, is_signed) * to_signed(channels, count_bits);
        deviation <= resize(scaled, deviation_bits) - resize(used_total, deviation_bits);
        products(0) <= deviation * signed('0' & used_root);
      end if;
    end process;

    -- A stage per bit of the shift; no shift_right, see `requantize`.
    shift_down : for stage in 1 to move_bits generate
      constant places : positive := 2 ** (move_bits - stage);
      constant kept : positive := larger(product_bits - places, 1);
    begin
      move : process (clk)
      begin
        if rising_edge(clk) then
          if shifts(2 + stage)(move_bits - stage) then
            products(stage) <= resize(products(stage - 1)(product_bits - 1 downto product_bits - kept), product_bits);
          else
            products(stage) <= products(stage - 1);
          end if;
        end if;
      end process;
    end generate;

    scores((lane + 1) * score_bits - 1 downto lane * score_bits) <=
      std_ulogic_vector(products(move_bits)(score_bits - 1 downto 0));

  end generate;

  scale : entity work.requantize
    generic map (
      input_bits => score_bits,
      output_bits => output_bits,
      output_signed => output_signed,
      multiplier_bits => multiplier_bits,
      offset_bits => offset_bits,
      shift => shift,
      low => low,
      high => high,
      lanes => lanes,
      folds => folds,
      multipliers => multipliers,
      offsets => offsets
    )
    port map (
      clk => clk,
      reset => reset,
      input_valid => step_valid(step_valid'high),
      input_data => scores,
      output_valid => result_valid,
      output_data => result
    );

  output_fifo : entity work.reserving_fifo
    generic map (depth => fifo_depth, width => lanes * output_bits)
    port map (
      clk => clk,
      reset => reset,
      reservable => output_reservable,
      reserve => take_2,
      input_valid => result_valid,
      input_data => result,
      output_ready => output_ready,
      output_valid => output_valid,
      output_data => output_data
    );

  ------------------------------------------------------------------------------
  count : process (clk)
  begin
    if rising_edge(clk) then
      if take_1 then
        fold_1 <= next_fold(fold_1);
      end if;
      if take_2 then
        fold_2 <= next_fold(fold_2);
      end if;

      if reset then
        fold_1 <= 0;
        fold_2 <= 0;
      end if;
    end if;
  end process;

end architecture;
