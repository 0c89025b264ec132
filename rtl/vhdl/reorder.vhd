-- Sends the values of each block in another order, some of them several times or not at all.
--
--   for each block of a frame, for i(0) in 0 .. counts(0) - 1, for i(1) in 0 .. counts(1) - 1, and so on:
--     output = block's value number j(0) * strides(0) + j(1) * strides(1) + ...
--     j(n) = i(n), or, where the loop is clamped, i(n) - 1 but at least 0 and at most counts(n) - 3
--
-- Upsampling repeats (stride 0), a pixel shuffle and a transposition visit in another order, a clamped loop
-- sends the first and the last pixel of a row twice. With `edges` the first and the last block of a frame
-- are sent twice (a single one three times): the rows at the edges of an image.
--
-- Beat order: `lanes` values per beat on both sides; more than one if the innermost loop runs through
-- neighbours.
-- Latency: a block is read when it is complete: its last beat written at edge t allows issue at edge
-- t + 1; an issued beat is in the FIFO two edges later, with a register behind the memory, and can be taken at
-- the next.
-- Cycles per block: the larger one of block / lanes and the product of counts / lanes; the next block is
-- written while one is read, and blocks follow each other without a gap (fifo_depth >= 4).
-- Memory: two blocks and extra_blocks more, block RAM where that is large.
-- Limits: the place of a block is free again when the block was read to the end.

library ieee;
use ieee.std_logic_1164.all;

use work.millrace_pkg.all;
use work.reorder_pkg.all;

entity reorder is
  generic (
    -- Bits of a value: width of the memory.
    bits : positive range 1 to 32;
    -- Values per beat: width of the memory; divides the block, the innermost count and all other strides.
    lanes : positive;
    -- Values of a block: length of the memory.
    block_size : positive;
    -- The loops, outermost first: a counter and a constant of the address adder each.
    counts : integer_vector;
    strides : integer_vector;
    -- 1 for a clamped loop, else 0: another constant of the address adder.
    clamps : integer_vector;
    -- Blocks of a frame, and whether the first and last one are sent again: a counter if so.
    blocks : positive := 1;
    edges : boolean := false;
    -- Blocks stored beyond the one that is read and the one that is written; lets a bursty source run ahead.
    extra_blocks : natural := 0;
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
    output_data : out std_ulogic_vector(lanes * bits - 1 downto 0)
  );
end entity;

