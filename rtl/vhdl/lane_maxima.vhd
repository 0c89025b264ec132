-- The largest of some values of a beat, for each value of the beat that is sent: a max pool within a beat.
--
--   output(n) = maximum over m of 0 .. most - 1: input(members(n, m))
--
-- Canonical order of members: by output, then m; clog2(inputs) bits each. One that has fewer members names
-- one of them several times.
-- Beat order: one beat out for each beat in, valid only, never stalled.
-- Latency: ceil(log2(most)) edges, a register for each level of a tree of comparators; wires if most is 1.
-- Cycles per frame: one per input beat.
-- Limits: (most - 1) * outputs comparators.

library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;

use work.millrace_pkg.all;

entity lane_maxima is
  generic (
    -- Width of a value, and whether it is signed.
    bits : positive range 1 to 16;
    is_signed : boolean;
    -- Values of a beat that comes and of one that leaves.
    inputs : positive;
    outputs : positive;
    -- Members of each output: comparators, in clog2(most) levels.
    most : positive;
    -- outputs * most numbers of inputs in canonical order.
    members : rom_words_t
  );
  port (
    clk : in std_ulogic;
    reset : in std_ulogic;
    --
    input_valid : in std_ulogic;
    input_data : in std_ulogic_vector(inputs * bits - 1 downto 0);
    --
    output_valid : out std_ulogic;
    output_data : out std_ulogic_vector(outputs * bits - 1 downto 0)
  );
end entity;

architecture rtl of lane_maxima is

  constant levels : natural := clog2(most);
  constant number_bits : positive := larger(1, clog2(inputs));

  constant members_are_complete : boolean := require(rom_holds(members, outputs * most * number_bits),
    "lane_maxima: members must hold outputs * most numbers in rows of 256 bits; rows got "
    & integer'image(members'length));

  function nodes (level : natural) return positive is
  begin
    return (most + 2 ** level - 1) / 2 ** level;
  end function;

  signal valid : std_ulogic_vector(0 to levels) := (others => '0');

begin

  valid(0) <= input_valid;
  output_valid <= valid(levels);

  each_output : for result in 0 to outputs - 1 generate
    -- Level 0 are the members, level `levels` is their maximum.
    type tree_t is array (0 to levels) of std_ulogic_vector(most * bits - 1 downto 0);
    signal tree : tree_t;
  begin

    each_member : for member in 0 to most - 1 generate
      constant number : natural := to_integer(unsigned(
        rom_slice(members, (result * most + member) * number_bits, number_bits)));
    begin
      tree(0)((member + 1) * bits - 1 downto member * bits) <=
        input_data((number + 1) * bits - 1 downto number * bits);
    end generate;

    tree_levels : for level in 1 to levels generate
      compare : process (clk)
        variable node, other : std_ulogic_vector(bits - 1 downto 0);
      begin
        if rising_edge(clk) then
          for index in 0 to nodes(level) - 1 loop
            node := tree(level - 1)((2 * index + 1) * bits - 1 downto 2 * index * bits);
            if 2 * index + 1 < nodes(level - 1) then
              other := tree(level - 1)((2 * index + 2) * bits - 1 downto (2 * index + 1) * bits);
              if is_greater(other, node, is_signed) then
                node := other;
              end if;
            end if;
            tree(level)((index + 1) * bits - 1 downto index * bits) <= node;
          end loop;
        end if;
      end process;
    end generate;

    output_data((result + 1) * bits - 1 downto result * bits) <= tree(levels)(bits - 1 downto 0);

  end generate;

  delays : if levels > 0 generate
    delay : process (clk)
    begin
      if rising_edge(clk) then
        valid(1 to levels) <= valid(0 to levels - 1);
        if reset then
          valid(1 to levels) <= (others => '0');
        end if;
      end if;
    end process;
  end generate;

end architecture;
