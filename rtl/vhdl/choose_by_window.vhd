-- Chooses one of several codes for each window of a frame.
--
--   for each window of a frame, for fold = 0 .. folds - 1:
--     output = input(set_number(window))
--
-- Beat order: one beat out for each beat in, valid only, never stalled.
-- Latency: none: wires if there is one set, else a multiplexer. Its number is in a register before the beat comes.
-- Cycles per frame: one per beat.

library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;

use work.millrace_pkg.all;

entity choose_by_window is
  generic (
    -- Bits of a beat.
    width : positive;
    -- Beats to choose one from.
    sets : positive;
    -- Windows of a frame, and beats of one.
    windows : positive range 1 to 65536;
    folds : positive;
    -- With several sets 2 ** clog2(windows) numbers, clog2(sets) bits each.
    set_numbers : rom_words_t := no_table
  );
  port (
    clk : in std_ulogic;
    reset : in std_ulogic;
    --
    input_valid : in std_ulogic;
    input_data : in std_ulogic_vector(sets * width - 1 downto 0);
    output_data : out std_ulogic_vector(width - 1 downto 0)
  );
end entity;

architecture rtl of choose_by_window is

  constant windows_suffice : boolean := require(windows >= sets,
    "choose_by_window: windows must be at least sets; got " & integer'image(windows));

begin

  alike : if sets = 1 generate
    output_data <= input_data;
  else generate
    constant window_bits : positive := clog2(windows);

    -- Those of the beat that comes next.
    signal fold : natural range 0 to folds - 1 := 0;
    signal window, next_window : natural range 0 to windows - 1 := 0;
    signal set_number : std_ulogic_vector(clog2(sets) - 1 downto 0);
  begin

    advance : process (all)
    begin
      next_window <= window;
      if reset then
        next_window <= 0;
      elsif input_valid = '1' and fold = folds - 1 then
        if window = windows - 1 then
          next_window <= 0;
        else
          next_window <= window + 1;
        end if;
      end if;
    end process;

    count : process (clk)
    begin
      if rising_edge(clk) then
        window <= next_window;
        if input_valid then
          if fold = folds - 1 then
            fold <= 0;
          elsif folds > 1 then
            fold <= fold + 1;
          end if;
        end if;

        if reset then
          fold <= 0;
        end if;
      end if;
    end process;

    numbers : entity work.lookup
      generic map (
        input_bits => window_bits,
        output_bits => clog2(sets),
        lanes => 1,
        table => set_numbers
      )
      port map (
        clk => clk,
        reset => reset,
        --
        input_valid => '1',
        input_data => std_ulogic_vector(to_unsigned(next_window, window_bits)),
        --
        output_valid => open,
        output_data => set_number
      );

    choose : process (all)
    begin
      output_data <= input_data(width - 1 downto 0);
      for set in 1 to sets - 1 loop
        if unsigned(set_number) = set then
          output_data <= input_data((set + 1) * width - 1 downto set * width);
        end if;
      end loop;
    end process;

  end generate;

end architecture;
