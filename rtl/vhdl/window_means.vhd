-- Means of an image's windows from their sums: requantized by how much of each window lies inside.
--
--   for oy, ox in raster order, for each channel c:
--     number = (rows of the window inside - 1) * kernel_width + columns inside - 1
--     output = clamp((input * multiplier(number) + offset(number)) >> shift, low, high)
--
-- Beat order: raster, channel fastest, `lanes` channels per beat; valid only, never stalled.
-- Latency: 5 edges: number, parameters, product, sum, shift and clamp.
-- Cycles per frame: one per beat.
-- Limits: as of requantize.

library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;

use work.millrace_pkg.all;

entity window_means is
  generic (
    -- Width of the signed sums.
    input_bits : positive;
    -- Channels per beat: one multiplier each.
    lanes : positive;
    -- Beats per pixel.
    folds : positive;
    -- Image and windows: counters, and a table of rows and of columns inside.
    height : positive;
    width : positive;
    kernel_height : positive;
    kernel_width : positive;
    stride_height : positive := 1;
    stride_width : positive := 1;
    pad_top : natural := 0;
    pad_left : natural := 0;
    pad_bottom : natural := 0;
    pad_right : natural := 0;
    -- Requantization: see `requantize`; kernel_height * kernel_width parameters, columns fastest.
    output_bits : positive range 1 to 16;
    output_signed : boolean;
    multiplier_bits : positive;
    offset_bits : positive;
    shift : natural;
    low : integer;
    high : integer;
    multipliers : rom_words_t;
    offsets : rom_words_t
  );
  port (
    clk : in std_ulogic;
    reset : in std_ulogic;
    --
    input_valid : in std_ulogic;
    input_data : in std_ulogic_vector(lanes * input_bits - 1 downto 0);
    --
    output_valid : out std_ulogic := '0';
    output_data : out std_ulogic_vector(lanes * output_bits - 1 downto 0)
  );
end entity;

architecture rtl of window_means is

  constant range_is_right : boolean := require(
    low <= high and fits(low, output_bits, output_signed) and fits(high, output_bits, output_signed),
    "window_means: low and high must fit the output; got " & integer'image(low) & " .. "
    & integer'image(high));

  constant numbers : positive := kernel_height * kernel_width;
  constant parameters_are_complete : boolean := require(
    rom_holds(multipliers, numbers * multiplier_bits) and rom_holds(offsets, numbers * offset_bits),
    "window_means: there must be a parameter for each number of rows and columns; rows got "
    & integer'image(multipliers'length));

  constant lines : positive := places(height, pad_top, pad_bottom, kernel_height, stride_height);
  constant line_places : positive := places(width, pad_left, pad_right, kernel_width, stride_width);

  type counts_t is array (natural range <>) of natural;

  -- Taps of each window along an axis that lie inside, less one, times a weight. Where it is multiplied later,
  -- yosys makes a multiplier of that.
  function inside (count, stride, pad, kernel, size, weight : natural) return counts_t is
    variable result : counts_t(0 to count - 1);
  begin
    for place in result'range loop
      result(place) :=
        (smaller(size, place * stride - pad + kernel) - larger(0, place * stride - pad) - 1) * weight;
    end loop;
    return result;
  end function;

  constant rows_inside : counts_t(0 to lines - 1) :=
    inside(lines, stride_height, pad_top, kernel_height, height, kernel_width);
  constant columns_inside : counts_t(0 to line_places - 1) :=
    inside(line_places, stride_width, pad_left, kernel_width, width, 1);

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

  constant product_bits : positive := input_bits + multiplier_bits;
  constant sum_bits : positive := larger(product_bits, offset_bits) + 1;

  -- Floor shift, then clamp; see `requantize`.
  function code (sum : signed(sum_bits - 1 downto 0)) return std_ulogic_vector is
    constant scaled : signed(sum_bits - 1 downto 0) :=
      resize(sum(sum_bits - 1 downto smaller(shift, sum_bits - 1)), sum_bits);
  begin
    return clamp(scaled, low, high, output_bits);
  end function;

  -- Counters run from count - 2 down to -1: the sign tells the last round.
  signal folds_left : integer range -1 to folds - 2 := folds - 2;
  signal line : natural range 0 to lines - 1 := 0;
  signal place : natural range 0 to line_places - 1 := 0;
  signal row_number : natural range 0 to last_word := rows_inside(0);
  signal column_number : natural range 0 to kernel_width - 1 := columns_inside(0);

  signal multiplier : std_ulogic_vector(multiplier_bits - 1 downto 0);
  signal offset, offset_delayed : std_ulogic_vector(offset_bits - 1 downto 0);
  signal number : natural range 0 to last_word := 0;
  -- Beside all registers but the last.
  signal valid : std_ulogic_vector(1 to 4) := (others => '0');

begin

  control : process (clk)
    variable next_line : natural range 0 to lines - 1;
    variable next_place : natural range 0 to line_places - 1;
  begin
    if rising_edge(clk) then
      valid <= input_valid & valid(1 to 3);
      output_valid <= valid(4);

      -- Where the window after this one lies.
      next_line := line;
      next_place := place;
      if input_valid then
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
        valid <= (others => '0');
        output_valid <= '0';
        folds_left <= folds - 2;
        next_line := 0;
        next_place := 0;
      end if;

      line <= next_line;
      place <= next_place;
      row_number <= rows_inside(next_line);
      column_number <= columns_inside(next_place);
    end if;
  end process;

  parameters : process (clk)
  begin
    if rising_edge(clk) then
      number <= row_number + column_number;
      multiplier <= multiplier_rom(number);
      offset <= offset_rom(number);
      offset_delayed <= offset;
    end if;
  end process;

  each_lane : for lane in 0 to lanes - 1 generate
    signal value, operand : signed(input_bits - 1 downto 0);
    signal product : signed(product_bits - 1 downto 0);
    signal sum : signed(sum_bits - 1 downto 0);
  begin

    average : process (clk)
    begin
      if rising_edge(clk) then
        value <= lane_value(input_data, lane, input_bits, true);
        operand <= value;
        product <= operand * signed(multiplier);
        sum <= resize(product, sum_bits) + resize(signed(offset_delayed), sum_bits);
        output_data((lane + 1) * output_bits - 1 downto lane * output_bits) <= code(sum);
      end if;
    end process;

  end generate;

end architecture;
