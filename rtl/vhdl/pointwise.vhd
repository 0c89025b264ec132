-- A function of each beat alone: a requantization (affine layers) or a table (activations).
--
--   op_requantize: output(c) = clamp((input(c) * multiplier(c) + offset(c)) >> shift, low, high)
--   op_lookup:     output(c) = table(bit pattern of input(c))
--
-- Beat order: unchanged; `folds` beats of `lanes` channels per pixel.
-- Latency: 1 + 4 (requantize) or 1 + 1 (lookup) edges from taking a beat to its push into the FIFO;
-- it can be taken one edge later.
-- Cycles per frame: one per beat.
-- Limits: a beat per cycle needs fifo_depth >= 7 (requantize) or 4 (lookup).

library ieee;
use ieee.std_logic_1164.all;

use work.millrace_pkg.all;

entity pointwise is
  generic (
    operation : pointwise_operation_t;
    -- One channel on each side.
    input_bits : positive range 1 to 32;
    input_signed : boolean;
    output_bits : positive range 1 to 32;
    output_signed : boolean;
    -- Channels per beat; each costs a multiplier or a table.
    lanes : positive;
    -- Beats per pixel.
    folds : positive;
    -- op_requantize: see `requantize`. Parameters in the order of the channels.
    multiplier_bits : positive := 1;
    offset_bits : positive := 1;
    shift : natural := 0;
    low : integer := 0;
    high : integer := 0;
    multipliers : rom_words_t := no_table;
    offsets : rom_words_t := no_table;
    -- op_lookup: see `lookup`.
    shared_table : boolean := true;
    table : rom_words_t := no_table;
    -- Beats of the output FIFO.
    fifo_depth : positive
  );
  port (
    clk : in std_ulogic;
    reset : in std_ulogic;
    --
    input_ready : out std_ulogic;
    input_valid : in std_ulogic;
    input_data : in std_ulogic_vector(lanes * input_bits - 1 downto 0);
    --
    output_ready : in std_ulogic;
    output_valid : out std_ulogic;
    output_data : out std_ulogic_vector(lanes * output_bits - 1 downto 0)
  );
end entity;

architecture rtl of pointwise is

  signal reservable : std_ulogic;
  signal reserve : std_ulogic;

  signal operand : std_ulogic_vector(input_data'range);
  signal operand_valid : std_ulogic := '0';
  signal result : std_ulogic_vector(output_data'range);
  signal result_valid : std_ulogic;

begin

  input_ready <= reservable;
  reserve <= input_valid and reservable;

  ------------------------------------------------------------------------------
  input_register : process (clk)
  begin
    if rising_edge(clk) then
      operand <= input_data;
      operand_valid <= reserve and not reset;
    end if;
  end process;

  ------------------------------------------------------------------------------
  choose : if operation = op_requantize generate

    -- An unsigned operand gets a sign bit: `requantize` takes signed ones.
    affine : entity work.requantize
      generic map (
        input_bits => value_bits(input_bits, input_signed),
        output_bits => output_bits,
        output_signed => output_signed,
        multiplier_bits => multiplier_bits,
        offset_bits => offset_bits,
        shift => shift,
        low => low,
        high => high,
        lanes => lanes,
        folds => folds,
        multipliers => multipliers,
        offsets => offsets
      )
      port map (
        clk => clk,
        reset => reset,
        --
        input_valid => operand_valid,
        input_data => resize_lanes(operand, input_bits, value_bits(input_bits, input_signed), input_signed),
        --
        output_valid => result_valid,
        output_data => result
      );

  else generate

    activation : entity work.lookup
      generic map (
        input_bits => input_bits,
        output_bits => output_bits,
        lanes => lanes,
        is_shared => shared_table,
        folds => folds,
        table => table
      )
      port map (
        clk => clk,
        reset => reset,
        --
        input_valid => operand_valid,
        input_data => operand,
        --
        output_valid => result_valid,
        output_data => result
      );

  end generate;

  ------------------------------------------------------------------------------
  output_fifo : entity work.reserving_fifo
    generic map (
      depth => fifo_depth,
      width => lanes * output_bits
    )
    port map (
      clk => clk,
      reset => reset,
      --
      reservable => reservable,
      reserve => reserve,
      --
      input_valid => result_valid,
      input_data => result,
      --
      output_ready => output_ready,
      output_valid => output_valid,
      output_data => output_data
    );

end architecture;
