-- Mean over windows of an image; values outside of it do not count.
--
--   for oy, ox in raster order, for each channel c:
--     sum    = sum over ky, kx of input(oy * stride_height - pad_top + ky, x likewise, c), outside
--              of the image pad_value
--     number = (rows of the window inside - 1) * kernel_width + columns inside - 1
--     output = clamp((sum * multiplier(number) + offset(number)) >> shift, low, high)
--
-- The multiplier contains the division by the number of values inside, the offset what pad_value and
-- the input's zero point add to the sum.
--
-- Beat order: raster, channel fastest, `lanes` channels per beat.
-- Running sums along each row, and of these down the columns: every value is added once in each direction,
-- whatever the size of the window.
-- Latency: 3 edges from the step at the end of a row's window to its push into the FIFO between the two
-- sums; 3 + 4 from the step at the end of a window to the push of its code: column sum, parameters and
-- operand, product, sum, shift and clamp.
-- Cycles per frame: those of the two sliding_sum: at stride 1 without padding one per input beat, if
-- fifo_depth >= 9.
-- Memory: that of the two sliding_sum: kernel_height rows of row sums if windows overlap down the columns.
-- Limits: those of sliding_sum; accumulator_bits must hold every sum.

library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;

use work.millrace_pkg.all;

entity average_pool is
  generic (
    -- Width of an input value: width of the line buffer.
    input_bits : positive range 1 to 16;
    input_signed : boolean;
    -- Channels per beat; divides channels. An adder and a multiplier each.
    lanes : positive;
    -- Input image: width * channels values per buffered row.
    height : positive;
    width : positive;
    channels : positive;
    -- Windows that overlap cost memory: see sliding_sum.
    kernel_height : positive;
    kernel_width : positive;
    stride_height : positive := 1;
    stride_width : positive := 1;
    pad_top : natural := 0;
    pad_left : natural := 0;
    pad_bottom : natural := 0;
    pad_right : natural := 0;
    -- Bit pattern of a value outside of the image: the input's zero point.
    pad_value : natural := 0;
    -- Width of the signed sums.
    accumulator_bits : positive;
    -- Requantization: see `requantize`; kernel_height * kernel_width parameters, columns fastest.
    output_bits : positive range 1 to 16;
    output_signed : boolean;
    multiplier_bits : positive;
    offset_bits : positive;
    shift : natural;
    low : integer;
    high : integer;
    multipliers : rom_words_t;
    offsets : rom_words_t;
    -- Row sums that wait beyond fifo_depth, while sums of columns at the lower edge are sent.
    extra_beats : natural := 0;
    -- Beats under way or waiting, of row sums and of output.
    fifo_depth : positive
  );
  port (
    clk : in std_ulogic;
    reset : in std_ulogic;
    --
    input_ready : out std_ulogic;
    input_valid : in std_ulogic;
    input_data : in std_ulogic_vector(lanes * input_bits - 1 downto 0);
    --
    output_ready : in std_ulogic;
    output_valid : out std_ulogic;
    output_data : out std_ulogic_vector(lanes * output_bits - 1 downto 0)
  );
end entity;

