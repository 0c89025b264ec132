-- Walks over windows of a map that do not overlap, a beat at a time: the controller of float_mean.
--
--   for each row, for each column, for each beat of the pixel: one step
--
-- A step takes an input beat. Its index is that of a sum that is kept for it: there is one for each beat of the
-- windows beside each other. A step outside of all windows adds to none. The last one of a window yields: it
-- waits until the client can hold its result (`reservable`) and pulses `reserve`. So that `latency` edges lie
-- between two steps with one index, a pixel's first step is `latency` + 1 - `folds` edges behind the last one
-- of the pixel before, or one.
--
-- Beat order: raster, beats of a pixel fastest.
-- Latency: none; `step` and `reserve` belong to the edge at which an input beat is taken.
-- Cycles per frame: height * width * larger(latency, folds).

library ieee;
use ieee.std_logic_1164.all;

use work.millrace_pkg.all;

entity tile_steps is
  generic (
    height : positive;
    width : positive;
    kernel_height : positive;
    kernel_width : positive;
    -- At least the kernel.
    stride_height : positive;
    stride_width : positive;
    -- Beats of a pixel.
    folds : positive;
    -- Edges from a step to the next one with its index, at least.
    latency : positive
  );
  port (
    clk : in std_ulogic;
    reset : in std_ulogic;
    --
    input_ready : out std_ulogic;
    input_valid : in std_ulogic;
    -- Room for a result, and the pulse that takes it.
    reservable : in std_ulogic;
    reserve : out std_ulogic;
    -- There is a step at the next edge, and what it is:
    step : out std_ulogic;
    -- it is in a window, at its first pixel;
    adds : out std_ulogic := '1';
    starts : out std_ulogic := '1';
    -- the number of its sum.
    index : out natural range 0 to places(width, 0, 0, kernel_width, stride_width) * folds - 1 := 0
  );
end entity;

architecture rtl of tile_steps is

  constant rows_are_apart : boolean := require(stride_height >= kernel_height,
    "tile_steps: stride_height must be at least kernel_height; got " & integer'image(stride_height));
  constant columns_are_apart : boolean := require(stride_width >= kernel_width,
    "tile_steps: stride_width must be at least kernel_width; got " & integer'image(stride_width));

  constant rows : positive := places(height, 0, 0, kernel_height, stride_height);
  constant columns : positive := places(width, 0, 0, kernel_width, stride_width);
  constant last_index : natural := columns * folds - 1;
  constant is_pixel : boolean := kernel_height * kernel_width = 1;
  constant pause_edges : natural := larger(0, latency - folds);

  -- Place of the next beat in the map, and of its pixel from the beginning of the window on.
  signal fold : natural range 0 to folds - 1 := 0;
  signal column : natural range 0 to width - 1 := 0;
  signal tap_column : natural range 0 to stride_width - 1 := 0;
  signal row : natural range 0 to height - 1 := 0;
  signal tap_row : natural range 0 to stride_height - 1 := 0;
  signal yields : boolean := is_pixel;

  -- A one for each edge until the next pixel.
  signal pause : std_ulogic_vector(pause_edges downto 0) := (others => '0');
  signal may_step : std_ulogic;

begin

  may_step <= '1' when pause(0) = '0' and (reservable = '1' or not yields) else '0';
  input_ready <= may_step;
  step <= input_valid and may_step;
  reserve <= step when yields else '0';

  control : process (clk)
    variable next_column : natural range 0 to width - 1;
    variable next_tap_column : natural range 0 to stride_width - 1;
    variable next_row : natural range 0 to height - 1;
    variable next_tap_row : natural range 0 to stride_height - 1;
    variable is_inside : boolean;
  begin
    if rising_edge(clk) then
      pause <= '0' & pause(pause_edges downto 1);

      if step then
        -- GHDL's synthesis refuses the sum where a counter has but one value.
        if fold /= folds - 1 then
          if folds > 1 then
            fold <= fold + 1;
            index <= index + 1;
          end if;
        else
          fold <= 0;
          if pause_edges > 0 then
            pause <= '0' & (1 to pause_edges => '1');
          end if;

          -- Beyond the last window the index does not matter.
          if column = width - 1 or (tap_column = stride_width - 1 and index = last_index) then
            index <= 0;
          elsif tap_column /= stride_width - 1 then
            index <= index - (folds - 1);
          elsif last_index > 0 then
            index <= index + 1;
          end if;

          next_column := 0;
          next_tap_column := 0;
          next_row := row;
          next_tap_row := tap_row;
          if column /= width - 1 then
            if width > 1 then
              next_column := column + 1;
            end if;
            if tap_column /= stride_width - 1 and stride_width > 1 then
              next_tap_column := tap_column + 1;
            end if;
          elsif row /= height - 1 then
            if height > 1 then
              next_row := row + 1;
            end if;
            next_tap_row := 0;
            if tap_row /= stride_height - 1 and stride_height > 1 then
              next_tap_row := tap_row + 1;
            end if;
          else
            next_row := 0;
            next_tap_row := 0;
          end if;

          column <= next_column;
          tap_column <= next_tap_column;
          row <= next_row;
          tap_row <= next_tap_row;
          is_inside := next_column < columns * stride_width and next_tap_column < kernel_width
            and next_row < rows * stride_height and next_tap_row < kernel_height;
          adds <= '1' when is_inside else '0';
          starts <= '1' when next_tap_column = 0 and next_tap_row = 0 else '0';
          yields <= is_inside and next_tap_column = kernel_width - 1 and next_tap_row = kernel_height - 1;
        end if;
      end if;

      if reset then
        fold <= 0;
        column <= 0;
        tap_column <= 0;
        row <= 0;
        tap_row <= 0;
        index <= 0;
        adds <= '1';
        starts <= '1';
        yields <= is_pixel;
        pause <= (others => '0');
      end if;
    end if;
  end process;

end architecture;
