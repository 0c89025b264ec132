-- The window of a dense layer: keeps pixels whole and sends each of them several times.
--
--   for each pixel, for replay 0 .. replays - 1: group(replay) = the pixel's words, in order
--
-- What window does for kernels of one pixel, at the same edges, with counters for the places of words.
--
-- Beat order: a pixel's words in the order in which they came, `replays` times.
-- Latency: a pixel whose last word is taken at edge t may be issued from edge t + 1 on. A group starts when
-- its pixel is there and `reservable` is high, and pulses reserve at its first beat's issue edge; it has no
-- gaps, nor need there be any between groups. The output registers take a beat at its issue edge.
-- Cycles per frame: words * replays for each pixel.
-- Memory: slots of a power of two words each, as many as a power of two.
-- Limits: a word is taken while fewer than `slots` whole pixels are kept. A pixel is kept until its last beat
-- is issued.

library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;

use work.millrace_pkg.all;

entity pixel_window is
  generic (
    -- Bits of a word.
    width : positive;
    -- Words of a pixel, the beats of a group.
    words : positive;
    -- Groups of a pixel.
    replays : positive;
    -- Pixels that are kept: memory.
    slots : positive
  );
  port (
    clk : in std_ulogic;
    reset : in std_ulogic;
    --
    input_ready : out std_ulogic;
    input_valid : in std_ulogic;
    input_data : in std_ulogic_vector(width - 1 downto 0);
    -- Room for the results of a group, and the pulse that takes it.
    reservable : in std_ulogic;
    reserve : out std_ulogic;
    --
    output_valid : out std_ulogic := '0';
    output_data : out std_ulogic_vector(width - 1 downto 0)
  );
end entity;

architecture rtl of pixel_window is

  constant several_slots : boolean := require(slots > 1,
    "pixel_window: slots must be 2 or more; got " & integer'image(slots));

  constant word_bits : natural := clog2(words);
  constant slot_bits : positive := clog2(slots);
  constant address_bits : positive := word_bits + slot_bits;

  type memory_t is array (0 to 2 ** address_bits - 1) of std_ulogic_vector(width - 1 downto 0);

  signal memory : memory_t;

  -- Of the word to take, and of the one to issue: the slot, and the place in it.
  signal write_slot, read_slot : unsigned(slot_bits - 1 downto 0) := (others => '0');
  signal write_word, read_word : natural range 0 to words - 1 := 0;
  -- It is the pixel's last one, or the group's.
  signal ends_pixel, ends_group : std_ulogic;
  -- The beat to issue is a group's first one; groups of the pixel behind this one, less one.
  signal first : std_ulogic := '1';
  signal replays_left : integer range -1 to replays - 2 := replays - 2;
  -- Pixels that are kept, less one: its sign says that there is none.
  signal kept : integer range -1 to slots - 1 := -1;
  signal is_full : std_ulogic := '0';
  signal write, issue, comes, goes : std_ulogic;

  function address (slot : unsigned; word : natural) return natural is
  begin
    if words = 1 then
      return to_integer(slot);
    end if;
    return to_integer(slot & to_unsigned(word, word_bits));
  end function;

  -- The place after this one in a slot; of a power of two it is the first one by itself.
  function following (word : natural) return natural is
  begin
    if words = 1 then
      return 0;
    elsif words = 2 ** word_bits then
      return to_integer(to_unsigned(word, word_bits) + 1);
    elsif word = words - 1 then
      return 0;
    end if;
    return word + 1;
  end function;

begin

  input_ready <= not is_full;
  write <= input_valid and not is_full;
  ends_pixel <= '1' when write_word = words - 1 else '0';
  comes <= write and ends_pixel;

  issue <= '1' when first = '0' or (reservable = '1' and kept >= 0) else '0';
  reserve <= issue and first;
  ends_group <= '1' when read_word = words - 1 else '0';
  goes <= '1' when issue = '1' and ends_group = '1' and replays_left < 0 else '0';

  store : process (clk)
  begin
    if rising_edge(clk) then
      if write then
        memory(address(write_slot, write_word)) <= input_data;
      end if;
      -- What is read without being issued is not looked at.
      output_data <= memory(address(read_slot, read_word));
    end if;
  end process;

  control : process (clk)
  begin
    if rising_edge(clk) then
      if write then
        write_word <= following(write_word);
      end if;
      if comes then
        write_slot <= (others => '0') when write_slot = slots - 1 else write_slot + 1;
      end if;

      output_valid <= issue;
      if issue then
        first <= ends_group;
        read_word <= following(read_word);
        if ends_group then
          replays_left <= replays - 2 when replays_left < 0 else replays_left - 1;
        end if;
      end if;
      if goes then
        read_slot <= (others => '0') when read_slot = slots - 1 else read_slot + 1;
      end if;

      if comes and not goes then
        kept <= kept + 1;
        is_full <= '1' when kept = slots - 2 else '0';
      elsif goes and not comes then
        kept <= kept - 1;
        is_full <= '0';
      end if;

      if reset then
        write_word <= 0;
        write_slot <= (others => '0');
        first <= '1';
        read_word <= 0;
        read_slot <= (others => '0');
        replays_left <= replays - 2;
        kept <= -1;
        is_full <= '0';
        output_valid <= '0';
      end if;
    end if;
  end process;

end architecture;
