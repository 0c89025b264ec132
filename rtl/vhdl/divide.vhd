-- Divides without restoring, one bit of the quotient per stage.
--
--   output(lane) = floor(numerator(lane) * 2 ** (quotient_bits - 1) / denominator)
--
-- Beat order: unchanged; valid only, never stalled.
-- Latency: 1 + quotient_bits edges: operands, then a register per bit.
-- Cycles per frame: one per beat.
-- Limits: no numerator may exceed its denominator, which must not be 0.

library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;

use work.millrace_pkg.all;

entity divide is
  generic (
    -- Bits of an unsigned numerator.
    numerator_bits : positive;
    -- Bits of the unsigned denominator, at least those of a numerator: two less than an adder has.
    denominator_bits : positive;
    -- Bits of an unsigned quotient, of which one is in front of the point: an adder each.
    quotient_bits : positive;
    -- Numerators per beat, all with the same denominator.
    lanes : positive
  );
  port (
    clk : in std_ulogic;
    reset : in std_ulogic;
    --
    input_valid : in std_ulogic;
    input_data : in std_ulogic_vector(lanes * numerator_bits - 1 downto 0);
    input_denominator : in std_ulogic_vector(denominator_bits - 1 downto 0);
    --
    output_valid : out std_ulogic := '0';
    output_data : out std_ulogic_vector(lanes * quotient_bits - 1 downto 0)
  );
end entity;

architecture rtl of divide is

  constant legal : boolean := require(denominator_bits >= numerator_bits,
    "divide: denominator_bits must be at least numerator_bits; got " & integer'image(denominator_bits));

  -- A remainder lies between twice the denominator and its opposite.
  constant width : positive := denominator_bits + 2;

  type numbers_t is array (0 to quotient_bits) of signed(width - 1 downto 0);

  signal denominators : numbers_t;
  signal valid : std_ulogic_vector(0 to quotient_bits) := (others => '0');

begin

  output_valid <= valid(quotient_bits);

  ------------------------------------------------------------------------------
  pass_on : process (clk)
  begin
    if rising_edge(clk) then
      denominators(0) <= resize(lane_value(input_denominator, 0, denominator_bits, false), width);
      for stage in 1 to quotient_bits loop
        denominators(stage) <= denominators(stage - 1);
      end loop;

      valid <= input_valid & valid(0 to quotient_bits - 1);
      if reset then
        valid <= (others => '0');
      end if;
    end if;
  end process;

  ------------------------------------------------------------------------------
  each_lane : for lane in 0 to lanes - 1 generate
    type quotients_t is array (0 to quotient_bits) of std_ulogic_vector(quotient_bits - 1 downto 0);

    signal remainders : numbers_t;
    signal quotients : quotients_t;
  begin

    divide_lane : process (clk)
      variable remainder : signed(width - 1 downto 0);
      variable quotient : std_ulogic_vector(quotient_bits downto 0);
    begin
      if rising_edge(clk) then
        remainders(0) <= resize(
          lane_value(input_data, lane, numerator_bits, false), width);
        quotients(0) <= (others => '0');

        -- A remainder below 0 was not to be taken from: the next one is added to instead.
        for stage in 1 to quotient_bits loop
          if remainders(stage - 1)(width - 1) then
            remainder := remainders(stage - 1) + denominators(stage - 1);
          else
            remainder := remainders(stage - 1) - denominators(stage - 1);
          end if;
          remainders(stage) <= remainder(width - 2 downto 0) & '0';
          quotient := quotients(stage - 1) & not remainder(width - 1);
          quotients(stage) <= quotient(quotient_bits - 1 downto 0);
        end loop;
      end if;
    end process;

    output_data((lane + 1) * quotient_bits - 1 downto lane * quotient_bits) <= quotients(quotient_bits);

  end generate;

end architecture;
