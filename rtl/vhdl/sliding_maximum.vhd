-- Maximum over a sliding window of positions: one dimension of a max pool.
--
--   for each outer, for n = 0 .. (length + pad_begin + pad_end - kernel) / stride:
--     for each inner and lane:
--       output = max(input(p)) for the p in -pad_begin + n*stride .. +kernel-1 with 0 <= p < length
--
-- Beat order: (outer, position, inner), inner fastest, in and out. Padding never wins.
-- The work is done in the steps of sliding_steps; one at the end of a window yields a beat and waits until
-- the output FIFO can hold it. The next outer follows without a gap.
--
-- Latency: 1 + ceil(log2(kernel)) edges from the step to the push into the FIFO; the beat can be taken
-- one edge later.
-- Cycles per outer: inner * max(length, end of the last window + 1).
-- Limits: never stalls itself where windows overlap fully (stride 1) if fifo_depth >=
-- ceil(log2(kernel)) + 3; memory of inner x (kernel - 1) beats, registers if inner = 1.

library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;

use work.millrace_pkg.all;

entity sliding_maximum is
  generic (
    -- Bits of one lane.
    bits : positive range 1 to 64;
    -- Compare as two's complement instead of as unsigned.
    is_signed : boolean;
    -- Lanes of a beat; each costs its own comparators.
    lanes : positive;
    -- Positions that are real, per outer.
    length : positive;
    -- Positions of a window; costs kernel - 1 comparators and words of memory per lane.
    kernel : positive;
    -- Positions from one window to the next.
    stride : positive;
    -- Positions of padding in front of and behind the real ones.
    pad_begin : natural;
    pad_end : natural;
    -- Beats of one position; depth of the memory.
    inner : positive;
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

architecture rtl of sliding_maximum is

  constant legal : boolean :=
    require(pad_begin < kernel, "sliding_maximum: pad_begin must be below kernel; got " & integer'image(pad_begin))
    and require(pad_end < kernel, "sliding_maximum: pad_end must be below kernel; got " & integer'image(pad_end))
    and require(places(length, pad_begin, pad_end, kernel, stride) > 0,
      "sliding_maximum: kernel must fit into the padded length; got " & integer'image(kernel));

  constant levels : natural := clog2(kernel);

  subtype beat_t is std_ulogic_vector(lanes * bits - 1 downto 0);
  type window_t is array (0 to kernel - 1) of beat_t;
  type tree_t is array (0 to levels) of window_t;

  -- The smallest value in each lane: what a position outside of the input counts as
  function lowest return beat_t is
    variable result : beat_t := (others => '0');
  begin
    if is_signed then
      for lane in 0 to lanes - 1 loop
        result(lane * bits + bits - 1) := '1';
      end loop;
    end if;
    return result;
  end function;

  function lane_maximum(left, right : beat_t) return beat_t is
    variable result : beat_t := left;
    variable left_code, right_code : std_ulogic_vector(bits - 1 downto 0);
  begin
    for lane in 0 to lanes - 1 loop
      left_code := left((lane + 1) * bits - 1 downto lane * bits);
      right_code := right((lane + 1) * bits - 1 downto lane * bits);
      if is_greater(right_code, left_code, is_signed) then
        result((lane + 1) * bits - 1 downto lane * bits) := right_code;
      end if;
    end loop;
    return result;
  end function;

  signal step, takes_input, is_first, reservable, reserve : std_ulogic;
  signal index : natural range 0 to inner - 1;

  -- The window that ends at the step: newest position first
  signal window : window_t;
  -- Registers: tree(0) is the window, tree(level) the maxima of 2**level neighbours
  signal tree : tree_t;
  signal valid : std_ulogic_vector(0 to levels) := (others => '0');

begin

  steps : entity work.sliding_steps
    generic map (
      length => length,
      kernel => kernel,
      stride => stride,
      pad_begin => pad_begin,
      pad_end => pad_end,
      inner => inner
    )
    port map (
      clk => clk,
      reset => reset,
      input_ready => input_ready,
      input_valid => input_valid,
      reservable => reservable,
      reserve => reserve,
      step => step,
      takes_input => takes_input,
      is_first => is_first,
      is_early => open,
      is_start => open,
      index => index
    );

  ------------------------------------------------------------------------------
  window(0) <= input_data when takes_input else lowest;

  -- The positions in front of this one, at the same inner
  history : if kernel > 1 generate
    constant history_bits : positive := (kernel - 1) * lanes * bits;
    signal past : std_ulogic_vector(history_bits - 1 downto 0);
    signal present : std_ulogic_vector(history_bits - 1 downto 0);
  begin

    unpack : for age in 1 to kernel - 1 generate
      window(age) <= lowest when is_first else past(age * lanes * bits - 1 downto (age - 1) * lanes * bits);
      present(age * lanes * bits - 1 downto (age - 1) * lanes * bits) <= window(age - 1);
    end generate;

    storage : entity work.state_memory
      generic map (
        words => inner,
        width => history_bits
      )
      port map (
        clk => clk,
        reset => reset,
        --
        step => step,
        index => index,
        input_data => present,
        --
        output_data => past
      );
  end generate;

  ------------------------------------------------------------------------------
  compare : process (clk)
    variable count : positive range 1 to kernel;
  begin
    if rising_edge(clk) then
      tree(0) <= window;
      count := kernel;
      for level in 1 to levels loop
        for node in 0 to kernel - 1 loop
          if 2 * node + 1 < count then
            tree(level)(node) <= lane_maximum(tree(level - 1)(2 * node), tree(level - 1)(2 * node + 1));
          elsif 2 * node < count then
            tree(level)(node) <= tree(level - 1)(2 * node);
          else
            tree(level)(node) <= lowest;
          end if;
        end loop;
        count := (count + 1) / 2;
      end loop;

      valid(0) <= reserve;
      for level in 1 to levels loop
        valid(level) <= valid(level - 1);
      end loop;

      if reset then
        valid <= (others => '0');
      end if;
    end if;
  end process;

  ------------------------------------------------------------------------------
  output_fifo : entity work.reserving_fifo
    generic map (
      depth => fifo_depth,
      width => lanes * bits
    )
    port map (
      clk => clk,
      reset => reset,
      --
      reservable => reservable,
      reserve => reserve,
      --
      input_valid => valid(levels),
      input_data => tree(levels)(0),
      --
      output_ready => output_ready,
      output_valid => output_valid,
      output_data => output_data
    );

end architecture;
