-- Stores up to depth beats between two ready/valid streams, first word falling through.
--
--   output(n) = input(n)
--
-- Beat order: unchanged.
-- Latency: a beat pushed at edge t can be popped at edge t + 1. A beat popped at edge t frees its
-- place for a push at edge t + 1.
-- Throughput: one beat per cycle from depth 2 on; one beat in two cycles with depth 1.
-- Limits: input_ready is a register, output_valid the sign of a counter, so the FIFO cuts every path through it.

library ieee;
use ieee.std_logic_1164.all;

use work.millrace_pkg.all;

entity stream_fifo is
  generic (
    -- Beats that can be stored. Distributed RAM, where one LUT stores 32 x 2 or 64 x 1 bits; more
    -- than 64 beats and 4096 bits are block RAM.
    depth : positive;
    -- Bits per beat.
    width : positive;
    -- Whether nothing comes but what there is room for, so that input_ready is not looked at.
    is_reserved : boolean := false
  );
  port (
    clk : in std_ulogic;
    reset : in std_ulogic;
    --
    input_ready : out std_ulogic := '0';
    input_valid : in std_ulogic;
    input_data : in std_ulogic_vector(width - 1 downto 0);
    --
    output_ready : in std_ulogic;
    output_valid : out std_ulogic;
    output_data : out std_ulogic_vector(width - 1 downto 0)
  );
end entity;

architecture rtl of stream_fifo is

  constant in_block_ram : boolean := depth > 64 and depth * width > 4096;
  -- Up to 64, distributed RAM has a power of two of them, on which places wrap by themselves.
  constant places : positive := either(depth > 64, depth, 2 ** clog2(depth));

  type memory_t is array (0 to places - 1) of std_ulogic_vector(width - 1 downto 0);

  attribute ram_style : string;

  signal write_place, read_place : natural range 0 to places - 1 := 0;
  -- Beats that are stored, less one: the sign tells when there is none.
  signal stored : integer range -1 to depth - 1 := -1;
  signal push, pop : std_ulogic;

  -- The place after this one on the ring.
  function following (place : natural) return natural is
  begin
    if place = places - 1 then
      return 0;
    end if;
    return place + 1;
  end function;

begin

  output_valid <= '1' when stored >= 0 else '0';
  push <= input_valid when is_reserved else input_ready and input_valid;
  pop <= output_ready and output_valid;

  ------------------------------------------------------------------------------
  storage : if not in_block_ram generate
    signal memory : memory_t;
    attribute ram_style of memory : signal is "distributed";
  begin
    output_data <= memory(read_place);

    store : process (clk)
    begin
      if rising_edge(clk) then
        if push then
          memory(write_place) <= input_data;
        end if;
      end if;
    end process;
  else generate
    signal memory : memory_t;
    attribute ram_style of memory : signal is "block";
    signal next_read_place : natural range 0 to places - 1;
    signal stored_data, pushed_data : std_ulogic_vector(width - 1 downto 0);
    signal is_pushed : std_ulogic;
  begin
    -- The place of the next cycle is read in this one; a beat that is pushed to it meanwhile passes
    -- by the memory, whatever that makes of reading what is being written.
    next_read_place <= following(read_place) when pop else read_place;
    output_data <= pushed_data when is_pushed else stored_data;

    store : process (clk)
    begin
      if rising_edge(clk) then
        if push then
          memory(write_place) <= input_data;
        end if;
        stored_data <= memory(next_read_place);
        pushed_data <= input_data;
        is_pushed <= '1' when push = '1' and write_place = next_read_place else '0';
      end if;
    end process;
  end generate;

  ------------------------------------------------------------------------------

  count : process (clk)
  begin
    if rising_edge(clk) then
      if push then
        write_place <= following(write_place);
      end if;
      if pop then
        read_place <= following(read_place);
      end if;

      if push and not pop then
        stored <= stored + 1;
        input_ready <= '0' when stored = depth - 2 else '1';
      elsif pop and not push then
        stored <= stored - 1;
        input_ready <= '1';
      else
        input_ready <= '0' when stored = depth - 1 else '1';
      end if;

      if reset then
        write_place <= 0;
        read_place <= 0;
        stored <= -1;
        input_ready <= '1';
      end if;
    end if;
  end process;

end architecture;
