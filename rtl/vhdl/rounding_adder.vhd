-- Adds two integers and rounds the sum to its uppermost significant bits, as floating-point numbers do.
--
--   sum(lane)    = input_a(lane) + input_b(lane)
--   output(lane) = the multiple of 2 ** e nearest to sum(lane), of two the even one,
--                  e = larger(0, bits of abs(sum(lane)) - significant_bits)
--
-- With numbers in units of their smallest bit this is an addition of IEEE 754, rounding to nearest, ties to
-- even: significant_bits is 24 in single precision. What is dropped by a number's sign alone, or by its
-- magnitude, is the same, as a power of two needs no rounding.
--
-- Beat order: one beat out for each beat in, valid only, never stalled.
-- Latency: 4 edges: sum, its size, the bit that decides ties, rounded sum.
-- Cycles per frame: one per beat.
-- Limits: the rounded sum must fit; it wraps otherwise.

library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;

use work.millrace_pkg.all;

entity rounding_adder is
  generic (
    -- Bits of the signed operands and of the sum: two adders of so many for each lane.
    bits : positive range 2 to 64;
    -- Bits of the magnitude that are kept.
    significant_bits : positive := 24;
    -- Sums per beat.
    lanes : positive
  );
  port (
    clk : in std_ulogic;
    reset : in std_ulogic;
    --
    input_valid : in std_ulogic;
    input_a : in std_ulogic_vector(lanes * bits - 1 downto 0);
    input_b : in std_ulogic_vector(lanes * bits - 1 downto 0);
    --
    output_valid : out std_ulogic := '0';
    output_data : out std_ulogic_vector(lanes * bits - 1 downto 0)
  );
end entity;

architecture rtl of rounding_adder is

  -- Bits that may be dropped.
  constant excess : integer := bits - 1 - significant_bits;

  signal valid : std_ulogic_vector(1 to 3) := (others => '0');

begin

  each_lane : for lane in 0 to lanes - 1 generate
    signal sum, sized_sum, tied_sum, rounded : signed(bits - 1 downto 0);
  begin

    output_data((lane + 1) * bits - 1 downto lane * bits) <= std_ulogic_vector(rounded);

    add : process (clk)
    begin
      if rising_edge(clk) then
        sum <= lane_value(input_a, lane, bits, true) + lane_value(input_b, lane, bits, true);
        sized_sum <= sum;
        tied_sum <= sized_sum;
      end if;
    end process;

    exact : if excess <= 0 generate
      keep : process (clk)
      begin
        if rising_edge(clk) then
          rounded <= tied_sum;
        end if;
      end process;
    else generate
      subtype drops_t is std_ulogic_vector(excess - 1 downto 0);

      -- Whether each of the lower bits is dropped: whether there is a one so far above, in a negative sum a
      -- zero.
      function drops_of (number : signed(bits - 1 downto 0)) return drops_t is
        variable result : drops_t;
        variable is_large : std_ulogic := '0';
      begin
        for place in excess - 1 downto 0 loop
          is_large := is_large or (number(significant_bits + place) xor number(bits - 1));
          result(place) := is_large;
        end loop;
        return result;
      end function;

      -- The lowest bit that is kept, if any are dropped.
      function lowest_kept (number : signed(bits - 1 downto 0); drops : drops_t) return std_ulogic is
        variable result : std_ulogic := '0';
        variable is_last : std_ulogic;
      begin
        for place in 0 to excess - 1 loop
          is_last := drops(place);
          if place < excess - 1 then
            is_last := is_last and not drops(place + 1);
          end if;
          result := result or (is_last and number(place + 1));
        end loop;
        return result;
      end function;

      -- Of the sum in sized_sum and in tied_sum.
      signal drops, tied_drops : drops_t;
      signal is_odd : std_ulogic;
    begin

      -- One less than half of what is dropped is added, or half of it if the rest is odd.
      round : process (clk)
        variable almost_half, mask : signed(bits - 1 downto 0);
        variable carry : signed(1 downto 0);
      begin
        if rising_edge(clk) then
          drops <= drops_of(sum);
          tied_drops <= drops;
          is_odd <= lowest_kept(sized_sum, drops);

          almost_half := signed(resize(shift_right(unsigned(tied_drops), 1), bits));
          mask := signed(resize(unsigned(tied_drops), bits));
          carry := '0' & is_odd;
          rounded <= (tied_sum + almost_half + carry) and not mask;
        end if;
      end process;

    end generate;

  end generate;

  control : process (clk)
  begin
    if rising_edge(clk) then
      valid <= input_valid & valid(1 to 2);
      output_valid <= valid(3);

      if reset then
        valid <= (others => '0');
        output_valid <= '0';
      end if;
    end if;
  end process;

end architecture;