architecture rtl of reorder is

  constant lanes_divide_block : boolean := require(block_size mod lanes = 0,
    "reorder: lanes must divide block_size; got " & integer'image(lanes));
  constant as_many_strides : boolean := require(strides'length = counts'length,
    "reorder: there must be a stride for each count; got " & integer'image(strides'length));

  constant as_many_clamps : boolean := require(clamps'length = counts'length,
    "reorder: there must be a clamp for each count; got " & integer'image(clamps'length));

  constant loops : positive := counts'length;
  constant block_words : positive := block_size / lanes;
  constant stored_blocks : positive := 2 + extra_blocks;
  constant words : positive := stored_blocks * block_words;

  subtype numbers_t is integer_vector(0 to loops - 1);
  subtype moves_t is integer_vector(0 to loops);

  constant lanes_are_right : boolean := require(lanes_fit(counts, strides, clamps, lanes),
    "reorder: lanes must divide a run of neighbours and the other strides; got " & integer'image(lanes));
  constant count : numbers_t := word_counts(counts, lanes);
  constant stride : numbers_t := word_strides(strides, lanes);
  constant clamp : numbers_t := from_zero(clamps);
  constant counts_are_right : boolean := require(least_places(count, clamp) >= 1,
    "reorder: counts must be at least 1, 3 of a clamped loop; got " & integer'image(least(count)));
  constant strides_are_right : boolean := require(least(stride) >= 0,
    "reorder: strides must be at least 0; got " & integer'image(least(stride)));
  constant reach_is_right : boolean := require(reach(count, stride, clamp, 0) < block_words,
    "reorder: the loops must stay inside of the block; got word "
    & integer'image(reach(count, stride, clamp, 0)));

  -- Moves of the address, by the loop that goes on or stays.
  constant moves : moves_t := going_moves(count, stride, clamp, block_words, words);
  constant stays : moves_t := staying_moves(count, stride, clamp, words);

  -- How often block number n of a frame is sent again.
  function repeats (n : natural) return natural is
  begin
    return either(edges, either(n = 0, 1, 0) + either(n = blocks - 1, 1, 0), 0);
  end function;

  type memory_t is array (0 to words - 1) of std_ulogic_vector(lanes * bits - 1 downto 0);

  signal memory : memory_t;
  signal memory_word, word : std_ulogic_vector(lanes * bits - 1 downto 0);

  -- Writer. Counters run from count - 2 down to -1: the sign tells the last round.
  signal write_word : natural range 0 to words - 1 := 0;
  signal write_left : integer range -1 to block_words - 2 := block_words - 2;
  -- Words that may be written, less one.
  signal room : integer range -1 to words - 1 := words - 1;
  signal write : std_ulogic;

  -- Reader: the beat to issue next.
  signal read_word : natural range 0 to words - 1 := 0;
  -- Complete blocks that are not read to the end.
  signal complete : natural range 0 to stored_blocks := 0;
  -- Number of the block that is read, and how often it is still to be sent again.
  signal block_number : natural range 0 to blocks - 1 := 0;
  signal repeats_left : natural range 0 to 2 := repeats(0);
  signal first : std_ulogic := '1';
  signal issue : std_ulogic;
  -- Loop l is in its last round, and so are all loops from l on; it is clamped and stays at its place.
  signal ended, staying : std_ulogic_vector(0 to loops - 1);
  signal all_ended : std_ulogic_vector(0 to loops);

  signal reservable : std_ulogic;
  signal issued, is_word : std_ulogic := '0';

begin

  input_ready <= '1' when room >= 0 else '0';
  write <= '1' when room >= 0 and input_valid = '1' else '0';
  issue <= '1' when reservable = '1' and (first = '0' or complete > 0) else '0';

  store : process (clk)
  begin
    if rising_edge(clk) then
      if write then
        memory(write_word) <= input_data;
      end if;
      if issue then
        memory_word <= memory(read_word);
      end if;
      word <= memory_word;
    end if;
  end process;

  all_ended(loops) <= '1';

  each_loop : for l in 0 to loops - 1 generate
    constant last : integer := count(l) - 2;
    signal left : integer range -1 to last := last;
  begin
    ended(l) <= '1' when left < 0 else '0';
    staying(l) <= '1' when clamp(l) = 1 and (left = last or left = 0) else '0';
    all_ended(l) <= ended(l) and all_ended(l + 1);

    count_down : process (clk)
    begin
      if rising_edge(clk) then
        if issue and all_ended(l + 1) then
          left <= last when left < 0 else left - 1;
        end if;

        if reset then
          left <= last;
        end if;
      end if;
    end process;
  end generate;

  control : process (clk)
    variable written, read : natural range 0 to 1;
    variable freed : natural range 0 to block_words;
    variable move : natural range 0 to words - 1;
    variable next_block : natural range 0 to blocks - 1;
  begin
    if rising_edge(clk) then
      written := 0;
      if write then
        write_word <= 0 when write_word = words - 1 else write_word + 1;
        write_left <= block_words - 2 when write_left < 0 else write_left - 1;
        if write_left < 0 then
          written := 1;
        end if;
      end if;

      read := 0;
      freed := 0;
      issued <= issue;
      is_word <= issued;
      if issue then
        first <= all_ended(0);
        if repeats_left > 0 then
          move := stays(loops);
        else
          move := moves(loops);
        end if;
        for l in 0 to loops - 1 loop
          if all_ended(l + 1) = '1' and ended(l) = '0' then
            if staying(l) then
              move := stays(l);
            else
              move := moves(l);
            end if;
          end if;
        end loop;
        read_word <= read_word - (words - move) when read_word >= words - move else read_word + move;
        if all_ended(0) = '1' and repeats_left > 0 then
          repeats_left <= repeats_left - 1;
        elsif all_ended(0) then
          read := 1;
          freed := block_words;
          next_block := 0;
          if block_number /= blocks - 1 then
            next_block := block_number + 1;
          end if;
          block_number <= next_block;
          repeats_left <= repeats(next_block);
        end if;
      end if;

      complete <= complete + written - read;
      room <= room - 1 + freed when write else room + freed;

      if reset then
        write_word <= 0;
        write_left <= block_words - 2;
        room <= words - 1;
        read_word <= 0;
        complete <= 0;
        block_number <= 0;
        repeats_left <= repeats(0);
        first <= '1';
        issued <= '0';
        is_word <= '0';
      end if;
    end if;
  end process;

  results : entity work.reserving_fifo
    generic map (
      depth => fifo_depth,
      width => lanes * bits
    )
    port map (
      clk => clk,
      reset => reset,
      reservable => reservable,
      reserve => issue,
      input_valid => is_word,
      input_data => word,
      output_ready => output_ready,
      output_valid => output_valid,
      output_data => output_data
    );

end architecture;
