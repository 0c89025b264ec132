-- Mean over windows that do not overlap, added up one value after another in floating point.
--
--   for each window, for each channel:
--     sum = 0
--     for each value of the window, raster order: sum = rounded(sum + addends(bit pattern of the value))
--     output = low + number of levels n with threshold(set of the window, n) <= sum
--
-- rounded() keeps 24 significant bits, see `rounding_adder`: with addends in units of one power of two the
-- sum is that of single precision. Rows and columns that are in no window are dropped.
--
-- Beat order: raster, channel fastest, `lanes` channels per beat.
-- Latency: 7 (code, its word in the table, addend and sum so far, addition) + threshold's edges from taking the
-- last beat of a window to the push into the FIFO; the beat can be taken one edge later.
-- Cycles per frame: height * width * larger(6, channels / lanes): as many edges lie between two additions to a
-- sum. A pixel's first beat comes 7 - channels / lanes edges after the last one of the pixel before, at least
-- one. Frames follow each other without a gap.
-- Memory: a sum for each channel and window of a row, a register if all are one beat; a table of addends and
-- the thresholds for each lane.
-- Limits: accumulator_bits must hold all sums on the way; they wrap otherwise.

library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;

use work.millrace_pkg.all;

entity float_mean is
  generic (
    -- Bits of one input channel: each doubles the table of addends.
    bits : positive range 1 to 16;
    -- Channels per beat; divides channels; each costs two adders, the addends and the thresholds.
    lanes : positive;
    height : positive;
    width : positive;
    channels : positive;
    kernel_height : positive;
    kernel_width : positive;
    -- At least the kernel.
    stride_height : positive;
    stride_width : positive;
    -- 2 ** bits numbers, by the bit pattern of a code.
    addend_bits : positive;
    addend_signed : boolean;
    addends : rom_words_t;
    -- Bits of a (signed) sum.
    accumulator_bits : positive;
    -- See `threshold`; `sets` rows, each for all channels of some windows: as many thresholds for each lane.
    output_bits : positive;
    output_signed : boolean;
    low : integer;
    levels : positive;
    sets : positive := 1;
    thresholds : rom_words_t;
    -- With several sets, that of each window: see `choose_by_window`.
    set_numbers : rom_words_t := no_table;
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

architecture rtl of float_mean is

  constant lanes_fit : boolean :=
    require(channels mod lanes = 0, "float_mean: lanes must divide channels; got " & integer'image(lanes));
  constant window_fits : boolean := require(kernel_height <= height and kernel_width <= width,
    "float_mean: kernel must fit into the map; got " & integer'image(kernel_height) & " x "
    & integer'image(kernel_width));

  constant thresholds_are_complete : boolean := require(
    rom_holds(thresholds, sets * levels * accumulator_bits),
    "float_mean: thresholds must hold sets * levels numbers in rows of 256 bits; rows got "
    & integer'image(thresholds'length));

  -- Edges from a step to the one at which its sum is in the memory.
  constant latency : positive := 7;
  -- Edges from a step to the next one that may add to its sum: the sum is read an edge after its code is.
  constant distance : positive := latency - 1;

  constant folds : positive := channels / lanes;
  constant windows : positive :=
    places(height, 0, 0, kernel_height, stride_height) * places(width, 0, 0, kernel_width, stride_width);
  constant set_bits : positive := levels * accumulator_bits;
  constant sums : positive := places(width, 0, 0, kernel_width, stride_width) * folds;

  subtype sums_t is std_ulogic_vector(lanes * accumulator_bits - 1 downto 0);
  type indices_t is array (1 to latency) of natural range 0 to sums - 1;

  -- Of the step at the next edge.
  signal step, adds, starts : std_ulogic;
  signal index : natural range 0 to sums - 1;
  signal reservable, reserve : std_ulogic;

  -- The same, so many edges after the step.
  signal valid_after, starts_after : std_ulogic_vector(1 to 3) := (others => '0');
  signal ends_after : std_ulogic_vector(1 to latency) := (others => '0');
  signal index_after : indices_t;

  signal code : std_ulogic_vector(lanes * bits - 1 downto 0);
  -- What the code adds; the register behind the table is that of a block RAM.
  signal word, addend : std_ulogic_vector(lanes * addend_bits - 1 downto 0);
  -- The sum without the addend, and with it.
  signal past : sums_t;
  signal base : sums_t;
  signal present : sums_t;
  signal present_valid : std_ulogic;

  -- By each set of thresholds, and by that of the window.
  signal codes : std_ulogic_vector(sets * lanes * output_bits - 1 downto 0);
  signal code_valid : std_ulogic_vector(sets * lanes - 1 downto 0);
  signal mean : std_ulogic_vector(lanes * output_bits - 1 downto 0);

begin

  ------------------------------------------------------------------------------
  walk : entity work.tile_steps
    generic map (
      height => height,
      width => width,
      kernel_height => kernel_height,
      kernel_width => kernel_width,
      stride_height => stride_height,
      stride_width => stride_width,
      folds => folds,
      latency => distance
    )
    port map (
      clk => clk,
      reset => reset,
      --
      input_ready => input_ready,
      input_valid => input_valid,
      reservable => reservable,
      reserve => reserve,
      step => step,
      adds => adds,
      starts => starts,
      index => index
    );

  follow : process (clk)
  begin
    if rising_edge(clk) then
      code <= input_data;
      addend <= word;
      valid_after <= (step and adds) & valid_after(1 to 2);
      starts_after <= starts & starts_after(1 to 2);
      ends_after <= reserve & ends_after(1 to latency - 1);
      index_after <= index & index_after(1 to latency - 1);

      if reset then
        valid_after <= (others => '0');
        ends_after <= (others => '0');
      end if;
    end if;
  end process;

  addends_of_codes : entity work.lookup
    generic map (
      input_bits => bits,
      output_bits => addend_bits,
      lanes => lanes,
      table => addends
    )
    port map (
      clk => clk,
      reset => reset,
      --
      input_valid => valid_after(1),
      input_data => code,
      --
      output_valid => open,
      output_data => word
    );

  ------------------------------------------------------------------------------
  base <= (others => '0') when starts_after(3) else past;

  addition : entity work.rounding_adder
    generic map (
      bits => accumulator_bits,
      lanes => lanes
    )
    port map (
      clk => clk,
      reset => reset,
      --
      input_valid => valid_after(3),
      input_a => resize_lanes(addend, addend_bits, accumulator_bits, addend_signed),
      input_b => base,
      --
      output_valid => present_valid,
      output_data => present
    );

  storage : if sums = 1 generate
    signal only : sums_t;
  begin
    remember : process (clk)
    begin
      if rising_edge(clk) then
        if present_valid then
          only <= present;
        end if;
        past <= only;
      end if;
    end process;
  else generate
    type memory_t is array (0 to sums - 1) of sums_t;
    signal memory : memory_t;
  begin
    -- A sum that is read and used was written at an edge before.
    remember : process (clk)
    begin
      if rising_edge(clk) then
        if present_valid then
          memory(index_after(latency)) <= present;
        end if;
        past <= memory(index_after(2));
      end if;
    end process;
  end generate;

  ------------------------------------------------------------------------------
  each_set : for set in 0 to sets - 1 generate
    each_lane : for lane in 0 to lanes - 1 generate
      quantize : entity work.threshold
        generic map (
          input_bits => accumulator_bits,
          output_bits => output_bits,
          output_signed => output_signed,
          low => low,
          levels => levels,
          lanes => 1,
          folds => 1,
          thresholds => rom_part(thresholds, set * set_bits, set_bits)
        )
        port map (
          clk => clk,
          reset => reset,
          --
          input_valid => ends_after(latency),
          input_data => present((lane + 1) * accumulator_bits - 1 downto lane * accumulator_bits),
          --
          output_valid => code_valid(set * lanes + lane),
          output_data => codes((set * lanes + lane + 1) * output_bits - 1 downto (set * lanes + lane) * output_bits)
        );
    end generate;
  end generate;

  choose : entity work.choose_by_window
    generic map (
      width => lanes * output_bits,
      sets => sets,
      windows => windows,
      folds => folds,
      set_numbers => set_numbers
    )
    port map (
      clk => clk,
      reset => reset,
      --
      input_valid => code_valid(0),
      input_data => codes,
      output_data => mean
    );

  output_fifo : entity work.reserving_fifo
    generic map (
      depth => fifo_depth,
      width => lanes * output_bits
    )
    port map (
      clk => clk,
      reset => reset,
      --
      reservable => reservable,
      reserve => reserve,
      --
      input_valid => code_valid(0),
      input_data => mean,
      --
      output_ready => output_ready,
      output_valid => output_valid,
      output_data => output_data
    );

end architecture;
