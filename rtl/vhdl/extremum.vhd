-- The larger, or the smaller, of two streams of one shape, value by value.
--
--   output = a when (a > b) /= minimum, else b
--
-- Beat order: unchanged; a pair of beats is taken at one edge.
-- Latency: 2 edges from taking a pair to its push into the FIFO: operands, choice; it can be taken one
-- edge later.
-- Cycles per frame: one per pair of beats, with fifo_depth >= 4.
-- Limits: each input's ready waits for the other's valid.

library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;

use work.millrace_pkg.all;

entity extremum is
  generic (
    -- One channel of each stream.
    bits : positive range 1 to 16;
    is_signed : boolean;
    -- Channels per beat; each costs a comparator and a multiplexer.
    lanes : positive;
    -- The smaller instead of the larger; costs nothing.
    minimum : boolean;
    -- Beats of the output FIFO.
    fifo_depth : positive
  );
  port (
    clk : in std_ulogic;
    reset : in std_ulogic;
    --
    input_a_ready : out std_ulogic;
    input_a_valid : in std_ulogic;
    input_a_data : in std_ulogic_vector(lanes * bits - 1 downto 0);
    --
    input_b_ready : out std_ulogic;
    input_b_valid : in std_ulogic;
    input_b_data : in std_ulogic_vector(lanes * bits - 1 downto 0);
    --
    output_ready : in std_ulogic;
    output_valid : out std_ulogic;
    output_data : out std_ulogic_vector(lanes * bits - 1 downto 0)
  );
end entity;

architecture rtl of extremum is

  signal operand_a : std_ulogic_vector(input_a_data'range);
  signal operand_b : std_ulogic_vector(input_b_data'range);
  signal result : std_ulogic_vector(output_data'range);

begin

  pipeline : entity work.pair_pipeline
    generic map (
      a_width => input_a_data'length,
      b_width => input_b_data'length,
      output_width => output_data'length,
      latency => 2,
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

  choose : process (clk)
  begin
    if rising_edge(clk) then
      for lane in 0 to lanes - 1 loop
        if is_greater(operand_a((lane + 1) * bits - 1 downto lane * bits),
          operand_b((lane + 1) * bits - 1 downto lane * bits), is_signed) /= minimum then
          result((lane + 1) * bits - 1 downto lane * bits) <=
            operand_a((lane + 1) * bits - 1 downto lane * bits);
        else
          result((lane + 1) * bits - 1 downto lane * bits) <=
            operand_b((lane + 1) * bits - 1 downto lane * bits);
        end if;
      end loop;
    end if;
  end process;

end architecture;
