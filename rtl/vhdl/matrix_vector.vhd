-- Multiplies the groups of a window with constant weights: pe output channels, simd products each.
--
--   channel = fold * pe + row
--   output(row) = sum over step, lane: input at step (lane) * weight(channel, step * simd + lane)
--
-- A group is `steps` input beats and gives one output beat; groups of one pixel follow for fold 0 ..
-- folds - 1 (the window repeats the pixel's beats). Canonical order of the weights: output channel
-- slowest, then kernel row, kernel column, input channel.
--
-- `packing` rows share their multipliers, and chains of `chain` multipliers add up in a row: row_sums
-- says how. A lane that is number `position` of its chain gets its values, and the words of its own
-- ROM, `position` edges late. The last `logic_rows` rows have no multipliers, but the same latency.
--
-- Beat order: one output beat per group, in order; valid only, never stalled.
-- Latency: 4 + ceil(log2(simd / chain)) edges, chain more if chain exceeds 1, from the issue of the
-- group's last beat, which is the edge before the one that takes it here: ROM and input register, operands,
-- products, the chain, one register per level of the adder tree, accumulator. The words of a large ROM are
-- read one edge earlier.
-- Cycles per frame: one per input beat.
-- Limits: products have exact widths, so that each is one DSP48 up to 25 x 18 bits. Sums wrap at
-- accumulator_bits, which must hold every final sum. Packed rows need weights that stay within their
-- bits when 1 is borrowed of them.

library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;

use work.millrace_pkg.all;

entity matrix_vector is
  generic (
    -- Width of an input value, and whether it is signed.
    activation_bits : positive range 1 to 16;
    activation_signed : boolean;
    -- Width of a weight, and whether it is signed.
    weight_bits : positive range 1 to 16;
    weight_signed : boolean;
    -- Width of the signed sums: adders and registers of each row.
    accumulator_bits : positive;
    -- Output channels at a time: pe * simd products.
    pe : positive;
    -- Input values per beat: pe * simd products.
    simd : positive;
    -- Groups per pixel, output channels / pe. The ROMs have folds * steps words.
    folds : positive;
    -- Beats per group.
    steps : positive;
    -- Rows that share multipliers, the distance of their fields, and whether sums of a chain may have
    -- one bit more.
    packing : positive := 1;
    spacing : positive := 17;
    -- Width of the wider signed factor of a multiplier: 25 of 7-series, 27 of UltraScale, 18 of ECP5. Rows
    -- whose packed weights are wider do not share.
    factor_bits : positive := 25;
    overlap : boolean := false;
    -- Multipliers in a row, each of which adds to the sum of the one before. Of a simd that is no multiple,
    -- the greatest common divisor is taken: shorter chains have smaller sums.
    chain : positive := 1;
    -- Rows, the last ones, whose products are made in logic instead of multipliers: see row_sums.
    logic_rows : natural := 0;
    -- Whether ROMs that are small are block RAM, too: they are filled up to the size from which tools take
    -- it for cheaper than LUTs.
    block_rom : boolean := false;
    -- Rows, the last ones of the last fold, that have no weights: their sums are 0.
    surplus : natural := 0;
    -- (folds * pe - surplus) * steps * simd weights in canonical order.
    weights : rom_words_t
  );
  port (
    clk : in std_ulogic;
    reset : in std_ulogic;
    --
    input_valid : in std_ulogic;
    input_data : in std_ulogic_vector(simd * activation_bits - 1 downto 0);
    --
    output_valid : out std_ulogic := '0';
    output_data : out std_ulogic_vector(pe * accumulator_bits - 1 downto 0)
  );
end entity;

architecture rtl of matrix_vector is

  constant surplus_is_less : boolean := require(surplus < pe,
    "matrix_vector: surplus must be less than pe; got " & integer'image(surplus));
  constant weights_are_complete : boolean := require(
    rom_holds(weights, (folds * pe - surplus) * steps * simd * weight_bits),
    "matrix_vector: weights must hold folds * pe * steps * simd numbers in rows of 256 bits; rows got "
    & integer'image(weights'length));
  constant rows_are_there : boolean := require(logic_rows <= pe,
    "matrix_vector: logic_rows must not exceed pe; got " & integer'image(logic_rows));
  constant multiplied_rows : natural := pe - logic_rows;
  constant packed_bits : positive := (packing - 1) * spacing + value_bits(weight_bits, weight_signed);
  constant packed_rows : positive := either(packed_bits > factor_bits, 1, packing);
  constant chained : positive := common_divisor(simd, chain);
  constant chains : positive := simd / chained;

  -- Weights of a row for one position of the chains, and of all rows.
  constant piece : positive := chains * weight_bits;
  constant word_bits : positive := pe * piece;

  subtype word_t is std_ulogic_vector(word_bits - 1 downto 0);

  -- The place of a single bit of every weight of the rows that are number `place` of those with which they
  -- share multipliers.
  function bits_of_rows (place, bit_of_weight : natural) return word_t is
    variable word : word_t := (others => '0');
  begin
    for row in 0 to multiplied_rows - 1 loop
      if row mod packed_rows = place then
        for index in 0 to chains - 1 loop
          word(row * piece + index * weight_bits + bit_of_weight) := '1';
        end loop;
      end if;
    end loop;
    return word;
  end function;

  type masks_t is array (0 to packed_rows - 1) of word_t;

  -- The same for each of these rows: found once, because what elaboration computes it keeps in memory.
  function masks (bit_of_weight : natural) return masks_t is
    variable result : masks_t;
  begin
    for place in masks_t'range loop
      result(place) := bits_of_rows(place, bit_of_weight);
    end loop;
    return result;
  end function;

  constant sign : natural := weight_bits - 1;
  constant sign_bits : masks_t := masks(sign);
  constant low_bits : masks_t := masks(0);

  -- The word after each weight has taken 1 of the one above it if it is negative.
  function borrowed (word : word_t) return word_t is
    variable result : word_t := word;
    variable borrow, signs, difference : word_t;
  begin
    for place in 1 to smaller(packed_rows, pe) - 1 loop
      -- All weights of the rows at a time. A sign that is set keeps a difference to its own weight.
      signs := sign_bits(place);
      borrow := std_ulogic_vector(shift_right(shift_left(
        unsigned(result and sign_bits(place - 1)), piece), sign)) and low_bits(place);
      difference := std_ulogic_vector(unsigned(result or signs) - unsigned(borrow));
      difference := difference xor (signs and not result);
      assert (result and not difference and signs) = word_t'(others => '0')
        report "matrix_vector: packed weights must stay within weight_bits when 1 is borrowed"
        severity failure;
      result := difference;
    end loop;
    return result;
  end function;

  -- The word for a fold and a step that the ROM of a position holds: a row after the other.
  function rom_word (position, fold, step : natural) return word_t is
    constant row_bits : positive := steps * simd * weight_bits;
    variable word : word_t := (others => '0');
    variable first : natural := (fold * pe * steps + step) * simd * weight_bits;
    variable low : natural := 0;
  begin
    for row in 1 to either(fold = folds - 1, pe - surplus, pe) loop
      if chained = 1 then
        word(low + piece - 1 downto low) := rom_slice(weights, first, piece);
      else
        for index in 0 to chains - 1 loop
          word(low + (index + 1) * weight_bits - 1 downto low + index * weight_bits) := rom_slice(
            weights, first + (index * chained + position) * weight_bits, weight_bits);
        end loop;
      end if;
      low := low + piece;
      first := first + row_bits;
    end loop;
    if packed_rows > 1 and pe > 1 and weight_signed then
      word := borrowed(word);
    end if;
    return word;
  end function;

  -- Words of ones to append to the ROMs, 1 or 0: see spare_rows of millrace_pkg.
  function spare_words return natural is
    variable ones : natural;
  begin
    if constant_bits(folds * steps * word_bits) = folds * steps * word_bits then
      return 0;
    end if;
    for position in 0 to chained - 1 loop
      ones := 0;
      for fold in 0 to folds - 1 loop
        for step in 0 to steps - 1 loop
          ones := ones + number_of_ones(rom_word(position, fold, step));
          exit when ones > 32;
        end loop;
        exit when ones > 32;
      end loop;
      if ones > 0 and ones <= 32 then
        return 1;
      end if;
    end loop;
    return 0;
  end function;

  -- Above 129 LUTs for each 36 bits of a word it is block RAM that yosys takes. A power of two: GHDL counts
  -- the words of a memory from its end.
  constant filled_words : natural :=
    either(block_rom, 2 ** clog2(129 * 64 * ((word_bits + 35) / 36) / word_bits + 1), 0);
  constant last_word : natural := larger(folds * steps + spare_words, filled_words) - 1;
  -- ROMs that are block RAM are read a beat ahead, into a register behind the block's own.
  constant reads_ahead : boolean := folds * steps > 1 and (last_word + 1) * word_bits >= 4096;

  subtype address_t is natural range 0 to last_word;
  type addresses_t is array (0 to chained - 1) of address_t;

  -- The word to read next.
  signal address : address_t := 0;
  signal addresses : addresses_t;
  -- When it is read: at each edge, or ahead, first at the edge after a reset and then with each beat.
  signal read : std_ulogic_vector(0 to chained - 1);
  signal is_ahead : std_ulogic := '0';
  signal step : natural range 0 to steps - 1 := 0;

  -- Row slowest, then lane.
  signal weight_data : std_ulogic_vector(pe * simd * weight_bits - 1 downto 0);
  signal activations : std_ulogic_vector(simd * activation_bits - 1 downto 0);

  -- Valid, first and last beat of a group, at the edges after the ROM's: up to the sum of the beat.
  constant delay : positive := 3 + either(chained > 1, chained, 0) + clog2(chains);
  signal valid, first, last : std_ulogic_vector(1 to delay) := (others => '0');

begin

  addresses(0) <= address;
  read(0) <= input_valid or not is_ahead when reads_ahead else '1';

  positions : for position in 0 to chained - 1 generate
    type rom_t is array (0 to last_word) of word_t;

    function folded_weights return rom_t is
      constant page : positive := 1024;
      variable rom : rom_t := (others => (others => '1'));
    begin
      for fold in 0 to folds - 1 loop
        -- Two loops over the steps, because tools limit the iterations of one.
        for first in 0 to (steps - 1) / page loop
          for step in first * page to smaller(steps, (first + 1) * page) - 1 loop
            rom(fold * steps + step) := rom_word(position, fold, step);
          end loop;
        end loop;
      end loop;
      return rom;
    end function;

    constant rom : rom_t := folded_weights;
    attribute rom_style of rom : constant is rom_style_of(last_word + 1, word_bits);

    -- A ROM of one word, on which GHDL's synthesis fails, is a register that has other bits during a reset:
    -- with constant weights, tools make shifts and adders of some products, and cascades fall apart there.
    -- Of these a weight is a constant all the same: in logic, or where all that share its multiplier are 0.
    function is_constant (row, index : natural) return boolean is
      constant zero : std_ulogic_vector(weight_bits - 1 downto 0) := (others => '0');
      constant first_row : natural := row - row mod packed_rows;
      variable low : natural;
    begin
      if last_word = 0 and row < multiplied_rows then
        for other in first_row to smaller(first_row + packed_rows, multiplied_rows) - 1 loop
          low := other * piece + index * weight_bits;
          if rom(0)(low + weight_bits - 1 downto low) /= zero then
            return false;
          end if;
        end loop;
      end if;
      return last_word = 0;
    end function;

    type history_t is array (0 to position) of std_ulogic_vector(chains * activation_bits - 1 downto 0);

    -- The word of the beat whose values are in history(0), and the next one.
    signal word, read_word : word_t;
    signal history : history_t;
  begin

    load : process (clk)
    begin
      if rising_edge(clk) then
        if last_word = 0 then
          read_word <= not rom(0) when reset else rom(0);
        elsif read(position) then
          read_word <= rom(addresses(position));
        end if;
        for index in 0 to chains - 1 loop
          history(0)((index + 1) * activation_bits - 1 downto index * activation_bits) <=
            input_data((index * chained + position + 1) * activation_bits - 1
              downto (index * chained + position) * activation_bits);
        end loop;
        for age in 1 to position loop
          history(age) <= history(age - 1);
        end loop;
      end if;
    end process;

    registered : if reads_ahead generate
      hold : process (clk)
      begin
        if rising_edge(clk) then
          word <= read_word;
        end if;
      end process;
    else generate
      word <= read_word;
    end generate;

    later : if position > 0 generate
      follow : process (clk)
      begin
        if rising_edge(clk) then
          addresses(position) <= addresses(position - 1);
          read(position) <= read(position - 1);
        end if;
      end process;
    end generate;

    each_chain : for index in 0 to chains - 1 generate
      constant lane : natural := index * chained + position;
    begin

      activations((lane + 1) * activation_bits - 1 downto lane * activation_bits) <=
        history(position)((index + 1) * activation_bits - 1 downto index * activation_bits);

      rows : for row in 0 to pe - 1 generate
        constant low : natural := row * piece + index * weight_bits;
        signal weight : std_ulogic_vector(weight_bits - 1 downto 0);
      begin
        weight <= rom(0)(low + weight_bits - 1 downto low) when is_constant(row, index)
          else word(low + weight_bits - 1 downto low);
        weight_data((row * simd + lane + 1) * weight_bits - 1 downto (row * simd + lane) * weight_bits) <= weight;
      end generate;

    end generate;

  end generate;

  packs : for pack in 0 to (multiplied_rows + packed_rows - 1) / packed_rows - 1 generate
    constant row : natural := pack * packed_rows;
    constant rows : positive := smaller(packed_rows, multiplied_rows - row);
  begin

    sums : entity work.row_sums
      generic map (
        activation_bits => activation_bits,
        activation_signed => activation_signed,
        weight_bits => weight_bits,
        weight_signed => weight_signed,
        accumulator_bits => accumulator_bits,
        rows => rows,
        spacing => spacing,
        overlap => overlap and packed_rows > 1,
        simd => simd,
        chain => chained,
        accumulates => steps > 1
      )
      port map (
        clk => clk,
        input_data => activations,
        weight_data => weight_data((row + rows) * simd * weight_bits - 1 downto row * simd * weight_bits),
        sum_valid => valid(delay),
        sum_first => first(delay),
        output_data => output_data((row + rows) * accumulator_bits - 1 downto row * accumulator_bits)
      );

  end generate;

  in_logic : for row in multiplied_rows to pe - 1 generate

    sums : entity work.row_sums
      generic map (
        activation_bits => activation_bits,
        activation_signed => activation_signed,
        weight_bits => weight_bits,
        weight_signed => weight_signed,
        accumulator_bits => accumulator_bits,
        rows => 1,
        spacing => spacing,
        overlap => false,
        simd => simd,
        chain => chained,
        accumulates => steps > 1,
        in_logic => true
      )
      port map (
        clk => clk,
        input_data => activations,
        weight_data => weight_data((row + 1) * simd * weight_bits - 1 downto row * simd * weight_bits),
        sum_valid => valid(delay),
        sum_first => first(delay),
        output_data => output_data((row + 1) * accumulator_bits - 1 downto row * accumulator_bits)
      );

  end generate;

  control : process (clk)
  begin
    if rising_edge(clk) then
      is_ahead <= '1';
      -- GHDL's synthesis refuses the sum where a counter has but one value.
      if folds * steps > 1 and (input_valid = '1' or (reads_ahead and is_ahead = '0')) then
        address <= 0 when address = folds * steps - 1 else address + 1;
      end if;
      if input_valid then
        if steps > 1 then
          step <= 0 when step = steps - 1 else step + 1;
        end if;
      end if;
      valid <= input_valid & valid(1 to delay - 1);
      first(1) <= '1' when step = 0 else '0';
      last(1) <= '1' when step = steps - 1 else '0';
      first(2 to delay) <= first(1 to delay - 1);
      last(2 to delay) <= last(1 to delay - 1);
      output_valid <= valid(delay) and last(delay);

      if reset then
        is_ahead <= '0';
        address <= 0;
        step <= 0;
        valid <= (others => '0');
        output_valid <= '0';
      end if;
    end if;
  end process;

end architecture;
