-- What each of `words` interleaved computations has come to: sums or maxima of channels that take turns.
--
--   at each step: output_data = the input_data of `words` steps before; index counts the steps, modulo words
--
-- Latency: none; output_data is there in front of the step that needs it. It belongs to a register, and in front
-- of that one, in block RAM, to a second one, so the memory is read one or two steps ahead.
-- Limits: before the first `words` steps and after a reset the output is what was left behind.

library ieee;
use ieee.std_logic_1164.all;

use work.millrace_pkg.all;

entity state_memory is
  generic (
    -- Computations; one is a register.
    words : positive;
    -- Bits of each.
    width : positive
  );
  port (
    clk : in std_ulogic;
    reset : in std_ulogic;
    --
    step : in std_ulogic;
    index : in natural range 0 to words - 1;
    input_data : in std_ulogic_vector(width - 1 downto 0);
    --
    output_data : out std_ulogic_vector(width - 1 downto 0)
  );
end entity;

architecture rtl of state_memory is

  -- From so many bits on it becomes block RAM, which has a second register.
  constant block_bits : positive := 4096;
  constant is_deep : boolean := words > 2 and words * width >= block_bits;
  constant ahead : positive := either(is_deep, 2, 1);

begin

  only : if words = 1 generate
    remember : process (clk)
    begin
      if rising_edge(clk) then
        if step then
          output_data <= input_data;
        end if;
      end if;
    end process;
  else generate
    type memory_t is array (0 to words - 1) of std_ulogic_vector(width - 1 downto 0);
    signal memory : memory_t;
    signal memory_word : std_ulogic_vector(width - 1 downto 0);
    -- So many steps ahead of what is written; never the same.
    signal read_index : natural range 0 to words - 1 := ahead;
  begin
    remember : process (clk)
    begin
      if rising_edge(clk) then
        if step then
          memory(index) <= input_data;
          memory_word <= memory(read_index);
          read_index <= 0 when read_index = words - 1 else read_index + 1;
        end if;

        if reset then
          read_index <= ahead;
        end if;
      end if;
    end process;

    deep : if is_deep generate
      hold : process (clk)
      begin
        if rising_edge(clk) then
          if step then
            output_data <= memory_word;
          end if;
        end if;
      end process;
    else generate
      output_data <= memory_word;
    end generate;
  end generate;

end architecture;
