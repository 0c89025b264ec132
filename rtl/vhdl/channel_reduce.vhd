-- The sum or the maximum of all channels of each pixel.
--
--   for each pixel: output = sum or maximum of input(c) over the channels c
--
-- Beat order: `folds` beats of `lanes` channels per pixel; one output per pixel. Valid only, never stalled.
-- Latency: 1 + ceil(log2(lanes)) + 1 edges from a pixel's last beat: operands, a register per level of the
-- tree over the lanes, running result.
-- Cycles per pixel: folds.
-- Limits: output_bits must hold the sum; it wraps otherwise.

library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;

use work.millrace_pkg.all;

entity channel_reduce is
  generic (
    -- Add the channels instead of taking the largest.
    adds : boolean;
    -- Bits of one channel.
    bits : positive range 1 to 64;
    -- Two's complement instead of plain binary; the output is like the input.
    is_signed : boolean;
    -- Channels per beat: as many adders or comparators.
    lanes : positive;
    -- Beats per pixel.
    folds : positive;
    -- Bits of the result, at least those of a channel.
    output_bits : positive range 1 to 64
  );
  port (
    clk : in std_ulogic;
    reset : in std_ulogic;
    --
    input_valid : in std_ulogic;
    input_data : in std_ulogic_vector(lanes * bits - 1 downto 0);
    --
    output_valid : out std_ulogic := '0';
    output_data : out std_ulogic_vector(output_bits - 1 downto 0)
  );
end entity;

architecture rtl of channel_reduce is

  constant legal : boolean := require(output_bits >= bits,
    "channel_reduce: output_bits must be at least bits; got " & integer'image(output_bits));

  constant levels : natural := clog2(lanes);

  subtype number_t is signed(output_bits downto 0);
  type numbers_t is array (0 to lanes - 1) of number_t;
  type tree_t is array (0 to levels) of numbers_t;

  -- One sign bit more than the result, so that unsigned and signed channels are alike inside
  function combined (left, right : number_t) return number_t is
  begin
    if adds then
      return left + right;
    elsif is_greater(std_ulogic_vector(right), std_ulogic_vector(left), true) then
      return right;
    end if;
    return left;
  end function;

  signal tree : tree_t;
  signal valid : std_ulogic_vector(0 to levels) := (others => '0');
  signal fold : natural range 0 to folds - 1 := 0;
  signal result : number_t;

begin

  output_data <= std_ulogic_vector(result(output_bits - 1 downto 0));

  ------------------------------------------------------------------------------
  reduce_lanes : process (clk)
    variable count : positive range 1 to lanes;
  begin
    if rising_edge(clk) then
      for lane in 0 to lanes - 1 loop
        tree(0)(lane) <= resize(lane_value(input_data, lane, bits, is_signed), output_bits + 1);
      end loop;

      count := lanes;
      for level in 1 to levels loop
        for node in 0 to lanes - 1 loop
          if 2 * node + 1 < count then
            tree(level)(node) <= combined(tree(level - 1)(2 * node), tree(level - 1)(2 * node + 1));
          elsif 2 * node < count then
            tree(level)(node) <= tree(level - 1)(2 * node);
          else
            tree(level)(node) <= (others => '0');
          end if;
        end loop;
        count := (count + 1) / 2;
      end loop;
    end if;
  end process;

  ------------------------------------------------------------------------------
  reduce_folds : process (clk)
  begin
    if rising_edge(clk) then
      valid(0) <= input_valid;
      for level in 1 to levels loop
        valid(level) <= valid(level - 1);
      end loop;
      output_valid <= '0';

      if valid(levels) then
        if fold = 0 then
          result <= tree(levels)(0);
        else
          result <= combined(result, tree(levels)(0));
        end if;
        if fold = folds - 1 then
          fold <= 0;
          output_valid <= '1';
        else
          fold <= fold + 1;
        end if;
      end if;

      if reset then
        valid <= (others => '0');
        fold <= 0;
        output_valid <= '0';
      end if;
    end if;
  end process;

end architecture;
