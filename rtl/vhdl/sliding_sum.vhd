-- Sum over a sliding window of positions: one dimension of an average pool.
--
--   for each outer, for n = 0 .. (length + pad_begin + pad_end - kernel) / stride:
--     for each inner and lane:
--       output = sum of value(p) for the p in -pad_begin + n*stride .. +kernel-1
--       value(p) = input(p) where 0 <= p < length, else pad_value
--
-- A running sum: each position adds its value and takes away that of `kernel` positions before. Windows that
-- do not overlap are added up one by one, and nothing is remembered.
--
-- Beat order, steps, cycles per outer: those of sliding_steps. Valid only behind the steps, never stalled.
-- Latency: 3 edges from the step at the end of a window to the one that can push the sum: values,
-- difference, sum.
-- Memory: kernel positions of input beats if windows overlap, and a position of sums; registers if inner = 1.
-- Limits: sums on the way may wrap; sum_bits must hold those that come out.

library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;

use work.millrace_pkg.all;

entity sliding_sum is
  generic (
    -- Bits of one lane.
    bits : positive range 1 to 64;
    is_signed : boolean;
    -- Bits of a signed sum.
    sum_bits : positive;
    -- Lanes of a beat; each costs an adder and a subtracter.
    lanes : positive;
    -- See sliding_steps. Overlapping windows cost memory in proportion to kernel.
    length : positive;
    kernel : positive;
    stride : positive;
    pad_begin : natural;
    pad_end : natural;
    -- The value of a position outside.
    pad_value : integer;
    -- Beats of one position.
    inner : positive
  );
  port (
    clk : in std_ulogic;
    reset : in std_ulogic;
    --
    input_ready : out std_ulogic;
    input_valid : in std_ulogic;
    input_data : in std_ulogic_vector(lanes * bits - 1 downto 0);
    -- Room for a sum, and the pulse that takes it.
    reservable : in std_ulogic;
    reserve : out std_ulogic;
    --
    output_valid : out std_ulogic := '0';
    output_data : out std_ulogic_vector(lanes * sum_bits - 1 downto 0)
  );
end entity;

architecture rtl of sliding_sum is

  constant pads_are_right : boolean := require(larger(pad_begin, pad_end) < kernel,
    "sliding_sum: pads must be below kernel; got " & integer'image(larger(pad_begin, pad_end)));
  constant kernel_fits : boolean := require(places(length, pad_begin, pad_end, kernel, stride) > 0,
    "sliding_sum: kernel must fit into the padded length; got " & integer'image(kernel));

  constant overlaps : boolean := stride < kernel;
  -- What the first position adds to: a running sum has a window of padding in front of it.
  constant start : signed(sum_bits - 1 downto 0) :=
    wrap(to_signed(pad_value, 32) * to_signed(either(overlaps, kernel, pad_begin), 32), sum_bits);
  constant padding : signed(sum_bits - 1 downto 0) := wrap(to_signed(pad_value, 32), sum_bits);

  subtype beat_t is std_ulogic_vector(lanes * bits - 1 downto 0);
  subtype sums_t is std_ulogic_vector(lanes * sum_bits - 1 downto 0);

  signal step, takes_input, is_first, is_early, is_start : std_ulogic;

  -- The values that come and go.
  signal newest, oldest : beat_t;
  signal is_padding, was_padding : std_ulogic;
  signal differences : sums_t;
  -- Where the running sum begins: at the first position, or at each window, beside values and differences.
  signal begins, restarts : std_ulogic_vector(1 to 2);
  -- There is a step, and it yields, beside values and differences.
  signal valid, yields : std_ulogic_vector(1 to 2) := (others => '0');
  -- Beat of the position, beside the differences.
  signal index : natural range 0 to inner - 1 := 0;
  -- Sums up to the position before, and with this one.
  signal past, present : sums_t;

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
      is_early => is_early,
      is_start => is_start,
      index => open
    );

  ------------------------------------------------------------------------------
  remembered : if overlaps generate
    constant depth : positive := kernel * inner;
    type memory_t is array (0 to depth - 1) of beat_t;
    signal memory : memory_t;
    signal place, next_place : natural range 0 to depth - 1 := 0;
    -- The oldest beat of the next step.
    signal next_oldest : beat_t;
  begin

    next_place <= 0 when place = depth - 1 else place + 1;

    -- The beat of `kernel` positions before is the oldest one: behind the place that is written, it is read at
    -- the step before, so that a register is behind the memory.
    delay : process (clk)
    begin
      if rising_edge(clk) then
        oldest <= next_oldest;
        if step then
          memory(place) <= input_data;
          next_oldest <= memory(next_place);
          place <= next_place;
        end if;

        if reset then
          place <= 0;
        end if;
      end if;
    end process;

  end generate;

  follow : process (clk)
  begin
    if rising_edge(clk) then
      newest <= input_data;
      is_padding <= not takes_input;
      was_padding <= is_early;
      begins <= is_first & begins(1);
      restarts <= is_start & restarts(1);
      valid <= step & valid(1);
      yields <= reserve & yields(1);
      output_valid <= yields(2);

      if reset then
        valid <= (others => '0');
        yields <= (others => '0');
        output_valid <= '0';
      end if;
    end if;
  end process;

  ------------------------------------------------------------------------------
  each_lane : for lane in 0 to lanes - 1 generate
    signal coming, going, base : signed(sum_bits - 1 downto 0);
  begin

    coming <= padding when is_padding else wrap(lane_value(newest, lane, bits, is_signed), sum_bits);
    going <= padding when was_padding else wrap(lane_value(oldest, lane, bits, is_signed), sum_bits);

    subtract : process (clk)
    begin
      if rising_edge(clk) then
        if overlaps then
          differences((lane + 1) * sum_bits - 1 downto lane * sum_bits) <= std_ulogic_vector(coming - going);
        else
          differences((lane + 1) * sum_bits - 1 downto lane * sum_bits) <= std_ulogic_vector(coming);
        end if;
      end if;
    end process;

    choose : process (all)
    begin
      base <= lane_value(past, lane, sum_bits, true);
      if begins(2) then
        base <= start;
      elsif restarts(2) = '1' and not overlaps then
        base <= (others => '0');
      end if;
    end process;

    present((lane + 1) * sum_bits - 1 downto lane * sum_bits) <=
      std_ulogic_vector(base + lane_value(differences, lane, sum_bits, true));

  end generate;

  ------------------------------------------------------------------------------
  storage : entity work.state_memory
    generic map (
      words => inner,
      width => lanes * sum_bits
    )
    port map (
      clk => clk,
      reset => reset,
      --
      step => valid(2),
      index => index,
      input_data => present,
      --
      output_data => past
    );

  sum_register : process (clk)
  begin
    if rising_edge(clk) then
      if valid(2) then
        output_data <= present;
        if index /= inner - 1 then
          index <= index + 1;
        else
          index <= 0;
        end if;
      end if;

      if reset then
        index <= 0;
      end if;
    end if;
  end process;

end architecture;
