-- Turns accumulators into output codes by a sorted table of steps: exact for any step function.
--
--   channel = fold * lanes + lane
--   output(lane) = low + number of levels n with threshold(channel, n) <= input(lane)
--
-- Binary search, one stage per output bit: stage s knows the upper bits of the number and compares
-- with the threshold in the middle of what is left, one of 2 ** s in its table for each fold. Canonical
-- order: channel slowest, level fastest, input_bits-bit signed thresholds, ascending.
--
-- Beat order: unchanged, fold 0 .. folds - 1 of each pixel; valid only, never stalled.
-- Latency: an edge per stage, and those that it waits for a word of its table: one if that is block RAM, from
-- 8,192 bits on; one if the table has 33 to 64 words. Of larger ones the stage before reads both words of which
-- it is just choosing one; of smaller ones the stage itself reads the word with which it compares. A first stage
-- of more than 32 words reads before the beat comes, unless they are in block RAM; then it waits two.
-- Cycles per frame: one per beat.
-- Limits: a level that is never reached needs a threshold above the greatest input.

library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;

use work.millrace_pkg.all;
use work.threshold_pkg.all;

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
  constant latency : positive := threshold_latency(levels, input_bits, folds);

  -- A number's uppermost bits, which the first so many stages have decided.
  function known (count : unsigned(stages - 1 downto 0); decided : integer) return natural is
  begin
    if decided <= 0 then
      return 0;
    end if;
    return to_integer(shift_right(count, stages - decided));
  end function;

  type folds_t is array (0 to latency) of natural range 0 to folds - 1;

  -- The fold of the beat after the next one, and the one behind it. yosys shares logic of a counter with
  -- tables that it is the address of, which costs more than it saves.
  signal following : natural range 0 to folds - 1 := 1 mod folds;
  signal later : natural range 0 to folds - 1 := 2 mod folds;
  -- The fold behind that of the beat that was taken some edges ago.
  signal folds_after : folds_t;
  -- Whether there is a beat.
  signal valid : std_ulogic_vector(1 to latency) := (others => '0');

