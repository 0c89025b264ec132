-- The index of the largest channel of each pixel; of equal ones, the first.
--
--   for each pixel:
--     output = min(c for which input(c) = max(input))
--
-- Beat order: `lanes` channels per beat, channel fastest; one output beat per pixel.
-- Latency: 1 + ceil(log2(lanes)) + 1 edges from taking a pixel's last beat to the push into the FIFO:
-- input register, a register per level of the tree over the lanes, running maximum; the beat can be
-- taken one edge later.
-- Cycles per pixel: channels / lanes.
-- Limits: a pixel per cycle (lanes = channels) needs fifo_depth >= ceil(log2(lanes)) + 4.

library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;

use work.millrace_pkg.all;

entity argmax is
  generic (
    -- Bits of one channel.
    bits : positive range 1 to 64;
    -- Compare as two's complement instead of as unsigned.
    is_signed : boolean;
    -- Channels per beat; divides channels; costs as many comparators.
    lanes : positive;
    channels : positive;
    -- Bits of the (unsigned) result.
    index_bits : positive range 1 to 30;
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
    output_data : out std_ulogic_vector(index_bits - 1 downto 0)
  );
end entity;

architecture rtl of argmax is

  constant legal : boolean :=
    require(channels mod lanes = 0, "argmax: lanes must divide channels; got " & integer'image(lanes))
    and require(channels <= 2 ** index_bits,
      "argmax: index_bits must hold channels - 1; got " & integer'image(index_bits));

  constant folds : positive := channels / lanes;
  constant levels : natural := clog2(lanes);

  subtype value_t is std_ulogic_vector(bits - 1 downto 0);

  -- The best of some neighbouring lanes, and which lane it is
  type candidate_t is record
    value : value_t;
    lane : natural range 0 to lanes - 1;
  end record;
  type candidates_t is array (0 to lanes - 1) of candidate_t;
  type tree_t is array (0 to levels) of candidates_t;

  signal fold : natural range 0 to folds - 1 := 0;
  signal is_last : std_ulogic;
  signal take : std_ulogic;
  signal reservable : std_ulogic;
  signal reserve : std_ulogic;

  signal tree : tree_t;
  signal valid : std_ulogic_vector(0 to levels) := (others => '0');

  -- Running maximum over the folds
  signal base : natural range 0 to channels - lanes := 0;
  signal best : value_t;
  signal index : natural range 0 to channels - 1;
  signal index_valid : std_ulogic := '0';

begin

  is_last <= '1' when fold = folds - 1 else '0';
  input_ready <= reservable or not is_last;
  take <= input_valid and (reservable or not is_last);
  reserve <= take and is_last;

  ------------------------------------------------------------------------------
  control : process (clk)
  begin
    if rising_edge(clk) then
      -- GHDL's synthesis refuses the sum where a counter has but one value.
      if take = '1' and folds > 1 then
        if is_last then
          fold <= 0;
        else
          fold <= fold + 1;
        end if;
      end if;

      if reset then
        fold <= 0;
      end if;
    end if;
  end process;

  ------------------------------------------------------------------------------
  best_lane : process (clk)
    variable count : positive range 1 to lanes;
  begin
    if rising_edge(clk) then
      for lane in 0 to lanes - 1 loop
        tree(0)(lane) <= (input_data((lane + 1) * bits - 1 downto lane * bits), lane);
      end loop;

      count := lanes;
      for level in 1 to levels loop
        for node in 0 to lanes - 1 loop
          if 2 * node + 1 < count then
            if is_greater(tree(level - 1)(2 * node + 1).value, tree(level - 1)(2 * node).value, is_signed) then
              tree(level)(node) <= tree(level - 1)(2 * node + 1);
            else
              tree(level)(node) <= tree(level - 1)(2 * node);
            end if;
          elsif 2 * node < count then
            tree(level)(node) <= tree(level - 1)(2 * node);
          else
            tree(level)(node) <= ((others => '0'), 0);
          end if;
        end loop;
        count := (count + 1) / 2;
      end loop;

      valid(0) <= take;
      for level in 1 to levels loop
        valid(level) <= valid(level - 1);
      end loop;

      if reset then
        valid <= (others => '0');
      end if;
    end if;
  end process;

  ------------------------------------------------------------------------------
  best_fold : process (clk)
  begin
    if rising_edge(clk) then
      index_valid <= '0';

      if valid(levels) then
        if base = 0 or is_greater(tree(levels)(0).value, best, is_signed) then
          best <= tree(levels)(0).value;
          index <= base + tree(levels)(0).lane;
        end if;

        if base = channels - lanes then
          base <= 0;
          index_valid <= '1';
        elsif folds > 1 then
          base <= base + lanes;
        end if;
      end if;

      if reset then
        base <= 0;
        index_valid <= '0';
      end if;
    end if;
  end process;

  ------------------------------------------------------------------------------
  output_fifo : entity work.reserving_fifo
    generic map (
      depth => fifo_depth,
      width => index_bits
    )
    port map (
      clk => clk,
      reset => reset,
      --
      reservable => reservable,
      reserve => reserve,
      --
      input_valid => index_valid,
      input_data => std_ulogic_vector(to_unsigned(index, index_bits)),
      --
      output_ready => output_ready,
      output_valid => output_valid,
      output_data => output_data
    );

end architecture;
