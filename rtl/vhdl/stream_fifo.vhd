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
    -- Beats that can be stored. Up to 64 distributed RAM, where one LUT stores 32 x 2 or 64 x 1 bits; of more
    -- the first are such, and those behind them in block RAM where that is cheaper, read ahead.
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

  -- The place after this one on a ring of places.
  function following (place : natural; places : positive) return natural is
  begin
    if place = places - 1 then
      return 0;
    end if;
    return place + 1;
  end function;

  attribute ram_style : string;

  -- Beats that are stored, less one: the sign tells when there is none.
  signal stored : integer range -1 to depth - 1 := -1;
  signal push, pop : std_ulogic;

begin

  output_valid <= '1' when stored >= 0 else '0';
  push <= input_valid when is_reserved else input_ready and input_valid;
  pop <= output_ready and output_valid;

  ------------------------------------------------------------------------------
  shallow : if depth <= 64 generate
    -- A power of two, on which places wrap by themselves.
    constant places : positive := 2 ** clog2(depth);

    type memory_t is array (0 to places - 1) of std_ulogic_vector(width - 1 downto 0);

    signal write_place, read_place : natural range 0 to places - 1 := 0;
    signal memory : memory_t;
    attribute ram_style of memory : signal is "distributed";
  begin
    output_data <= memory(read_place);

    store : process (clk)
    begin
      if rising_edge(clk) then
        if push then
          memory(write_place) <= input_data;
          write_place <= following(write_place, places);
        end if;
        if pop then
          read_place <= following(read_place, places);
        end if;

        if reset then
          write_place <= 0;
          read_place <= 0;
        end if;
      end if;
    end process;
  end generate;

  ------------------------------------------------------------------------------
  -- The first beats are in `front`. Those behind them wait in a memory with two registers behind it, so that
  -- a beat comes to the front at the second edge after the one at which it was read. A beat for which there
  -- is room in front passes the memory by, behind those that are under way, so that `front` has one
  -- whenever there is one at all.
  deep : if depth > 64 generate
    constant front_places : positive := 4;
    constant places : positive := depth - front_places;

    type front_t is array (0 to front_places - 1) of std_ulogic_vector(width - 1 downto 0);
    type memory_t is array (0 to places - 1) of std_ulogic_vector(width - 1 downto 0);

    -- From where the next beat comes to the front: of those that pass by, when they are one or two edges old.
    type source_t is (from_input, from_passing, from_passed, from_memory);

    -- Half a block RAM, of up to 36 bits per word, for 40 outputs of 64 words in LUTs and what chooses among them.
    function ram_style_of_memory return string is
    begin
      if (places + 63) / 64 * width > 40 * ((width + 35) / 36) then
        return "block";
      end if;
      return "distributed";
    end function;

    signal front : front_t;
    attribute ram_style of front : signal is "distributed";
    signal front_write_place, front_read_place : natural range 0 to front_places - 1 := 0;
    signal memory : memory_t;
    attribute ram_style of memory : signal is ram_style_of_memory;
    signal write_place, read_place : natural range 0 to places - 1 := 0;
    -- Beats in memory, and places of the front that no beat has or is under way to; less one.
    signal waiting : integer range -1 to places - 1 := -1;
    signal room : integer range -1 to front_places - 1 := front_places - 1;
    signal memory_data, read_data, passing, passed, front_data : std_ulogic_vector(width - 1 downto 0);
    signal source : source_t := from_input;
    -- A beat is one edge away from being next; it was read.
    signal is_under_way, is_read : std_ulogic := '0';
    signal read, pass, front_push : std_ulogic;
  begin
    output_data <= front(front_read_place);

    read <= '1' when waiting >= 0 and room >= 0 else '0';
    pass <= push when waiting < 0 and room >= 0 else '0';
    front_push <= '1' when source /= from_input else pass and not is_under_way;

    -- A choice for all values of an enumeration is a latch in GHDL's Verilog.
    front_data <= input_data when source = from_input
      else passing when source = from_passing
      else passed when source = from_passed
      else read_data;

    store : process (clk)
    begin
      if rising_edge(clk) then
        if push and not pass then
          memory(write_place) <= input_data;
          write_place <= following(write_place, places);
        end if;
        if front_push then
          front(front_write_place) <= front_data;
          front_write_place <= following(front_write_place, front_places);
        end if;
        memory_data <= memory(read_place);
        read_data <= memory_data;
        passing <= input_data;
        passed <= passing;
        if read then
          read_place <= following(read_place, places);
        end if;
        if pop then
          front_read_place <= following(front_read_place, front_places);
        end if;

        is_read <= read;
        is_under_way <= read or (pass and is_under_way);
        if is_under_way then
          source <= from_memory when is_read else from_passed;
        elsif pass = '1' and source /= from_input then
          source <= from_passing;
        else
          source <= from_input;
        end if;

        if push and not pass and not read then
          waiting <= waiting + 1;
        elsif read and not (push and not pass) then
          waiting <= waiting - 1;
        end if;
        if (read or pass) and not pop then
          room <= room - 1;
        elsif pop and not (read or pass) then
          room <= room + 1;
        end if;

        if reset then
          write_place <= 0;
          read_place <= 0;
          front_write_place <= 0;
          front_read_place <= 0;
          waiting <= -1;
          room <= front_places - 1;
          source <= from_input;
          is_under_way <= '0';
        end if;
      end if;
    end process;
  end generate;

  ------------------------------------------------------------------------------

  count : process (clk)
  begin
    if rising_edge(clk) then
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
        stored <= -1;
        input_ready <= '1';
      end if;
    end if;
  end process;

end architecture;
