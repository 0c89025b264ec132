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
-- quotient: r + 1 + (channels / lanes - 1) + 3 + r + 1 + 12 edges; it can be taken one edge later.
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

  -- Depths with which a pass takes a beat per cycle: see pass_depth in ir/timing.py.
  constant reduction : positive := 2 + clog2(lanes);
  constant code_depth : positive := folds + reduction + 1;
  constant exponential_depth : positive := folds + reduction + 4;

  -- First pass
  signal take_1, codes_reservable, maximum_valid : std_ulogic;
  signal maximum : std_ulogic_vector(bits - 1 downto 0);

  -- Second pass
  signal take_2, codes_valid : std_ulogic;
  signal codes : std_ulogic_vector(lanes * bits - 1 downto 0);
  signal codes_maximum : std_ulogic_vector(bits - 1 downto 0);
  signal differences : std_ulogic_vector(lanes * bits - 1 downto 0);
  signal differences_valid, exponentials_valid : std_ulogic := '0';
  signal looked_up_valid : std_ulogic;
  -- What the table holds, and in a register of its own.
  signal looked_up, held : std_ulogic_vector(lanes * exponential_bits - 1 downto 0);
  signal exponentials_reservable, sum_valid : std_ulogic;
  signal sum : std_ulogic_vector(sum_bits - 1 downto 0);

  -- Third pass
  signal take_3, numerators_valid, output_reservable : std_ulogic;
  signal numerators : std_ulogic_vector(lanes * exponential_bits - 1 downto 0);
  signal denominator : std_ulogic_vector(sum_bits - 1 downto 0);
  signal quotients : std_ulogic_vector(lanes * quotient_bits - 1 downto 0);
  signal quotients_valid, rounded_valid : std_ulogic := '0';
  signal rounded : std_ulogic_vector(lanes * 8 - 1 downto 0);

  -- Nearest code of a quotient of 9 bits behind the point
  function code (fraction : std_ulogic_vector(quotient_bits - 1 downto 0)) return std_ulogic_vector is
    constant whole : unsigned(quotient_bits - 1 downto 0) := unsigned(fraction) + 1;
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
  input_ready <= codes_reservable;
  take_1 <= input_valid and codes_reservable;

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

  waiting_codes : entity work.pass_buffer
    generic map (width => lanes * bits, number_width => bits, folds => folds, depth => code_depth)
    port map (
      clk => clk,
      reset => reset,
      reservable => codes_reservable,
      reserve => take_1,
      beat_valid => take_1,
      beat_data => input_data,
      number_valid => maximum_valid,
      number_data => maximum,
      output_ready => exponentials_reservable,
      output_valid => codes_valid,
      output_data => codes,
      output_number => codes_maximum
    );

  ------------------------------------------------------------------------------
  -- Second pass: the exponentials wait for their sum.
  take_2 <= codes_valid and exponentials_reservable;

  -- No difference is negative, so it needs no sign.
  subtract : process (clk)
  begin
    if rising_edge(clk) then
      for lane in 0 to lanes - 1 loop
        differences((lane + 1) * bits - 1 downto lane * bits) <= std_ulogic_vector(
          unsigned(codes_maximum) - unsigned(codes((lane + 1) * bits - 1 downto lane * bits)));
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
      output_valid => looked_up_valid,
      output_data => looked_up
    );

  hold : process (clk)
  begin
    if rising_edge(clk) then
      held <= looked_up;
      exponentials_valid <= looked_up_valid and not reset;
    end if;
  end process;

  add : entity work.channel_reduce
    generic map (
      adds => true, bits => exponential_bits, is_signed => false, lanes => lanes, folds => folds,
      output_bits => sum_bits
    )
    port map (
      clk => clk,
      reset => reset,
      input_valid => exponentials_valid,
      input_data => held,
      output_valid => sum_valid,
      output_data => sum
    );

  waiting_exponentials : entity work.pass_buffer
    generic map (width => lanes * exponential_bits, number_width => sum_bits, folds => folds, depth => exponential_depth)
    port map (
      clk => clk,
      reset => reset,
      reservable => exponentials_reservable,
      reserve => take_2,
      beat_valid => exponentials_valid,
      beat_data => held,
      number_valid => sum_valid,
      number_data => sum,
      output_ready => output_reservable,
      output_valid => numerators_valid,
      output_data => numerators,
      output_number => denominator
    );

  ------------------------------------------------------------------------------
  -- Third pass: quotients.
  take_3 <= numerators_valid and output_reservable;

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

end architecture;
