-- Any function of two streams of one shape, value by value, as a table.
--
--   output = table(bit pattern of a * 2 ** input_b_bits + bit pattern of b)
--
-- Beat order: unchanged; a pair of beats is taken at one edge.
-- Latency: 3 edges from taking a pair to its push into the FIFO: operands, table and a register behind it; it
-- can be taken one edge later.
-- Cycles per frame: one per pair of beats, with fifo_depth >= 5.
-- Limits: each input's ready waits for the other's valid; a pair has at most 16 bits. Two bytes make a
-- table of 65,536 entries, once per lane: 16 RAMB36 for bytes.

library ieee;
use ieee.std_logic_1164.all;

use work.millrace_pkg.all;

entity pair_lookup is
  generic (
    -- One channel of each stream: each bit more doubles the tables.
    input_a_bits : positive range 1 to 15;
    input_b_bits : positive range 1 to 15;
    -- Width of a table entry.
    output_bits : positive range 1 to 16;
    -- Channels per beat: one copy of the table each.
    lanes : positive;
    -- Entries in the order of the pair's bit pattern, a in front, output_bits each.
    table : rom_words_t;
    -- Beats of the output FIFO.
    fifo_depth : positive
  );
  port (
    clk : in std_ulogic;
    reset : in std_ulogic;
    --
    input_a_ready : out std_ulogic;
    input_a_valid : in std_ulogic;
    input_a_data : in std_ulogic_vector(lanes * input_a_bits - 1 downto 0);
    --
    input_b_ready : out std_ulogic;
    input_b_valid : in std_ulogic;
    input_b_data : in std_ulogic_vector(lanes * input_b_bits - 1 downto 0);
    --
    output_ready : in std_ulogic;
    output_valid : out std_ulogic;
    output_data : out std_ulogic_vector(lanes * output_bits - 1 downto 0)
  );
end entity;

architecture rtl of pair_lookup is

  constant pair_bits : positive := input_a_bits + input_b_bits;
  constant pair_is_right : boolean := require(pair_bits <= 16,
    "pair_lookup: a pair must have at most 16 bits; got " & integer'image(pair_bits));

  signal operand_a : std_ulogic_vector(input_a_data'range);
  signal operand_b : std_ulogic_vector(input_b_data'range);
  signal pairs : std_ulogic_vector(lanes * pair_bits - 1 downto 0);
  signal looked_up, result : std_ulogic_vector(output_data'range);

begin

  pipeline : entity work.pair_pipeline
    generic map (
      a_width => input_a_data'length,
      b_width => input_b_data'length,
      output_width => output_data'length,
      latency => 3,
      fifo_depth => fifo_depth
    )
    port map (
      clk => clk,
      reset => reset,
      input_a_ready => input_a_ready,
      input_a_valid => input_a_valid,
      input_a_data => input_a_data,
      input_b_ready => input_b_ready,
      input_b_valid => input_b_valid,
      input_b_data => input_b_data,
      operand_a => operand_a,
      operand_b => operand_b,
      result => result,
      output_ready => output_ready,
      output_valid => output_valid,
      output_data => output_data
    );

  each_lane : for lane in 0 to lanes - 1 generate
    pairs((lane + 1) * pair_bits - 1 downto lane * pair_bits) <=
      operand_a((lane + 1) * input_a_bits - 1 downto lane * input_a_bits)
      & operand_b((lane + 1) * input_b_bits - 1 downto lane * input_b_bits);
  end generate;

  -- The pipeline knows which results are valid.
  function_of_pairs : entity work.lookup
    generic map (
      input_bits => pair_bits,
      output_bits => output_bits,
      lanes => lanes,
      table => table
    )
    port map (
      clk => clk,
      reset => reset,
      input_valid => '1',
      input_data => pairs,
      output_valid => open,
      output_data => looked_up
    );

  hold : process (clk)
  begin
    if rising_edge(clk) then
      result <= looked_up;
    end if;
  end process;

end architecture;
