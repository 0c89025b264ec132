-- Layers in a row that read all of a pixel at a time, with adders for multipliers, as a single pipeline.
--
--   output = what adder_graph makes of the input beat
--
-- Composed of adder_graph -> reserving_fifo. Between the layers there is nothing but the registers of
-- adder_graph, wherever these fall: no FIFO, and no end of a stage. A beat goes into the adders as it comes,
-- and from the last ones into the FIFO.
--
-- Beat order: unchanged, a beat out for each beat in.
-- Latency: from taking a beat to the push into the FIFO: `stages` edges.
-- Cycles per frame: one per beat, if fifo_depth >= stages + 2.
-- Limits: those of adder_graph. input_ready is a sign of a counter; input_data is read by adders, so it should
-- come from registers.

library ieee;
use ieee.std_logic_1164.all;

use work.millrace_pkg.all;

entity adder_chain is
  generic (
    -- See adder_graph.
    input_bits : positive range 1 to 16;
    input_signed : boolean;
    inputs : positive range 1 to 65535;
    operations : natural range 0 to 65535;
    outputs : positive range 1 to 65535;
    output_bits : positive range 1 to 16;
    base : integer := 0;
    stages : natural;
    offset_bits : positive;
    graph : rom_words_t;
    sums : rom_words_t;
    offsets : rom_words_t;
    -- Beats under way or waiting: distributed RAM. At full speed it covers the latency.
    fifo_depth : positive
  );
  port (
    clk : in std_ulogic;
    reset : in std_ulogic;
    --
    input_ready : out std_ulogic;
    input_valid : in std_ulogic;
    input_data : in std_ulogic_vector(inputs * input_bits - 1 downto 0);
    --
    output_ready : in std_ulogic;
    output_valid : out std_ulogic;
    output_data : out std_ulogic_vector(outputs * output_bits - 1 downto 0)
  );
end entity;

architecture rtl of adder_chain is

  signal reservable, taken, result_valid : std_ulogic;
  signal result_data : std_ulogic_vector(outputs * output_bits - 1 downto 0);

begin

  input_ready <= reservable;
  taken <= input_valid and reservable;

  adders : entity work.adder_graph
    generic map (
      input_bits => input_bits,
      input_signed => input_signed,
      inputs => inputs,
      operations => operations,
      outputs => outputs,
      output_bits => output_bits,
      base => base,
      stages => stages,
      offset_bits => offset_bits,
      graph => graph,
      sums => sums,
      offsets => offsets
    )
    port map (
      clk => clk,
      reset => reset,
      input_valid => taken,
      input_data => input_data,
      output_valid => result_valid,
      output_data => result_data
    );

  buffered : entity work.reserving_fifo
    generic map (
      depth => fifo_depth,
      width => outputs * output_bits
    )
    port map (
      clk => clk,
      reset => reset,
      reservable => reservable,
      reserve => taken,
      input_valid => result_valid,
      input_data => result_data,
      output_ready => output_ready,
      output_valid => output_valid,
      output_data => output_data
    );

end architecture;
