-- Each pixel's channels less their mean, over their deviation, scaled for each channel.
--
--   for each pixel, with n channels:
--     total, root, moved = see `moments`
--     score(c) = (n * input(c) - total) * root >> half_width - 1 - moved, 12 bits behind the point
--     output(c) = clamp((score(c) * multiplier(c) + offset(c)) >> shift, low, high)
--
-- Shifts are arithmetic (floor). Beat order: raster, channel fastest, `lanes` channels per beat; unchanged.
-- Two passes, with a buffer of a pixel and what is on its way between them: sums and root, then scores.
-- Latency: from taking a pixel's last beat to the push of its first score: reduction + 1 + s + 7 edges,
-- s = ceil(log2(half_width)), reduction = 2 + ceil(log2(lanes)) + s + 9; it can be taken one edge later.
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
    -- See `moments`.
    epsilon : std_ulogic_vector;
    half_width : positive range 9 to 32;
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
  constant total_bits : positive := value_width + clog2(channels);
  constant root_bits : positive := 18;
  constant move_bits : positive := clog2(half_width);
  constant deviation_bits : positive := total_bits + 1;
  constant product_bits : positive := deviation_bits + root_bits + 1;
  constant score_bits : positive := 12 + (clog2(channels) + 1) / 2 + 2;
  -- A number of the first pass: total, root and by how much it was moved
  constant number_bits : positive := total_bits + root_bits + move_bits;

  -- With this depth a pass takes a beat per cycle: see pass_depth in ir/timing.py.
  constant reduction : positive := 2 + clog2(lanes) + move_bits + 9;
  constant code_depth : positive := folds + reduction + 1;

  constant legal : boolean := require(channels mod lanes = 0,
    "layer_normalization: lanes must divide channels; got " & integer'image(lanes));

  -- First pass
  signal take, reservable, number_valid : std_ulogic;
  signal total : std_ulogic_vector(total_bits - 1 downto 0);
  signal root, used_root : std_ulogic_vector(root_bits - 1 downto 0);
  signal moved : std_ulogic_vector(move_bits - 1 downto 0);
  signal number, used_number : std_ulogic_vector(number_bits - 1 downto 0);

  -- Second pass
  signal codes_valid, step, output_reservable : std_ulogic;
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

begin

  ------------------------------------------------------------------------------
  -- First pass: the codes wait for their number.
  input_ready <= reservable;
  take <= input_valid and reservable;

  find_moments : entity work.moments
    generic map (
      bits => bits,
      is_signed => is_signed,
      lanes => lanes,
      channels => channels,
      epsilon => epsilon,
      half_width => half_width,
      roots => roots
    )
    port map (
      clk => clk,
      reset => reset,
      input_valid => take,
      input_data => input_data,
      output_valid => number_valid,
      output_total => total,
      output_root => root,
      output_moved => moved
    );

  number <= total & root & moved;

  waiting_codes : entity work.pass_buffer
    generic map (
      width => lanes * bits,
      number_width => number_bits,
      folds => folds,
      depth => code_depth
    )
    port map (
      clk => clk,
      reset => reset,
      reservable => reservable,
      reserve => take,
      beat_valid => take,
      beat_data => input_data,
      number_valid => number_valid,
      number_data => number,
      output_ready => output_reservable,
      output_valid => codes_valid,
      output_data => codes,
      output_number => used_number
    );

  ------------------------------------------------------------------------------
  -- Second pass: scores and codes.
  step <= codes_valid and output_reservable;

  follow : process (clk)
  begin
    if rising_edge(clk) then
      used_total <= signed(used_number(number_bits - 1 downto number_bits - total_bits));
      waiting_roots(1) <= used_number(move_bits + root_bits - 1 downto move_bits);
      waiting_roots(2) <= waiting_roots(1);
      shifts(1) <= half_width - 1 - unsigned(used_number(move_bits - 1 downto 0));
      for stage in 2 to shifts'high loop
        shifts(stage) <= shifts(stage - 1);
      end loop;

      step_valid <= step & step_valid(1 to step_valid'high - 1);
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
      reserve => step,
      input_valid => result_valid,
      input_data => result,
      output_ready => output_ready,
      output_valid => output_valid,
      output_data => output_data
    );

end architecture;
