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
  -- Codes whose lower bits are the number of levels need no adder.
  constant is_aligned : boolean := low mod 2 ** stages = 0;

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
    -- What the stages' comparisons say.
    signal reached : std_ulogic_vector(0 to stages - 1);
  begin

    stage_value(0) <= input_data((lane + 1) * input_bits - 1 downto lane * input_bits);
    stage_count(0) <= (others => '0');

    search : for stage in 0 to stages - 1 generate
      -- Weight of the bit that the stage decides.
      constant weight : positive := 2 ** (stages - 1 - stage);
      constant nodes : positive := 2 ** stage;
      -- The nodes that stand for a level; those behind them are beyond the last one.
      constant used_nodes : natural := smaller(nodes, (levels + weight) / (2 * weight));

      -- The thresholds in the middle of what each node of the tree has left, beginning at bit 0.
      function node_thresholds return std_ulogic_vector is
        variable contents : std_ulogic_vector(folds * nodes * input_bits - 1 downto 0) := (others => '0');
        variable low_bit : natural;
      begin
        for fold in 0 to folds - 1 loop
          for node in 0 to used_nodes - 1 loop
            low_bit := (fold * nodes + node) * input_bits;
            contents(low_bit + input_bits - 1 downto low_bit) := rom_slice(thresholds,
              ((fold * lanes + lane) * levels + (2 * node + 1) * weight - 1) * input_bits, input_bits);
          end loop;
        end loop;
        return contents;
      end function;

      constant contents : std_ulogic_vector(folds * nodes * input_bits - 1 downto 0) := node_thresholds;
      constant last_word : natural := folds * nodes - 1 + spare_rows(contents);

      type rom_t is array (last_word downto 0) of std_ulogic_vector(input_bits - 1 downto 0);

      function words return rom_t is
        variable rom : rom_t := (others => (others => '1'));
      begin
        for index in 0 to folds * nodes - 1 loop
          rom(index) := contents((index + 1) * input_bits - 1 downto index * input_bits);
        end loop;
        return rom;
      end function;

      constant rom : rom_t := words;

      signal node : natural range 0 to nodes - 1;
      signal address : natural range 0 to last_word;
      signal step : std_ulogic_vector(input_bits - 1 downto 0);
      -- Whether the node stands for a level: with fewer levels than nodes, the last ones do not.
      signal exists : std_ulogic := '1';
    begin

      node <= to_integer(shift_right(stage_count(stage), stages - stage));
      address <= stage_fold(stage) * nodes + node;
      reached(stage) <= exists when signed(step) <= signed(table_value(stage)) else '0';

      compare : process (clk)
      begin
        if rising_edge(clk) then
          -- GHDL's synthesis fails on a memory of one word.
          if last_word = 0 then
            step <= rom(0);
          else
            step <= rom(address);
          end if;
          if used_nodes < nodes then
            exists <= '1' when node < used_nodes else '0';
          end if;
          table_value(stage) <= stage_value(stage);
          table_count(stage) <= stage_count(stage);

          stage_value(stage + 1) <= table_value(stage);
          stage_count(stage + 1) <= table_count(stage) or to_unsigned(weight, stages)
            when reached(stage) else table_count(stage);
        end if;
      end process;

    end generate;

    aligned : if is_aligned generate
      output_data((lane + 1) * output_bits - 1 downto lane * output_bits) <=
        std_ulogic_vector(wrap(to_signed(low, output_bits + 1), output_bits)
          or signed(resize(stage_count(stages), output_bits)));
    else generate
      -- The code if the last comparison says no, and if it says yes.
      signal code_below, code_above : signed(output_bits - 1 downto 0);
    begin
      encode : process (clk)
      begin
        if rising_edge(clk) then
          code_below <= wrap(to_signed(low, output_bits + 1), output_bits)
            + signed(resize(stage_count(stages - 1), output_bits));
          code_above <= wrap(to_signed(low + 1, output_bits + 1), output_bits)
            + signed(resize(stage_count(stages - 1), output_bits));
          output_data((lane + 1) * output_bits - 1 downto lane * output_bits) <=
            std_ulogic_vector(code_above) when reached(stages - 1) else std_ulogic_vector(code_below);
        end if;
      end process;
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