begin

  search_lanes : for lane in 0 to lanes - 1 generate
    type values_t is array (0 to latency) of std_ulogic_vector(input_bits - 1 downto 0);
    type counts_t is array (0 to latency) of unsigned(stages - 1 downto 0);

    -- Values some edges after they were taken, and the bits of their numbers of levels that are known; the
    -- others are zero.
    signal values : values_t;
    signal counts : counts_t;
    -- What the stages' comparisons say.
    signal reached : std_ulogic_vector(0 to stages - 1);
  begin

    values(0) <= input_data((lane + 1) * input_bits - 1 downto lane * input_bits);
    counts(0) <= (others => '0');

    search : for stage in 0 to stages - 1 generate
      -- Weight of the bit that the stage decides.
      constant weight : positive := 2 ** (stages - 1 - stage);
      constant nodes : positive := 2 ** stage;
      -- The nodes that stand for a level; those behind them are beyond the last one.
      constant used_nodes : natural := smaller(nodes, (levels + weight) / (2 * weight));
      constant paired : boolean := is_paired(stage, folds);
      -- Nodes in a word: those that the stage before decides between.
      constant choices : positive := either(paired, 2, 1);
      constant groups : positive := nodes / choices;
      constant word_bits : positive := choices * input_bits;

      constant large : boolean := is_large(stage, input_bits, folds);
      constant direct : boolean := is_direct(stage, input_bits, folds);
      -- Of fewer words, two bits and their comparison are a LUT.
      constant is_chosen_in_chain : boolean := direct and folds * nodes > direct_words / 2;
      constant prefetched : boolean := is_prefetched(stage, input_bits, folds);
      constant compares : natural := compares_at(stage, input_bits, folds);
      -- The edge after the comparison before.
      constant first_edge : natural := compares - waits(stage, input_bits, folds);
      -- Edges between taking a beat and reading its word, and the stages that have chosen by then.
      constant reads : natural := either(
        prefetched, 0, compares - either(large, 2, either(direct, 0, 1)));
      constant chosen : natural := stage - either(paired, 1, 0);

      subtype word_t is std_ulogic_vector(word_bits - 1 downto 0);

      -- The thresholds in the middle of what each node of the tree has left, beginning at bit 0. Unless it is
      -- known before the beat, a word is read by the fold behind the beat's.
      function node_thresholds return std_ulogic_vector is
        variable contents : std_ulogic_vector(folds * nodes * input_bits - 1 downto 0) := (others => '0');
        variable place, low_bit : natural;
      begin
        for fold in 0 to folds - 1 loop
          place := (fold + either(prefetched, 0, 1)) mod folds;
          for node in 0 to used_nodes - 1 loop
            low_bit := (place * nodes + node) * input_bits;
            contents(low_bit + input_bits - 1 downto low_bit) := rom_slice(thresholds,
              ((fold * lanes + lane) * levels + (2 * node + 1) * weight - 1) * input_bits, input_bits);
          end loop;
        end loop;
        return contents;
      end function;

      constant contents : std_ulogic_vector(folds * nodes * input_bits - 1 downto 0) := node_thresholds;
      -- Words of ones behind those that are read, 1 or 0.
      constant spare : natural := either(large, spare_rows(contents), 0);
      constant last_word : natural := folds * groups - 1 + spare;

      signal address : natural range 0 to last_word;
      signal word : word_t := contents(word_bits - 1 downto 0);
      -- Whether its nodes stand for levels.
      signal exist : std_ulogic_vector(choices - 1 downto 0) := (others => '1');
    begin

      address <= folds_after(reads) * groups + known(counts(reads), chosen);

      block_ram : if large generate
        type rom_t is array (last_word downto 0) of word_t;

        function words return rom_t is
          variable rom : rom_t := (others => (others => '1'));
        begin
          for index in 0 to folds * groups - 1 loop
            rom(index) := contents((index + 1) * word_bits - 1 downto index * word_bits);
          end loop;
          return rom;
        end function;

        constant rom : rom_t := words;
        signal read_word : word_t;
      begin
        read : process (clk)
        begin
          if rising_edge(clk) then
            read_word <= rom(address);
            word <= read_word;
          end if;
        end process;
      end generate;

      logic : if not large generate
        each_bit : for place in 0 to word_bits - 1 generate
          -- A bit of all words.
          function column return std_ulogic_vector is
            variable bits : std_ulogic_vector(constant_bits(folds * groups) - 1 downto 0) := (others => '1');
          begin
            for index in 0 to folds * groups - 1 loop
              bits(index) := contents(index * word_bits + place);
            end loop;
            return bits;
          end function;

          constant bits : std_ulogic_vector(constant_bits(folds * groups) - 1 downto 0) := column;
        begin
          unregistered : if direct generate
            word(place) <= bits(address);
          else generate
            read : process (clk)
            begin
              if rising_edge(clk) then
                if not prefetched then
                  word(place) <= bits(address);
                elsif input_valid then
                  word(place) <= bits(following);
                end if;

                if prefetched and reset = '1' then
                  word(place) <= contents(place);
                end if;
              end if;
            end process;
          end generate;
        end generate;
      end generate;

      -- With fewer levels than nodes, the last ones do not stand for any.
      partly_at_once : if direct and used_nodes < nodes generate
        exist(0) <= '1' when known(counts(compares), chosen) < used_nodes else '0';
      end generate;

      partly : if not direct and used_nodes < nodes generate
        find : process (clk)
        begin
          if rising_edge(clk) then
            for index in exist'range loop
              exist(index) <= '1' when choices * known(counts(compares - 1), chosen) + index < used_nodes
                else '0';
            end loop;
          end if;
        end process;
      end generate;

      compared : if not (paired or is_chosen_in_chain) generate
        reached(stage) <= '0' when is_greater(word, values(compares), true) else exist(0);
      end generate;

      -- In a difference, the LUT of each bit of the carry chain chooses, too.
      subtracted : if is_chosen_in_chain generate
        signal difference : signed(input_bits downto 0);
      begin
        difference <= resize(signed(values(compares)), input_bits + 1) - resize(signed(word), input_bits + 1);
        reached(stage) <= exist(0) and not difference(input_bits);
      end generate;

      of_two : if paired generate
        signal choice : std_ulogic;
        signal step : std_ulogic_vector(input_bits - 1 downto 0);
        signal exists : std_ulogic;
        signal difference : signed(input_bits downto 0);
      begin
        choice <= counts(compares)(stages - stage);
        step <= word(2 * input_bits - 1 downto input_bits) when choice else word(input_bits - 1 downto 0);
        exists <= exist(1) when choice else exist(0);
        difference <= resize(signed(values(compares)), input_bits + 1) - resize(signed(step), input_bits + 1);
        reached(stage) <= exists and not difference(input_bits);
      end generate;

      wait_for_word : for edge in first_edge to compares - 1 generate
        carry_on : process (clk)
        begin
          if rising_edge(clk) then
            counts(edge + 1) <= counts(edge);
          end if;
        end process;
      end generate;

      decide : process (clk)
      begin
        if rising_edge(clk) then
          counts(compares + 1) <= counts(compares) or to_unsigned(weight, stages)
            when reached(stage) else counts(compares);
        end if;
      end process;

    end generate;

    follow : process (clk)
    begin
      if rising_edge(clk) then
        values(1 to latency) <= values(0 to latency - 1);
      end if;
    end process;

    aligned : if is_aligned generate
      output_data((lane + 1) * output_bits - 1 downto lane * output_bits) <=
        std_ulogic_vector(wrap(to_signed(low, output_bits + 1), output_bits)
          or signed(resize(counts(latency), output_bits)));
    else generate
      -- The code if the last comparison says no, and if it says yes.
      signal code_below, code_above : signed(output_bits - 1 downto 0);
    begin
      code_below <= wrap(to_signed(low, output_bits + 1), output_bits)
        + signed(resize(counts(latency - 1), output_bits));
      code_above <= wrap(to_signed(low + 1, output_bits + 1), output_bits)
        + signed(resize(counts(latency - 1), output_bits));

      encode : process (clk)
      begin
        if rising_edge(clk) then
          output_data((lane + 1) * output_bits - 1 downto lane * output_bits) <=
            std_ulogic_vector(code_above) when reached(stages - 1) else std_ulogic_vector(code_below);
        end if;
      end process;
    end generate;

  end generate;

  folds_after(0) <= following;
  output_valid <= valid(latency);

  control : process (clk)
  begin
    if rising_edge(clk) then
      if input_valid then
        -- GHDL's synthesis refuses the sum where a counter has but one value.
        if folds > 1 then
          following <= later;
          later <= 0 when later = folds - 1 else later + 1;
        end if;
      end if;
      folds_after(1 to latency) <= folds_after(0 to latency - 1);
      valid(1) <= input_valid;
      valid(2 to latency) <= valid(1 to latency - 1);

      if reset then
        following <= 1 mod folds;
        later <= 2 mod folds;
        valid <= (others => '0');
      end if;
    end if;
  end process;

end architecture;
