-- Walks a window along one dimension of an image, a position and a beat of it at a time: the controller of
-- sliding_maximum and sliding_sum.
--
--   for each outer, for position = 0 .. last, for index = 0 .. inner - 1: one step
--   last = max(length - 1, end of the last window)
--
-- A step takes an input beat while position < length; the *flush* steps behind it, up to the end of the last
-- window, take none, and those behind the last window are taken and dropped. A step at the end of a window
-- yields: it waits until the client can hold its result (`reservable`) and pulses `reserve`. The next outer
-- follows without a gap.
--
-- Beat order: (outer, position, inner), inner fastest.
-- Latency: none; `step` and `reserve` belong to the edge at which an input beat is taken.
-- Cycles per outer: inner * (last + 1).

library ieee;
use ieee.std_logic_1164.all;

use work.millrace_pkg.all;

entity sliding_steps is
  generic (
    -- Positions that are real, per outer.
    length : positive;
    -- Positions of a window, and from one window to the next.
    kernel : positive;
    stride : positive;
    -- Positions of padding in front of and behind the real ones; each below kernel.
    pad_begin : natural;
    pad_end : natural;
    -- Beats of one position.
    inner : positive
  );
  port (
    clk : in std_ulogic;
    reset : in std_ulogic;
    --
    input_ready : out std_ulogic;
    input_valid : in std_ulogic;
    -- Room for a result, and the pulse that takes it.
    reservable : in std_ulogic;
    reserve : out std_ulogic;
    -- There is a step at the next edge, and what it is:
    step : out std_ulogic;
    -- it takes an input beat, or is beyond the image;
    takes_input : out std_ulogic := '1';
    -- it is at the first position, at one of the first `kernel`, at the first one of a window;
    is_first : out std_ulogic := '1';
    is_early : out std_ulogic := '1';
    is_start : out std_ulogic;
    -- the beat of the position.
    index : out natural range 0 to inner - 1 := 0
  );
end entity;

architecture rtl of sliding_steps is

  -- Before the beginning of the first window there is nothing, so it begins at the first position.
  constant first_end : natural := kernel - 1 - pad_begin;
  constant last_end : natural := first_end + (places(length, pad_begin, pad_end, kernel, stride) - 1) * stride;
  constant last_position : natural := larger(length - 1, last_end);
  -- No step is beyond the image. To synthesis a position is its bits, not its range, so this tells it that
  -- clients need no gates for padding.
  constant all_take : boolean := last_position < length;

  -- The flags are functions of these, kept in registers for the sake of input_ready.
  signal position : natural range 0 to last_position := 0;
  signal until_end : natural range 0 to larger(kernel, stride) - 1 := first_end;
  signal yields : boolean := first_end = 0;
  signal may_step : std_ulogic;

begin

  may_step <= '1' when reservable = '1' or not yields else '0';
  input_ready <= takes_input and may_step;
  step <= (input_valid or not takes_input) and may_step;
  reserve <= step when yields else '0';
  is_start <= '1' when is_first = '1' or until_end = kernel - 1 else '0';

  control : process (clk)
    variable next_position : natural range 0 to last_position;
    variable next_until_end : natural range 0 to larger(kernel, stride) - 1;
  begin
    if rising_edge(clk) then
      if step then
        if index /= inner - 1 then
          index <= index + 1;
        else
          index <= 0;

          if position = last_position then
            next_position := 0;
            next_until_end := first_end;
          else
            next_position := position + 1;
            if until_end = 0 then
              next_until_end := stride - 1;
            else
              next_until_end := until_end - 1;
            end if;
          end if;

          position <= next_position;
          until_end <= next_until_end;
          is_first <= '1' when next_position = 0 else '0';
          is_early <= '1' when next_position < kernel else '0';
          takes_input <= '1' when all_take or next_position < length else '0';
          yields <= next_until_end = 0;
        end if;
      end if;

      if reset then
        index <= 0;
        position <= 0;
        until_end <= first_end;
        is_first <= '1';
        is_early <= '1';
        takes_input <= '1';
        yields <= first_end = 0;
      end if;
    end if;
  end process;

end architecture;
