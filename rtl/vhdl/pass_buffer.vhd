-- Keeps the beats of each pixel until a number about all of them is known: what lies between two passes over
-- the channels of a pixel, such as a maximum and what is done with it.
--
-- A beat is reserved, comes in at the same edge or later, and waits; behind the last beat of a pixel its
-- number comes in. The beats go out in order, each beside the number of its pixel.
--
-- Beat order: unchanged.
-- Latency: a beat or number that comes in at edge t can go out at edge t + 1.
-- Cycles per frame: one per beat, if depth covers a pixel and what happens until its number is known:
-- depth >= folds + edges from reserving a pixel's last beat to its number, + 1.
-- Memory: depth beats, and as many numbers as there are pixels among them.

library ieee;
use ieee.std_logic_1164.all;

entity pass_buffer is
  generic (
    -- Bits of a beat, and of a number: width of the memories.
    width : positive;
    number_width : positive;
    -- Beats per pixel.
    folds : positive;
    -- Beats on their way or waiting.
    depth : positive
  );
  port (
    clk : in std_ulogic;
    reset : in std_ulogic;
    -- Room for a beat, and for its pixel's number if it is the last one.
    reservable : out std_ulogic;
    reserve : in std_ulogic;
    --
    beat_valid : in std_ulogic;
    beat_data : in std_ulogic_vector(width - 1 downto 0);
    --
    number_valid : in std_ulogic;
    number_data : in std_ulogic_vector(number_width - 1 downto 0);
    --
    output_ready : in std_ulogic;
    output_valid : out std_ulogic;
    output_data : out std_ulogic_vector(width - 1 downto 0);
    output_number : out std_ulogic_vector(number_width - 1 downto 0)
  );
end entity;

architecture rtl of pass_buffer is

  signal fold_reserved, fold_sent : natural range 0 to folds - 1 := 0;
  signal is_last_reserved, is_last_sent, take : std_ulogic;
  signal beat_reservable, beat_known, number_reservable, number_known : std_ulogic;
  signal number_reserved, number_used : std_ulogic;

begin

  is_last_reserved <= '1' when fold_reserved = folds - 1 else '0';
  reservable <= beat_reservable and (number_reservable or not is_last_reserved);
  number_reserved <= reserve and is_last_reserved;

  is_last_sent <= '1' when fold_sent = folds - 1 else '0';
  output_valid <= beat_known and number_known;
  take <= output_valid and output_ready;
  number_used <= take and is_last_sent;

  beats : entity work.reserving_fifo
    generic map (depth => depth, width => width)
    port map (
      clk => clk,
      reset => reset,
      reservable => beat_reservable,
      reserve => reserve,
      input_valid => beat_valid,
      input_data => beat_data,
      output_ready => take,
      output_valid => beat_known,
      output_data => output_data
    );

  numbers : entity work.reserving_fifo
    generic map (depth => (depth + folds - 1) / folds, width => number_width)
    port map (
      clk => clk,
      reset => reset,
      reservable => number_reservable,
      reserve => number_reserved,
      input_valid => number_valid,
      input_data => number_data,
      output_ready => number_used,
      output_valid => number_known,
      output_data => output_number
    );

  count : process (clk)
  begin
    if rising_edge(clk) then
      -- GHDL's synthesis refuses the sum where a counter has but one value.
      if folds > 1 then
        if reserve then
          fold_reserved <= 0 when is_last_reserved = '1' else fold_reserved + 1;
        end if;
        if take then
          fold_sent <= 0 when is_last_sent = '1' else fold_sent + 1;
        end if;
      end if;

      if reset then
        fold_reserved <= 0;
        fold_sent <= 0;
      end if;
    end if;
  end process;

end architecture;
