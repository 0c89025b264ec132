-- Pads an image and sends every window of it: the data side of a convolution.
--
--   for oy, ox in raster order, for block, for replay in 0 .. replays - 1:  -- one group
--     for ky, kx, for channel word c of the block:                          -- one beat
--       y = oy * stride_height - pad_top + ky * dilation_height, x likewise
--       output(lane) = input(y, x, c * simd + lane) inside of the image, else pad_value
--
-- Beat order: channel fastest, then kernel column, kernel row, replay, block, ox, oy. Frames follow each
-- other without a gap: the next one is written while the last one is still read.
-- Latency: a word written at edge t can be read, that is issued, at edge t + 1. A group starts when the
-- last of its pixels and all before it have been written and the client has room (`reservable`); the
-- last group of a frame also waits for the whole frame. It pulses `reserve` at the edge of its first
-- beat and runs on without gaps. A beat that is issued at edge t is there after that edge, of a padded image
-- after the next: a register behind the memory. docs/elements.md has the exact rules.
-- Cycles per frame: windows * replays * kernel_height * kernel_width * channels / simd.
-- Limits: the image rows of a window, a stride and extra_rows are buffered in block RAM. A 1x1 window
-- that visits each pixel needs no rows: two pixels are buffered, or none at all without replays.

library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;

use work.millrace_pkg.all;
use work.window_pkg.all;

entity window is
  generic (
    -- Width of a value: width of the buffer.
    bits : positive range 1 to 16;
    -- Image: height costs counter bits only, width * channels is the length of a buffered row.
    height : positive;
    width : positive;
    channels : positive;
    -- Taps, their distance, and the distance of windows: all of it in rows costs buffer.
    kernel_height : positive;
    kernel_width : positive;
    stride_height : positive := 1;
    stride_width : positive := 1;
    dilation_height : positive := 1;
    dilation_width : positive := 1;
    -- Rows and columns around the image; comparators and a multiplexer if there are any.
    pad_top : natural := 0;
    pad_left : natural := 0;
    pad_bottom : natural := 0;
    pad_right : natural := 0;
    -- Bit pattern of a value outside of the image.
    pad_value : natural := 0;
    -- Values per beat; divides channels. Width of the buffer.
    simd : positive;
    -- How often each window is sent: once per fold of the output channels.
    replays : positive := 1;
    -- Equal parts of the channels, of which each has its own groups; one per channel word for depthwise
    -- convolutions. A counter.
    blocks : positive := 1;
    -- Rows buffered beyond those the window needs; lets a bursty source run ahead.
    extra_rows : natural := 0
  );
  port (
    clk : in std_ulogic;
    reset : in std_ulogic;
    --
    input_ready : out std_ulogic;
    input_valid : in std_ulogic;
    input_data : in std_ulogic_vector(simd * bits - 1 downto 0);
    -- Room for a group's result, and the pulse that takes it.
    reservable : in std_ulogic;
    reserve : out std_ulogic;
    --
    output_valid : out std_ulogic := '0';
    output_data : out std_ulogic_vector(simd * bits - 1 downto 0)
  );
end entity;

