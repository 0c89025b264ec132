-- Turns accumulators into output codes by a sorted table of steps: exact for any step function.
--
--   channel = fold * lanes + lane
--   output(lane) = low + number of levels n with threshold(channel, n) <= input(lane)
--
-- Binary search, one stage per output bit: stage s knows the upper bits of the number and compares
-- with the threshold in the middle of what is left. Canonical order: channel slowest, level fastest,
-- input_bits-bit signed thresholds, ascending.
--
-- Beat order: unchanged, fold 0 .. folds - 1 of each pixel; valid only, never stalled.
-- Latency: 2 * ceil(log2(levels + 1)) edges: table and comparison of each stage.
-- Cycles per frame: one per beat.
-- Limits: a level that is never reached needs a threshold above the greatest input.

library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;

use work.millrace_pkg.all;

entity threshold is
  generic (
    -- Width of the signed values that come in: width of tables and comparators.
    input_bits : positive;
    -- Width of the codes that go out, and whether they are signed.
    output_bits : positive range 1 to 16;
    output_signed : boolean;
    -- Code below the first threshold.
    low : integer;
    -- Thresholds per channel: each doubling costs one stage and doubles the tables.
    levels : positive;
    -- Values per beat: one search each.
    lanes : positive;
    -- Beats per pixel: depth of the tables.
    folds : positive;
    -- folds * lanes * levels thresholds.
    thresholds : rom_words_t
  );
  port (
    clk : in std_ulogic;
    reset : in std_ulogic;
    --
    input_valid : in std_ulogic;
    input_data : in std_ulogic_vector(lanes * input_bits - 1 downto 0);
    --
    output_valid : out std_ulogic;
    output_data : out std_ulogic_vector(lanes * output_bits - 1 downto 0)
  );
end entity;

