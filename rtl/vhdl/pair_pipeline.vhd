-- Takes two streams in step into a pipeline of fixed length, and keeps what comes out of it.
--
-- The frame of every element of two inputs; the arithmetic between `operand` and `result` is its own:
--
--   edge t           a pair of beats is taken: both are valid, and its result has a place in the FIFO
--   from t on        operand_a and operand_b hold the pair
--   edge t + latency the FIFO takes `result`; it can be taken out one edge later
--
-- Sums over several pairs: of `pairs` successive pairs only the last needs a place and gives a result;
-- operand_valid and operand_first tell where operands are a pair and where a sum begins.
--
-- Beat order: unchanged.
-- Cycles per frame: one per pair of beats, with fifo_depth * pairs >= latency + 2.
-- Limits: each input's ready waits for the other's valid.

library ieee;
use ieee.std_logic_1164.all;

entity pair_pipeline is
  generic (
    -- Bits of a beat of each stream: a register.
    a_width : positive;
    b_width : positive;
    -- Bits of a result: width of the FIFO.
    output_width : positive;
    -- Pairs per result.
    pairs : positive := 1;
    -- Edges from taking a pair to its result's push: a flip-flop each.
    latency : positive;
    -- Results under way or waiting.
    fifo_depth : positive
  );
  port (
    clk : in std_ulogic;
    reset : in std_ulogic;
    --
    input_a_ready : out std_ulogic;
    input_a_valid : in std_ulogic;
    input_a_data : in std_ulogic_vector(a_width - 1 downto 0);
    --
    input_b_ready : out std_ulogic;
    input_b_valid : in std_ulogic;
    input_b_data : in std_ulogic_vector(b_width - 1 downto 0);
    --
    operand_valid : out std_ulogic := '0';
    operand_first : out std_ulogic;
    operand_a : out std_ulogic_vector(a_width - 1 downto 0);
    operand_b : out std_ulogic_vector(b_width - 1 downto 0);
    --
    result : in std_ulogic_vector(output_width - 1 downto 0);
    --
    output_ready : in std_ulogic;
    output_valid : out std_ulogic;
    output_data : out std_ulogic_vector(output_width - 1 downto 0)
  );
end entity;

architecture rtl of pair_pipeline is

  signal pair : natural range 0 to pairs - 1 := 0;
  signal is_last, may_take, take, reservable, reserve : std_ulogic;
  -- A result is on its way, or in `result`.
  signal under_way : std_ulogic_vector(1 to latency) := (others => '0');

begin

  is_last <= '1' when pair = pairs - 1 else '0';
  may_take <= reservable or not is_last;
  take <= input_a_valid and input_b_valid and may_take;
  reserve <= take and is_last;
  input_a_ready <= input_b_valid and may_take;
  input_b_ready <= input_a_valid and may_take;

  load : process (clk)
  begin
    if rising_edge(clk) then
      operand_a <= input_a_data;
      operand_b <= input_b_data;
      operand_first <= '1' when pair = 0 else '0';
      operand_valid <= take;
      under_way <= reserve & under_way(1 to latency - 1);
      -- GHDL's synthesis refuses the sum where a counter has but one value.
      if pairs > 1 and take = '1' then
        if is_last then
          pair <= 0;
        else
          pair <= pair + 1;
        end if;
      end if;

      if reset then
        operand_valid <= '0';
        under_way <= (others => '0');
        pair <= 0;
      end if;
    end if;
  end process;

  results : entity work.reserving_fifo
    generic map (
      depth => fifo_depth,
      width => output_width
    )
    port map (
      clk => clk,
      reset => reset,
      reservable => reservable,
      reserve => reserve,
      input_valid => under_way(latency),
      input_data => result,
      output_ready => output_ready,
      output_valid => output_valid,
      output_data => output_data
    );

end architecture;