architecture rtl of window is

  constant simd_divides : boolean := require(channels mod simd = 0,
    "window: simd must divide channels; got " & integer'image(simd));
  constant blocks_divide : boolean := require(channels / simd mod blocks = 0,
    "window: blocks must divide channels / simd; got " & integer'image(blocks));
  constant has_padding : boolean := pad_top + pad_left + pad_bottom + pad_right > 0;
  constant pad_value_fits : boolean := require(fits(pad_value, bits, false),
    "window: pad_value must be a bit pattern of `bits` bits; got " & integer'image(pad_value));

  -- Every pixel is a window. The image is then seen as a column of pixels.
  constant is_pointwise : boolean := kernel_height * kernel_width * stride_height * stride_width = 1
    and not has_padding;

  constant geometry : geometry_t := (
    rows => either(is_pointwise, height * width, height),
    columns => either(is_pointwise, 1, width),
    pixel_words => channels / simd,
    blocks => blocks,
    kernel_height => kernel_height,
    kernel_width => kernel_width,
    stride_height => stride_height,
    stride_width => stride_width,
    dilation_height => dilation_height,
    dilation_width => dilation_width,
    pad_top => pad_top,
    pad_left => pad_left,
    pad_bottom => pad_bottom,
    pad_right => pad_right,
    buffer_rows => (kernel_height - 1) * dilation_height + 1 + stride_height + extra_rows
  );
  constant fits_down : boolean := require(lines(geometry) > 0,
    "window: kernel must not be higher than the padded image; got " & integer'image(kernel_height));
  constant fits_across : boolean := require(line_places(geometry) > 0,
    "window: kernel must not be wider than the padded image; got " & integer'image(kernel_width));

  -- Counters run from count - 2 down to -1, so that the sign tells the last round.
  constant last_word : integer := channels / simd / blocks - 2;

begin

  direct : if is_pointwise and replays = 1 generate
    signal words_left : integer range -1 to last_word := last_word;
    signal first : std_ulogic := '1';
    signal take : std_ulogic;
  begin

    input_ready <= reservable or not first;
    take <= input_valid and (reservable or not first);
    reserve <= take and first;

    forward : process (clk)
    begin
      if rising_edge(clk) then
        output_data <= input_data;
        output_valid <= take;
        if take then
          first <= '1' when words_left < 0 else '0';
          words_left <= last_word when words_left < 0 else words_left - 1;
        end if;

        if reset then
          output_valid <= '0';
          first <= '1';
          words_left <= last_word;
        end if;
      end if;
    end process;

  end generate;

  -- Pixels that are kept whole in slots of a power of two, a place of which is a counter.
  pixels : if is_pointwise and replays > 1 and keeps_pixels(geometry) generate
    buffered : entity work.pixel_window
      generic map (
        width => simd * bits,
        words => channels / simd,
        replays => replays,
        slots => geometry.buffer_rows
      )
      port map (
        clk => clk,
        reset => reset,
        input_ready => input_ready,
        input_valid => input_valid,
        input_data => input_data,
        reservable => reservable,
        reserve => reserve,
        output_valid => output_valid,
        output_data => output_data
      );
  end generate;

  buffered : if not is_pointwise or (replays > 1 and not keeps_pixels(geometry)) generate

    constant row_move : moves_t := row_moves(geometry);
    constant column_move : moves_t := column_moves(geometry);
    constant word_move : moves_t := word_moves(geometry);
    -- Words that are kept, and those of the ring in which they lie.
    constant kept_words : positive := buffer_words(geometry);
    constant words : positive := ring_words(geometry);
    constant address_bits : positive := clog2(words);
    constant wraps_by_itself : boolean := words = 2 ** address_bits;

    constant last_column : integer := kernel_width - 2;
    constant last_row : integer := kernel_height - 2;
    constant last_replay : integer := replays - 2;
    constant last_block : integer := blocks - 2;
    constant last_written_word : integer := channels / simd - 2;
    constant last_place : integer := line_places(geometry) - 2;
    constant last_line : integer := lines(geometry) - 2;
    -- Lines to look at for edges: pixels seen as lines have none.
    constant edge_lines : natural := either(is_pointwise, 0, lines(geometry) - 1);

    -- Pixels that the first window needs, and those that a frame has beyond its last window's need: the
    -- last group of a frame waits for the whole frame.
    constant head : natural := needed(geometry, 0, 0);
    constant tail : natural :=
      geometry.rows * geometry.columns - needed(geometry, lines(geometry) - 1, line_places(geometry) - 1);
    constant to_last_group : advance_t := last_advance(geometry, replays);
    constant first_need : natural := head + either(to_last_group = next_frame, tail, 0);
    -- Neither reader nor writer is ever farther ahead than this.
    constant bound : positive := geometry.buffer_rows + stride_height + 1;

    -- Pixels that are needed and words that are freed are kept negative: one adder takes them away from
    -- what is stored, and adds what is written.
    subtype pixels_t is signed(signed_bits(bound * geometry.columns) downto 0);
    subtype words_t is signed(signed_bits(bound * row_words(geometry)) downto 0);

    type memory_t is array (0 to words - 1) of std_ulogic_vector(simd * bits - 1 downto 0);

    signal memory : memory_t;
    signal memory_word : std_ulogic_vector(simd * bits - 1 downto 0);

    -- Writer.
    signal write_word : natural range 0 to words - 1 := 0;
    signal write_left : integer range -1 to last_written_word := last_written_word;
    -- Words stored beyond those that fit: one more does while it is negative.
    signal excess : words_t := to_signed(-kept_words, words_t'length);
    signal write : std_ulogic;

    -- Reader: the beat to issue next, with all that changes when it is issued.
    signal issue : std_ulogic;
    signal first : std_ulogic := '1';
    signal is_last : std_ulogic := '0';
    signal read_word : natural range 0 to words - 1 := first_word(geometry);
    -- To the next word, from there if the end of the buffer is passed.
    signal move : natural range 0 to words - 1 := 0;
    signal move_around : integer range -words to -1 := -words;
    signal tap_row : integer range -pad_top to geometry.rows + pad_bottom - 1 := -pad_top;
    signal tap_column : integer range -pad_left to geometry.columns + pad_right - 1 := -pad_left;
    signal advance : advance_t := next_word;
    signal outside : std_ulogic := '0';
    -- Beside memory_word.
    signal issued : std_ulogic := '0';
    -- What the next group needs beyond this one, if the beat is the last of its group, and what is freed.
    signal need : pixels_t := (others => '0');
    signal freed : words_t := (others => '0');
    -- Pixels written beyond those that the group needs.
    signal surplus : pixels_t := to_signed(-first_need, pixels_t'length);

    -- Walk over all beats: one ahead of the reader, from the first edge after a reset on.
    signal is_ahead : std_ulogic := '0';
    signal walk : std_ulogic;
    signal words_left : integer range -1 to last_word := last_word;
    signal columns_left : integer range -1 to last_column := last_column;
    signal rows_left : integer range -1 to last_row := last_row;
    signal replays_left : integer range -1 to last_replay := last_replay;
    signal blocks_left : integer range -1 to last_block := last_block;
    signal places_left : integer range -1 to last_place := last_place;
    signal lines_left : integer range -1 to last_line := last_line;
    signal next_advance : advance_t;
    -- The next group is the last one of the frame.
    signal reaches_last_group : boolean;
    -- What the need grows by to the next place, and to the next line.
    signal step : natural range 0 to stride_width := place_step(geometry, 0);
    signal need_of_line : integer range -bound * geometry.columns to bound * geometry.columns :=
      line_step(geometry, 0);
    -- Words freed at the end of the line.
    signal line_freed : natural range 0 to bound * row_words(geometry) := freed_words(geometry, 0);

  begin

    ------------------------------------------------------------------------------
    input_ready <= excess(excess'high);
    write <= excess(excess'high) and input_valid;

    issue <= not first or (reservable and not surplus(surplus'high));
    reserve <= issue and first;

    store : process (clk)
    begin
      if rising_edge(clk) then
        if write then
          memory(write_word) <= input_data;
        end if;
        -- What is read without being issued is not looked at.
        memory_word <= memory(read_word);
      end if;
    end process;

    padded : if has_padding generate
      constant padding : std_ulogic_vector(bits - 1 downto 0) :=
        std_ulogic_vector(to_unsigned(pad_value, bits));
      signal word : std_ulogic_vector(simd * bits - 1 downto 0);
      signal word_outside : std_ulogic;
    begin
      hold : process (clk)
      begin
        if rising_edge(clk) then
          word <= memory_word;
          word_outside <= outside;
          output_valid <= issued and not reset;
        end if;
      end process;

      lanes : for lane in 0 to simd - 1 generate
        output_data((lane + 1) * bits - 1 downto lane * bits) <=
          padding when word_outside else word((lane + 1) * bits - 1 downto lane * bits);
      end generate;
    end generate;

    unpadded : if not has_padding generate
      output_data <= memory_word;
      output_valid <= issued;
    end generate;

    control : process (clk)
      variable written : std_ulogic;
      variable taken : pixels_t;
      variable given : words_t;
      variable around : integer range -words to words - 1;
    begin
      if rising_edge(clk) then
        written := '0';
        if write then
          if wraps_by_itself then
            write_word <= to_integer(to_unsigned(write_word, address_bits) + 1);
          else
            write_word <= 0 when write_word = words - 1 else write_word + 1;
          end if;
          write_left <= last_written_word when write_left < 0 else write_left - 1;
          if write_left < 0 then
            written := '1';
          end if;
        end if;

        issued <= issue;
        taken := (others => '0');
        given := (others => '0');
        if issue then
          first <= is_last;
          taken := need;
          given := freed;
          if wraps_by_itself then
            read_word <= to_integer(
              to_unsigned(read_word, address_bits) + to_unsigned(move, address_bits));
          else
            around := read_word + move_around;
            read_word <= around when around >= 0 else read_word + move;
          end if;
          outside <= '1' when tap_row < 0 or tap_row >= geometry.rows
            or tap_column < 0 or tap_column >= geometry.columns else '0';
          for candidate in advance_t loop
            if advance = candidate then
              -- Where nothing is padded, no tap is outside, and these may have but one value.
              if pad_top + pad_bottom > 0 then
                tap_row <= tap_row + row_move(candidate);
              end if;
              if pad_left + pad_right > 0 then
                tap_column <= tap_column + column_move(candidate);
              end if;
            end if;
          end loop;
        end if;
        surplus <= add_with_carry(surplus, taken, written);
        excess <= add_with_carry(excess, given, write);

        if reset then
          issued <= '0';
          write_word <= 0;
          write_left <= last_written_word;
          excess <= to_signed(-kept_words, words_t'length);
          first <= '1';
          read_word <= first_word(geometry);
          tap_row <= -pad_top;
          tap_column <= -pad_left;
          surplus <= to_signed(-first_need, pixels_t'length);
        end if;
      end if;
    end process;

    ------------------------------------------------------------------------------
    walk <= issue or not is_ahead;

    next_advance <=
      next_word when words_left >= 0 else
      next_kernel_column when columns_left >= 0 else
      next_kernel_row when rows_left >= 0 else
      next_replay when replays_left >= 0 else
      next_block when blocks_left >= 0 else
      next_place when places_left >= 0 else
      next_line when lines_left >= 0 else
      next_frame;

    reaches_last_group <= next_advance = to_last_group
      and replays_left = either(to_last_group = next_replay, 0, -1)
      and blocks_left = either(to_last_group = next_block, 0, -1)
      and places_left = either(to_last_group = next_place, 0, -1)
      and lines_left = either(to_last_group = next_line, 0, -1);

    look_ahead : process (clk)
    begin
      if rising_edge(clk) then
        if walk then
          is_ahead <= '1';
          advance <= next_advance;
          is_last <= '0' when next_advance = next_word or next_advance = next_kernel_column
            or next_advance = next_kernel_row else '1';
          for candidate in advance_t loop
            if next_advance = candidate then
              move <= word_move(candidate);
              move_around <= word_move(candidate) - words;
            end if;
          end loop;

          -- Each loop that goes on starts those inside of it anew.
          words_left <= last_word when words_left < 0 else words_left - 1;
          if words_left < 0 then
            columns_left <= last_column when columns_left < 0 else columns_left - 1;
            if columns_left < 0 then
              rows_left <= last_row when rows_left < 0 else rows_left - 1;
              if rows_left < 0 then
                replays_left <= last_replay when replays_left < 0 else replays_left - 1;
                if replays_left < 0 then
                  blocks_left <= last_block when blocks_left < 0 else blocks_left - 1;
                end if;
              end if;
            end if;
          end if;

          need <= (others => '0');
          freed <= (others => '0');
          -- No case statement: GHDL 2.0 makes latches of one with `others` in its netlist.
          if next_advance = next_place then
            need <= to_signed(-step, pixels_t'length);
            places_left <= places_left - 1;
            step <= stride_width;
            for place in 1 to line_places(geometry) - 2 loop
              if place_step(geometry, place) /= stride_width then
                if places_left = line_places(geometry) - 1 - place then
                  step <= place_step(geometry, place);
                end if;
              end if;
            end loop;
          elsif next_advance = next_line then
            need <= to_signed(-need_of_line, pixels_t'length);
            freed <= to_signed(-line_freed, words_t'length);
            places_left <= last_place;
            step <= place_step(geometry, 0);
            lines_left <= lines_left - 1;
            need_of_line <= inner_line_step(geometry);
            line_freed <= inner_freed_words(geometry);
            for line in 1 to edge_lines loop
              if not is_inner(geometry, line) then
                if lines_left = lines(geometry) - 1 - line then
                  need_of_line <= line_step(geometry, line);
                  line_freed <= freed_words(geometry, line);
                end if;
              end if;
            end loop;
          elsif next_advance = next_frame then
            need <= to_signed(-first_need, pixels_t'length);
            freed <= to_signed(-line_freed, words_t'length);
            places_left <= last_place;
            step <= place_step(geometry, 0);
            lines_left <= last_line;
            need_of_line <= line_step(geometry, 0);
            line_freed <= freed_words(geometry, 0);
          end if;
          if tail > 0 and to_last_group /= next_frame and reaches_last_group then
            need <= to_signed(-(last_step(geometry, replays) + tail), pixels_t'length);
          end if;
        end if;

        if reset then
          is_ahead <= '0';
          words_left <= last_word;
          columns_left <= last_column;
          rows_left <= last_row;
          replays_left <= last_replay;
          blocks_left <= last_block;
          places_left <= last_place;
          lines_left <= last_line;
          step <= place_step(geometry, 0);
          need_of_line <= line_step(geometry, 0);
          line_freed <= freed_words(geometry, 0);
        end if;
      end if;
    end process;

  end generate;

end architecture;