architecture rtl of threshold is

  constant low_fits : boolean := require(fits(low, output_bits, output_signed),
    "threshold: low must fit the output; got " & integer'image(low));
  constant high_fits : boolean := require(fits(low + levels, output_bits, output_signed),
    "threshold: low + levels must fit the output; got " & integer'image(low + levels));
  constant table_is_complete : boolean := require(
    rom_holds(thresholds, folds * lanes * levels * input_bits),
    "threshold: thresholds must hold folds * lanes * levels numbers in rows of 256 bits; rows got "
    & integer'image(thresholds'length));

  constant stages : positive := clog2(levels + 1);
  -- A search tree with a node to spare holds one bit more per threshold, to say "never".
  constant is_full : boolean := levels = 2 ** stages - 1;
  constant word_bits : positive := either(is_full, input_bits, input_bits + 1);

  type folds_t is array (0 to stages) of natural range 0 to folds - 1;

  signal fold : natural range 0 to folds - 1 := 0;
  -- The fold of the beat in front of each stage, and beside its table's output.
  signal stage_fold, table_fold : folds_t;
  -- Whether there is a beat.
  signal stage_valid, table_valid : std_ulogic_vector(0 to stages) := (others => '0');

begin

  search_lanes : for lane in 0 to lanes - 1 generate
    type values_t is array (0 to stages) of std_ulogic_vector(input_bits - 1 downto 0);
    type counts_t is array (0 to stages) of unsigned(stages - 1 downto 0);

    -- The value, and the bits of its number of levels that are known; the others are zero.
    signal stage_value, table_value : values_t;
    signal stage_count, table_count : counts_t;
    -- The code if the last comparison says no, and if it says yes.
    signal code_below, code_above : signed(output_bits downto 0);
  begin

    stage_value(0) <= input_data((lane + 1) * input_bits - 1 downto lane * input_bits);
    stage_count(0) <= (others => '0');

    search : for stage in 0 to stages - 1 generate
      -- Weight of the bit that the stage decides.
      constant weight : positive := 2 ** (stages - 1 - stage);
      constant nodes : positive := 2 ** stage;

      -- The thresholds in the middle of what each node of the tree has left, beginning at bit 0.
      function node_thresholds return std_ulogic_vector is
        variable contents : std_ulogic_vector(folds * nodes * word_bits - 1 downto 0);
        variable word : std_ulogic_vector(word_bits - 1 downto 0);
        variable level : natural;
        variable number : std_ulogic_vector(input_bits - 1 downto 0);
      begin
        for fold in 0 to folds - 1 loop
          for node in 0 to nodes - 1 loop
            level := node * 2 * weight + weight - 1;
            if level < levels then
              number := rom_slice(
                thresholds, ((fold * lanes + lane) * levels + level) * input_bits, input_bits);
              word := std_ulogic_vector(wrap(signed(number), word_bits));
            else
              word := (others => '1');
              word(word_bits - 1) := '0';
            end if;
            contents((fold * nodes + node + 1) * word_bits - 1 downto (fold * nodes + node) * word_bits) :=
              word;
          end loop;
        end loop;
        return contents;
      end function;

      constant contents : std_ulogic_vector(folds * nodes * word_bits - 1 downto 0) := node_thresholds;
      constant last_word : natural := folds * nodes - 1 + spare_rows(contents);

      type rom_t is array (0 to last_word) of std_ulogic_vector(word_bits - 1 downto 0);

      function words return rom_t is
        variable rom : rom_t := (others => (others => '1'));
      begin
        for index in 0 to folds * nodes - 1 loop
          rom(index) := contents((index + 1) * word_bits - 1 downto index * word_bits);
        end loop;
        return rom;
      end function;

      constant rom : rom_t := words;

      signal node : natural range 0 to nodes - 1;
      signal address : natural range 0 to last_word;
      signal step : std_ulogic_vector(word_bits - 1 downto 0);
    begin

      node <= to_integer(shift_right(stage_count(stage), stages - stage));
      address <= stage_fold(stage) * nodes + node;

      compare : process (clk)
      begin
        if rising_edge(clk) then
          step <= rom(address);
          table_value(stage) <= stage_value(stage);
          table_count(stage) <= stage_count(stage);

          stage_value(stage + 1) <= table_value(stage);
          if signed(step) <= signed(table_value(stage)) then
            stage_count(stage + 1) <= table_count(stage) or to_unsigned(weight, stages);
          else
            stage_count(stage + 1) <= table_count(stage);
          end if;
        end if;
      end process;

      last_stage : if stage = stages - 1 generate
        encode : process (clk)
        begin
          if rising_edge(clk) then
            code_below <= to_signed(low, output_bits + 1)
              + signed(resize(stage_count(stage), output_bits + 1));
            code_above <= to_signed(low + 1, output_bits + 1)
              + signed(resize(stage_count(stage), output_bits + 1));
            if signed(step) <= signed(table_value(stage)) then
              output_data((lane + 1) * output_bits - 1 downto lane * output_bits) <=
                std_ulogic_vector(code_above(output_bits - 1 downto 0));
            else
              output_data((lane + 1) * output_bits - 1 downto lane * output_bits) <=
                std_ulogic_vector(code_below(output_bits - 1 downto 0));
            end if;
          end if;
        end process;
      end generate;

    end generate;

  end generate;

  stage_fold(0) <= fold;
  stage_valid(0) <= input_valid;
  output_valid <= stage_valid(stages);

  control : process (clk)
  begin
    if rising_edge(clk) then
      if input_valid then
        -- GHDL's synthesis refuses the sum where a counter has but one value.
        if folds > 1 then
          fold <= 0 when fold = folds - 1 else fold + 1;
        end if;
      end if;
      table_fold <= stage_fold;
      table_valid <= stage_valid;
      stage_fold(1 to stages) <= table_fold(0 to stages - 1);
      stage_valid(1 to stages) <= table_valid(0 to stages - 1);

      if reset then
        fold <= 0;
        table_valid <= (others => '0');
        stage_valid(1 to stages) <= (others => '0');
      end if;
    end if;
  end process;

end architecture;
