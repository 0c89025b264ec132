-- Softmax over the channels of each pixel, in integers.
--
--   for each pixel, for each channel c:
--     e(c)   = exponentials(max(input) - input(c)), unsigned, from 2 ** fraction_bits downwards
--     halves = floor(e(c) * 512 / sum(e))
--     output(c) = min((halves + 1) / 2, 255), less 128 if the output is signed
--
-- The result is the quotient times 256, halves rounded up.
--
-- Beat order: raster, channel fastest, `lanes` channels per beat; unchanged.
-- Three passes, with a buffer of a pixel and what is on its way between them: maximum, then exponentials
-- and their sum, then quotients. A pass takes a beat per cycle.
-- Latency: from taking a pixel's last beat, r = 2 + ceil(log2(lanes)), to the push of the pixel's first
-- quotient: r + 1 + (channels / lanes - 1) + 2 + r + 1 + 12 edges; it can be taken one edge later.
-- Cycles per frame: one per beat.
-- Limits: a beat per cycle needs fifo_depth >= 14.

library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;

use work.millrace_pkg.all;

entity softmax is
  generic (
    -- Bits of one input channel: each bit more doubles the table.
    bits : positive range 1 to 8;
    is_signed : boolean;
    -- Whether the 8-bit codes that go out are from -128 to 127 instead of from 0 to 255.
    output_signed : boolean;
    -- Channels per beat; divides channels; each costs a table and ten subtracters.
    lanes : positive;
    channels : positive;
    -- Bits behind the point of an exponential.
    fraction_bits : positive;
    -- 2 ** bits entries of fraction_bits + 1 bits, by the difference to the maximum.
    exponentials : rom_words_t;
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
    output_data : out std_ulogic_vector(lanes * 8 - 1 downto 0)
  );
end entity;

