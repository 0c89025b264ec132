-- Sends every beat of a stream to several readers, all at the same edge.
--
--   output(way)(n) = input(n)
--
-- Beat order: unchanged.
-- Latency: none, there is no register: a beat passes at the edge at which all readers take it.
-- Limits: a way's valid waits for the other ways' ready. Therefore every reader must be a stream_fifo,
-- whose input_ready comes from a register and stays high until a beat is pushed. The depths of these
-- FIFOs decide how far the branches may run apart.
-- The name is not `fork`, which is a keyword of Verilog.

library ieee;
use ieee.std_logic_1164.all;

use work.millrace_pkg.all;

entity stream_fork is
  generic (
    -- Number of readers: an AND gate of as many inputs for each.
    ways : positive;
    -- Bits per beat; wires only.
    width : positive
  );
  port (
    input_ready : out std_ulogic;
    input_valid : in std_ulogic;
    input_data : in std_ulogic_vector(width - 1 downto 0);
    -- The data are shared.
    output_ready : in std_ulogic_vector(ways - 1 downto 0);
    output_valid : out std_ulogic_vector(ways - 1 downto 0);
    output_data : out std_ulogic_vector(width - 1 downto 0)
  );
end entity;

architecture rtl of stream_fork is

  constant it_forks : boolean := require(ways > 1,
    "stream_fork: ways must be at least 2; got " & integer'image(ways));

  -- Whether every way is ready but the given one, which does not matter.
  function others_ready (ready : std_ulogic_vector; way : natural) return std_ulogic is
    variable are_ready : std_ulogic := '1';
  begin
    for other in 0 to ways - 1 loop
      if other /= way then
        are_ready := are_ready and ready(ready'low + other);
      end if;
    end loop;
    return are_ready;
  end function;

begin

  input_ready <= and output_ready;
  output_data <= input_data;

  each_way : for way in 0 to ways - 1 generate
    output_valid(way) <= input_valid and others_ready(output_ready, way);
  end generate;

end architecture;
