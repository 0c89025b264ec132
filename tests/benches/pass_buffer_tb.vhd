-- Bench of pass_buffer around a sum of each pixel's beats, modulo 256, that is known `reduction` edges after
-- the last one. A beat comes in `delay` edges after it was reserved. The scenarios are those of stream_bench.

library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;

library vunit_lib;
context vunit_lib.vunit_context;

entity pass_buffer_tb is
  generic (
    runner_cfg : string;
    seed : positive;
    folds : positive;
    depth : positive;
    delay : natural;
    reduction : positive;
    first_edge : integer;
    last_edge : integer
  );
end entity;

architecture bench of pass_buffer_tb is

  signal finished : boolean;
  signal clk, reset : std_ulogic;
  signal input_ready, input_valid, output_ready, output_valid, take : std_ulogic;
  signal input_data : std_ulogic_vector(7 downto 0);
  signal output_data : std_ulogic_vector(15 downto 0);

  -- Place 0 is the edge of taking.
  type beats_t is array (natural range <>) of std_ulogic_vector(7 downto 0);
  signal beats : beats_t(0 to delay);
  signal beats_valid : std_ulogic_vector(0 to delay) := (others => '0');
  signal sums : beats_t(1 to reduction);
  signal sums_valid : std_ulogic_vector(1 to reduction) := (others => '0');
  signal fold : natural range 0 to folds - 1 := 0;
  signal sum : unsigned(7 downto 0) := (others => '0');

begin

  main : process
  begin
    test_runner_setup(runner, runner_cfg);
    wait until finished;
    test_runner_cleanup(runner);
  end process;

  bench : entity work.stream_bench
    generic map (
      configuration_text => runner_cfg,
      input_width => input_data'length,
      output_width => output_data'length,
      seed => seed,
      first_edge => first_edge,
      last_edge => last_edge
    )
    port map (
      finished => finished,
      clk => clk,
      reset => reset,
      input_ready => input_ready,
      input_valid => input_valid,
      input_data => input_data,
      output_ready => output_ready,
      output_valid => output_valid,
      output_data => output_data
    );

  take <= input_valid and input_ready;
  beats(0) <= input_data;
  beats_valid(0) <= take;

  reduce : process (clk)
    variable present : unsigned(7 downto 0);
  begin
    if rising_edge(clk) then
      beats(1 to delay) <= beats(0 to delay - 1);
      beats_valid(1 to delay) <= beats_valid(0 to delay - 1);
      for place in 2 to reduction loop
        sums(place) <= sums(place - 1);
        sums_valid(place) <= sums_valid(place - 1);
      end loop;
      present := sum + unsigned(input_data);
      sums(1) <= std_ulogic_vector(present);
      sums_valid(1) <= '0';
      if take then
        sum <= present;
        fold <= (fold + 1) mod folds;
        if fold = folds - 1 then
          sum <= (others => '0');
          sums_valid(1) <= '1';
        end if;
      end if;

      if reset then
        beats_valid(1 to delay) <= (others => '0');
        sums_valid <= (others => '0');
        sum <= (others => '0');
        fold <= 0;
      end if;
    end if;
  end process;

  dut : entity work.pass_buffer
    generic map (
      width => 8,
      number_width => 8,
      folds => folds,
      depth => depth
    )
    port map (
      clk => clk,
      reset => reset,
      reservable => input_ready,
      reserve => take,
      beat_valid => beats_valid(delay),
      beat_data => beats(delay),
      number_valid => sums_valid(reduction),
      number_data => sums(reduction),
      output_ready => output_ready,
      output_valid => output_valid,
      output_data => output_data(7 downto 0),
      output_number => output_data(15 downto 8)
    );

end architecture;