architecture rtl of softmax is

  constant legal : boolean :=
    require(channels mod lanes = 0, "softmax: lanes must divide channels; got " & integer'image(lanes));

  constant folds : positive := channels / lanes;
  constant exponential_bits : positive := fraction_bits + 1;
  constant sum_bits : positive := exponential_bits + clog2(channels);
  -- The first bit of the quotient is in front of the point, the last one is for rounding.
  constant quotient_bits : positive := 10;

  -- Depths with which a pass takes a beat per cycle: see pass_depth and number_depth in ir/timing.py.
  constant reduction : positive := 2 + clog2(lanes);
  constant code_depth : positive := folds + reduction + 1;
  constant maximum_depth : positive := (code_depth + folds - 1) / folds;
  constant exponential_depth : positive := folds + reduction + 3;
  constant sum_depth : positive := (exponential_depth + folds - 1) / folds;

  -- First pass
  signal fold_1 : natural range 0 to folds - 1 := 0;
  signal is_last_1, take_1, codes_ready, codes_given : std_ulogic;
  signal maximum, first_maximum : std_ulogic_vector(bits - 1 downto 0);
  signal maximum_valid, maximum_reservable, maximum_reserved, maximum_known, maximum_used : std_ulogic;

  -- Second pass
  signal fold_2 : natural range 0 to folds - 1 := 0;
  signal is_last_2, take_2, codes_valid : std_ulogic;
  signal codes : std_ulogic_vector(lanes * bits - 1 downto 0);
  signal differences : std_ulogic_vector(lanes * bits - 1 downto 0);
  signal differences_valid, exponentials_valid : std_ulogic := '0';
  signal looked_up : std_ulogic_vector(lanes * exponential_bits - 1 downto 0);
  signal exponentials_reservable, numerators_valid : std_ulogic;
  signal numerators : std_ulogic_vector(lanes * exponential_bits - 1 downto 0);
  signal sum, denominator : std_ulogic_vector(sum_bits - 1 downto 0);
  signal sum_valid, sum_reservable, sum_known, sum_used, sum_reserved : std_ulogic;

  -- Third pass
  signal fold_3 : natural range 0 to folds - 1 := 0;
  signal is_last_3, take_3, output_reservable : std_ulogic;
  signal quotients : std_ulogic_vector(lanes * quotient_bits - 1 downto 0);
  signal quotients_valid, rounded_valid : std_ulogic := '0';
  signal rounded : std_ulogic_vector(lanes * 8 - 1 downto 0);

  function next_fold (fold : natural) return natural is
  begin
    if fold = folds - 1 then
      return 0;
    end if;
    return fold + 1;
  end function;

  -- Nearest code of a quotient of 9 bits behind the point
  function code (quotient : std_ulogic_vector(quotient_bits - 1 downto 0)) return std_ulogic_vector is
    constant whole : unsigned(quotient_bits - 1 downto 0) := unsigned(quotient) + 1;
    variable result : std_ulogic_vector(7 downto 0);
  begin
    result := std_ulogic_vector(whole(8 downto 1));
    if whole(9) then
      result := (others => '1');
    end if;
    if output_signed then
      result(7) := not result(7);
    end if;
    return result;
  end function;

begin

  ------------------------------------------------------------------------------
  -- First pass: the codes wait for their maximum.
  is_last_1 <= '1' when fold_1 = folds - 1 else '0';
  codes_given <= input_valid and (maximum_reservable or not is_last_1);
  input_ready <= codes_ready and (maximum_reservable or not is_last_1);
  take_1 <= codes_given and codes_ready;
  maximum_reserved <= take_1 and is_last_1;

  waiting_codes : entity work.stream_fifo
    generic map (depth => code_depth, width => lanes * bits)
    port map (
      clk => clk,
      reset => reset,
      input_ready => codes_ready,
      input_valid => codes_given,
      input_data => input_data,
      output_ready => take_2,
      output_valid => codes_valid,
      output_data => codes
    );

  find_maximum : entity work.channel_reduce
    generic map (
      adds => false, bits => bits, is_signed => is_signed, lanes => lanes, folds => folds,
      output_bits => bits
    )
    port map (
      clk => clk,
      reset => reset,
      input_valid => take_1,
      input_data => input_data,
      output_valid => maximum_valid,
      output_data => maximum
    );

  maxima : entity work.reserving_fifo
    generic map (depth => maximum_depth, width => bits)
    port map (
      clk => clk,
      reset => reset,
      reservable => maximum_reservable,
      reserve => maximum_reserved,
      input_valid => maximum_valid,
      input_data => maximum,
      output_ready => maximum_used,
      output_valid => maximum_known,
      output_data => first_maximum
    );

  ------------------------------------------------------------------------------
  -- Second pass: the exponentials wait for their sum.
  is_last_2 <= '1' when fold_2 = folds - 1 else '0';
  take_2 <= codes_valid and maximum_known and exponentials_reservable and (sum_reservable or not is_last_2);
  maximum_used <= take_2 and is_last_2;
  sum_reserved <= take_2 and is_last_2;

  -- No difference is negative, so it needs no sign.
  subtract : process (clk)
  begin
    if rising_edge(clk) then
      for lane in 0 to lanes - 1 loop
        differences((lane + 1) * bits - 1 downto lane * bits) <= std_ulogic_vector(
          unsigned(first_maximum) - unsigned(codes((lane + 1) * bits - 1 downto lane * bits)));
      end loop;
      differences_valid <= take_2 and not reset;
    end if;
  end process;

  look_up : entity work.lookup
    generic map (
      input_bits => bits, output_bits => exponential_bits, lanes => lanes, table => exponentials
    )
    port map (
      clk => clk,
      reset => reset,
      input_valid => differences_valid,
      input_data => differences,
      output_valid => exponentials_valid,
      output_data => looked_up
    );

  waiting_exponentials : entity work.reserving_fifo
    generic map (depth => exponential_depth, width => lanes * exponential_bits)
    port map (
      clk => clk,
      reset => reset,
      reservable => exponentials_reservable,
      reserve => take_2,
      input_valid => exponentials_valid,
      input_data => looked_up,
      output_ready => take_3,
      output_valid => numerators_valid,
      output_data => numerators
    );

  add : entity work.channel_reduce
    generic map (
      adds => true, bits => exponential_bits, is_signed => false, lanes => lanes, folds => folds,
      output_bits => sum_bits
    )
    port map (
      clk => clk,
      reset => reset,
      input_valid => exponentials_valid,
      input_data => looked_up,
      output_valid => sum_valid,
      output_data => sum
    );

  sums : entity work.reserving_fifo
    generic map (depth => sum_depth, width => sum_bits)
    port map (
      clk => clk,
      reset => reset,
      reservable => sum_reservable,
      reserve => sum_reserved,
      input_valid => sum_valid,
      input_data => sum,
      output_ready => sum_used,
      output_valid => sum_known,
      output_data => denominator
    );

  ------------------------------------------------------------------------------
  -- Third pass: quotients.
  is_last_3 <= '1' when fold_3 = folds - 1 else '0';
  take_3 <= numerators_valid and sum_known and output_reservable;
  sum_used <= take_3 and is_last_3;

  quotient : entity work.divide
    generic map (
      numerator_bits => exponential_bits, denominator_bits => sum_bits, quotient_bits => quotient_bits,
      lanes => lanes
    )
    port map (
      clk => clk,
      reset => reset,
      input_valid => take_3,
      input_data => numerators,
      input_denominator => denominator,
      output_valid => quotients_valid,
      output_data => quotients
    );

  round : process (clk)
  begin
    if rising_edge(clk) then
      for lane in 0 to lanes - 1 loop
        rounded((lane + 1) * 8 - 1 downto lane * 8) <=
          code(quotients((lane + 1) * quotient_bits - 1 downto lane * quotient_bits));
      end loop;
      rounded_valid <= quotients_valid and not reset;
    end if;
  end process;

  output_fifo : entity work.reserving_fifo
    generic map (depth => fifo_depth, width => lanes * 8)
    port map (
      clk => clk,
      reset => reset,
      reservable => output_reservable,
      reserve => take_3,
      input_valid => rounded_valid,
      input_data => rounded,
      output_ready => output_ready,
      output_valid => output_valid,
      output_data => output_data
    );

  ------------------------------------------------------------------------------
  count : process (clk)
  begin
    if rising_edge(clk) then
      if take_1 then
        fold_1 <= next_fold(fold_1);
      end if;
      if take_2 then
        fold_2 <= next_fold(fold_2);
      end if;
      if take_3 then
        fold_3 <= next_fold(fold_3);
      end if;

      if reset then
        fold_1 <= 0;
        fold_2 <= 0;
        fold_3 <= 0;
      end if;
    end if;
  end process;

end architecture;
