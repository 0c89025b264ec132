-- The reciprocal of a square root, as a mantissa and an exponent.
--
--   moved = as often as the radicand can be doubled twice without passing 2 ** (2 * half_width)
--   m     = radicand * 4 ** moved, of which the 9 highest bits choose a line and the next 9 go along it
--   root  = base(piece) - (slope(piece) * along >> 9), 17 bits behind the point
--   1 / sqrt(radicand) = root * 2 ** -17 * 2 ** (moved + 1 - half_width), within 3.0e-5 of itself
--
-- Beat order: unchanged; valid only, never stalled.
-- Latency: ceil(log2(half_width)) + 4 edges: a stage per bit of `moved`, line read and held, product, root.
-- Cycles: one per radicand.
-- Limits: a radicand must not be 0.

library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;

use work.millrace_pkg.all;

entity inverse_root is
  generic (
    -- Half the bits of a radicand: wide radicands need more stages.
    half_width : positive range 9 to 32;
    -- 384 lines, each a slope of 10 bits above a base of 18.
    roots : rom_words_t
  );
  port (
    clk : in std_ulogic;
    reset : in std_ulogic;
    --
    input_valid : in std_ulogic;
    input_radicand : in std_ulogic_vector(2 * half_width - 1 downto 0);
    --
    output_valid : out std_ulogic := '0';
    output_root : out std_ulogic_vector(17 downto 0);
    output_moved : out std_ulogic_vector(clog2(half_width) - 1 downto 0)
  );
end entity;

architecture rtl of inverse_root is

  constant pieces : positive := 384;
  constant piece_bits : positive := 9;
  constant base_bits : positive := 18;
  constant slope_bits : positive := 10;
  constant line_bits : positive := base_bits + slope_bits;

  constant roots_are_complete : boolean := require(rom_holds(roots, pieces * line_bits),
    "inverse_root: roots must hold 384 lines in rows of 256 bits; rows got " & integer'image(roots'length));

  constant width : positive := 2 * half_width;
  constant stages : positive := clog2(half_width);

  type rom_t is array (0 to 2 ** piece_bits - 1) of std_ulogic_vector(line_bits - 1 downto 0);

  -- The highest bits of m are at least 128: the lines before are never read.
  function lines return rom_t is
    variable rom : rom_t := (others => (others => '0'));
  begin
    for piece in 0 to pieces - 1 loop
      rom(2 ** piece_bits - pieces + piece) := rom_slice(roots, piece * line_bits, line_bits);
    end loop;
    return rom;
  end function;

  constant rom : rom_t := lines;

  type radicands_t is array (0 to stages) of std_ulogic_vector(width - 1 downto 0);
  subtype move_t is std_ulogic_vector(stages - 1 downto 0);
  type moves_t is array (natural range <>) of move_t;

  signal radicands : radicands_t;
  signal moves : moves_t(0 to stages);
  signal moves_behind : moves_t(1 to 4);
  signal valid : std_ulogic_vector(1 to stages + 4) := (others => '0');

  -- What the memory holds, and in a register of its own.
  signal read_line, line : std_ulogic_vector(line_bits - 1 downto 0);
  signal read_along, along : unsigned(piece_bits - 1 downto 0);
  signal base, root : unsigned(base_bits - 1 downto 0);
  signal product : unsigned(slope_bits + piece_bits - 1 downto 0);

  function is_zero (bits : std_ulogic_vector) return boolean is
  begin
    return unsigned(bits) = 0;
  end function;

begin

  radicands(0) <= input_radicand;
  moves(0) <= (others => '0');

  ------------------------------------------------------------------------------
  -- Stage 1 moves by the largest power of two, if that many of the highest bits are free.
  normalize : for stage in 1 to stages generate
    constant places : positive := 2 * 2 ** (stages - stage);
    -- More places than there are: there is nothing to move.
    constant is_possible : boolean := places < width;
    constant kept : positive := either(is_possible, width - places, width);
  begin

    move : process (clk)
    begin
      if rising_edge(clk) then
        if is_possible and is_zero(radicands(stage - 1)(width - 1 downto kept)) then
          radicands(stage) <= radicands(stage - 1)(kept - 1 downto 0) & (width - 1 - kept downto 0 => '0');
          moves(stage) <= moves(stage - 1)(stages - 2 downto 0) & '1';
        else
          radicands(stage) <= radicands(stage - 1);
          moves(stage) <= moves(stage - 1)(stages - 2 downto 0) & '0';
        end if;
      end if;
    end process;

  end generate;

  ------------------------------------------------------------------------------
  follow_line : process (clk)
  begin
    if rising_edge(clk) then
      read_line <= rom(to_integer(unsigned(radicands(stages)(width - 1 downto width - piece_bits))));
      read_along <= unsigned(radicands(stages)(width - piece_bits - 1 downto width - 2 * piece_bits));
      line <= read_line;
      along <= read_along;
      product <= unsigned(line(line_bits - 1 downto base_bits)) * along;
      base <= unsigned(line(base_bits - 1 downto 0));
      root <= base - product(product'high downto piece_bits);

      moves_behind <= moves(stages) & moves_behind(1 to 3);
    end if;
  end process;

  output_root <= std_ulogic_vector(root);
  output_moved <= moves_behind(4);
  output_valid <= valid(stages + 4);

  ------------------------------------------------------------------------------
  control : process (clk)
  begin
    if rising_edge(clk) then
      valid <= input_valid & valid(1 to stages + 3);
      if reset then
        valid <= (others => '0');
      end if;
    end if;
  end process;

end architecture;