architecture rtl of average_pool is

  constant lanes_divide : boolean := require(channels mod lanes = 0,
    "average_pool: lanes must divide channels; got " & integer'image(lanes));
  constant pads_are_right : boolean := require(
    larger(pad_top, pad_bottom) < kernel_height and larger(pad_left, pad_right) < kernel_width,
    "average_pool: pads must be below the kernel; got "
    & integer'image(larger(larger(pad_top, pad_bottom), larger(pad_left, pad_right))));
  constant range_is_right : boolean := require(
    low <= high and fits(low, output_bits, output_signed) and fits(high, output_bits, output_signed),
    "average_pool: low and high must fit the output; got " & integer'image(low) & " .. "
    & integer'image(high));

  constant numbers : positive := kernel_height * kernel_width;
  constant parameters_are_complete : boolean := require(
    rom_holds(multipliers, numbers * multiplier_bits) and rom_holds(offsets, numbers * offset_bits),
    "average_pool: there must be a parameter for each number of rows and columns; rows got "
    & integer'image(multipliers'length));

  constant folds : positive := channels / lanes;
  constant lines : positive := places(height, pad_top, pad_bottom, kernel_height, stride_height);
  constant line_places : positive := places(width, pad_left, pad_right, kernel_width, stride_width);

  type counts_t is array (natural range <>) of natural;

  -- Taps of each window along an axis that lie inside, less one.
  function inside (count, stride, pad, kernel, size : natural) return counts_t is
    variable result : counts_t(0 to count - 1);
  begin
    for place in result'range loop
      result(place) := smaller(size, place * stride - pad + kernel) - larger(0, place * stride - pad) - 1;
    end loop;
    return result;
  end function;

  constant rows_inside : counts_t(0 to lines - 1) :=
    inside(lines, stride_height, pad_top, kernel_height, height);
  constant columns_inside : counts_t(0 to line_places - 1) :=
    inside(line_places, stride_width, pad_left, kernel_width, width);

  -- Beyond the words that are read
  constant spare : natural := larger(spare_rows(multipliers, numbers * multiplier_bits),
    spare_rows(offsets, numbers * offset_bits));
  constant last_word : natural := numbers - 1 + spare;

  type multiplier_rom_t is array (0 to last_word) of std_ulogic_vector(multiplier_bits - 1 downto 0);
  type offset_rom_t is array (0 to last_word) of std_ulogic_vector(offset_bits - 1 downto 0);

  function multiplier_words return multiplier_rom_t is
    variable rom : multiplier_rom_t := (others => (others => '1'));
  begin
    for number in 0 to numbers - 1 loop
      rom(number) := rom_slice(multipliers, number * multiplier_bits, multiplier_bits);
    end loop;
    return rom;
  end function;

  function offset_words return offset_rom_t is
    variable rom : offset_rom_t := (others => (others => '1'));
  begin
    for number in 0 to numbers - 1 loop
      rom(number) := rom_slice(offsets, number * offset_bits, offset_bits);
    end loop;
    return rom;
  end function;

  constant multiplier_rom : multiplier_rom_t := multiplier_words;
  constant offset_rom : offset_rom_t := offset_words;

  constant product_bits : positive := accumulator_bits + multiplier_bits;
  constant sum_bits : positive := larger(product_bits, offset_bits) + 1;

  -- Floor shift, then clamp; see `requantize`.
  function code (sum : signed(sum_bits - 1 downto 0)) return std_ulogic_vector is
    constant scaled : signed(sum_bits - 1 downto 0) :=
      resize(sum(sum_bits - 1 downto smaller(shift, sum_bits - 1)), sum_bits);
  begin
    return clamp(scaled, low, high, output_bits);
  end function;

  -- A row sum holds kernel_width values of either sign.
  constant row_bits : positive := value_bits(input_bits, input_signed) + clog2(kernel_width);
  constant outside : integer := to_integer(
    lane_value(std_ulogic_vector(to_unsigned(pad_value, input_bits)), 0, input_bits, input_signed));

  signal row_reservable, row_reserve, row_sum_valid, row_ready, row_valid : std_ulogic;
  signal row_sums, rows : std_ulogic_vector(lanes * row_bits - 1 downto 0);
  signal reservable, reserve : std_ulogic;
  signal sums : std_ulogic_vector(lanes * accumulator_bits - 1 downto 0);

  -- Counters run from count - 2 down to -1: the sign tells the last round.
  signal folds_left : integer range -1 to folds - 2 := folds - 2;
  signal line : natural range 0 to lines - 1 := 0;
  signal place : natural range 0 to line_places - 1 := 0;
  signal row_number : natural range 0 to last_word := rows_inside(0) * kernel_width;
  signal column_number : natural range 0 to kernel_width - 1 := columns_inside(0);

  signal multiplier : std_ulogic_vector(multiplier_bits - 1 downto 0);
  signal offset, offset_delayed : std_ulogic_vector(offset_bits - 1 downto 0);
  -- Sum (1), operand, product and scaled sum are valid, and the code (5).
  signal valid : std_ulogic_vector(1 to 5) := (others => '0');
  signal code_data : std_ulogic_vector(lanes * output_bits - 1 downto 0);

begin

  along_rows : entity work.sliding_sum
    generic map (
      bits => input_bits,
      is_signed => input_signed,
      sum_bits => row_bits,
      lanes => lanes,
      length => width,
      kernel => kernel_width,
      stride => stride_width,
      pad_begin => pad_left,
      pad_end => pad_right,
      pad_value => outside,
      inner => folds
    )
    port map (
      clk => clk,
      reset => reset,
      input_ready => input_ready,
      input_valid => input_valid,
      input_data => input_data,
      reservable => row_reservable,
      reserve => row_reserve,
      output_valid => row_sum_valid,
      output_data => row_sums
    );

  between : entity work.reserving_fifo
    generic map (
      depth => fifo_depth + extra_beats,
      width => lanes * row_bits
    )
    port map (
      clk => clk,
      reset => reset,
      reservable => row_reservable,
      reserve => row_reserve,
      input_valid => row_sum_valid,
      input_data => row_sums,
      output_ready => row_ready,
      output_valid => row_valid,
      output_data => rows
    );

  down_columns : entity work.sliding_sum
    generic map (
      bits => row_bits,
      is_signed => true,
      sum_bits => accumulator_bits,
      lanes => lanes,
      length => height,
      kernel => kernel_height,
      stride => stride_height,
      pad_begin => pad_top,
      pad_end => pad_bottom,
      pad_value => outside * kernel_width,
      inner => line_places * folds
    )
    port map (
      clk => clk,
      reset => reset,
      input_ready => row_ready,
      input_valid => row_valid,
      input_data => rows,
      reservable => reservable,
      reserve => reserve,
      output_valid => valid(1),
      output_data => sums
    );

  ------------------------------------------------------------------------------
  control : process (clk)
    variable next_line : natural range 0 to lines - 1;
    variable next_place : natural range 0 to line_places - 1;
  begin
    if rising_edge(clk) then
      valid(2 to 5) <= valid(1 to 4);

      -- Where the window after this one lies.
      next_line := line;
      next_place := place;
      if valid(1) then
        folds_left <= folds - 2 when folds_left < 0 else folds_left - 1;
        if folds_left < 0 then
          if place = line_places - 1 then
            next_place := 0;
            if line = lines - 1 then
              next_line := 0;
            else
              next_line := line + 1;
            end if;
          else
            next_place := place + 1;
          end if;
        end if;
      end if;

      if reset then
        valid(2 to 5) <= (others => '0');
        folds_left <= folds - 2;
        next_line := 0;
        next_place := 0;
      end if;

      line <= next_line;
      place <= next_place;
      row_number <= rows_inside(next_line) * kernel_width;
      column_number <= columns_inside(next_place);
    end if;
  end process;

  parameters : process (clk)
  begin
    if rising_edge(clk) then
      multiplier <= multiplier_rom(row_number + column_number);
      offset <= offset_rom(row_number + column_number);
      offset_delayed <= offset;
    end if;
  end process;

  each_lane : for lane in 0 to lanes - 1 generate
    signal operand : signed(accumulator_bits - 1 downto 0);
    signal product : signed(product_bits - 1 downto 0);
    signal sum : signed(sum_bits - 1 downto 0);
  begin

    average : process (clk)
    begin
      if rising_edge(clk) then
        operand <= lane_value(sums, lane, accumulator_bits, true);
        product <= operand * signed(multiplier);
        sum <= resize(product, sum_bits) + resize(signed(offset_delayed), sum_bits);
        code_data((lane + 1) * output_bits - 1 downto lane * output_bits) <= code(sum);
      end if;
    end process;

  end generate;

  results : entity work.reserving_fifo
    generic map (
      depth => fifo_depth,
      width => lanes * output_bits
    )
    port map (
      clk => clk,
      reset => reset,
      reservable => reservable,
      reserve => reserve,
      input_valid => valid(5),
      input_data => code_data,
      output_ready => output_ready,
      output_valid => output_valid,
      output_data => output_data
    );

end architecture;
