-- Adds a constant to each lane, shifts and clamps: a requantization behind adders that multiply, too.
--
--   output(lane) = clamp((offset(lane) + input(lane)) >> shift(lane), low, high), or minus input(lane)
--
-- The shift is arithmetic (floor). `lines` has three numbers for each lane: the bits of the sum, its
-- shift, and whether the input is subtracted. Every lane is always the same channel.
--
-- Beat order: unchanged; valid only, never stalled.
-- Latency: 2 edges, sum and code, or with registers_sum => false a single one.
-- Cycles per frame: one per beat.
-- Limits: none. A LUT for each bit of the offset that is set, and one or two for each bit of a code.

library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;

use work.millrace_pkg.all;

entity saturate is
  generic (
    -- Width of the signed values that come in.
    input_bits : positive;
    -- Width of the codes that go out, and whether they are signed.
    output_bits : positive range 1 to 16;
    output_signed : boolean;
    -- Least and greatest code.
    low : integer;
    high : integer;
    -- Values per beat: an adder each.
    lanes : positive;
    -- Width of the signed offsets.
    offset_bits : positive;
    -- Whether there is a register between sum and clamp.
    registers_sum : boolean := true;
    -- One number per lane, and three of 20 bits.
    offsets : rom_words_t;
    lines : rom_words_t
  );
  port (
    clk : in std_ulogic;
    reset : in std_ulogic;
    --
    input_valid : in std_ulogic;
    input_data : in std_ulogic_vector(lanes * input_bits - 1 downto 0);
    --
    output_valid : out std_ulogic := '0';
    output_data : out std_ulogic_vector(lanes * output_bits - 1 downto 0)
  );
end entity;

architecture rtl of saturate is

  constant number_bits : positive := 20;

  constant range_is_right : boolean := require(low <= high,
    "saturate: low must not exceed high; got " & integer'image(low) & " .. " & integer'image(high));
  constant low_is_right : boolean := require(fits(low, output_bits, output_signed),
    "saturate: low must fit the output; got " & integer'image(low));
  constant high_is_right : boolean := require(fits(high, output_bits, output_signed),
    "saturate: high must fit the output; got " & integer'image(high));
  constant offsets_are_complete : boolean := require(rom_holds(offsets, lanes * offset_bits),
    "saturate: offsets must hold one number per lane in rows of 256 bits; rows got "
    & integer'image(offsets'length));
  constant lines_are_complete : boolean := require(rom_holds(lines, lanes * 3 * number_bits),
    "saturate: lines must hold three numbers for each lane in rows of 256 bits; rows got "
    & integer'image(lines'length));

  signal sum_valid : std_ulogic := '0';

begin

  each_lane : for lane in 0 to lanes - 1 generate

    function number (index : natural) return natural is
    begin
      return to_integer(unsigned(
        rom_slice(lines, (3 * lane + index) * number_bits, number_bits)));
    end function;

    constant bits : positive := number(0);
    constant shift : natural := smaller(number(1), bits - 1);
    constant subtracts : boolean := number(2) = 1;
    -- A bit more than its range asks for, where GHDL would take the constant for zero.
    constant width : positive := constant_bits(bits);
    constant offset : signed(width - 1 downto 0) :=
      wrap(signed(rom_slice(offsets, lane * offset_bits, offset_bits)), width);

    signal sum, held : signed(width - 1 downto 0);
  begin

    sum <= add_or_subtract(
      offset, wrap(lane_value(input_data, lane, input_bits, true), width), subtracts);

    in_two : if registers_sum generate
      hold : process (clk)
      begin
        if rising_edge(clk) then
          held <= sum;
        end if;
      end process;
    end generate;

    at_once : if not registers_sum generate
      held <= sum;
    end generate;

    limit : process (clk)
    begin
      if rising_edge(clk) then
        output_data((lane + 1) * output_bits - 1 downto lane * output_bits) <=
          clamp(held(width - 1 downto shift), low, high, output_bits);
      end if;
    end process;

  end generate;

  control : process (clk)
  begin
    if rising_edge(clk) then
      sum_valid <= input_valid;
      if registers_sum then
        output_valid <= sum_valid;
      else
        output_valid <= input_valid;
      end if;

      if reset then
        sum_valid <= '0';
        output_valid <= '0';
      end if;
    end if;
  end process;

end architecture;
