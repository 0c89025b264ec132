-- Geometry of window: how its taps move over image and buffer, and what each window waits for.
--
-- Constant functions of the generics, so that the entity holds nothing but counters and adders.

use work.millrace_pkg.all;

package window_pkg is

  -- An image of rows x columns pixels of pixel_words words, in blocks that are sent one after the
  -- other, and the windows on it.
  type geometry_t is record
    rows, columns, pixel_words, blocks : positive;
    kernel_height, kernel_width : positive;
    stride_height, stride_width : positive;
    dilation_height, dilation_width : positive;
    pad_top, pad_left, pad_bottom, pad_right : natural;
    buffer_rows : positive;
  end record;

  -- The outermost of the nested loops that goes on after a beat.
  type advance_t is (
    next_word, next_kernel_column, next_kernel_row, next_replay, next_block, next_place, next_line,
    next_frame);

  -- What the tap then moves by.
  type moves_t is array (advance_t) of integer;

  -- Lines of windows, and windows (places) in a line.
  function lines (g : geometry_t) return integer;
  function line_places (g : geometry_t) return integer;

  function row_words (g : geometry_t) return positive;
  function buffer_words (g : geometry_t) return positive;

  -- Whether pixels are kept in slots of a power of two, at no cost: each of so many words, or all within what a
  -- unit of distributed RAM has. Blocks of a pixel are not.
  function keeps_pixels (g : geometry_t) return boolean;

  -- Words of the ring in which they lie: up to 64 a power of two, which distributed RAM has anyway, so that
  -- addresses wrap by themselves.
  function ring_words (g : geometry_t) return positive;

  -- Moves in rows and columns of the image, and in words of the ring buffer, modulo its size.
  function row_moves (g : geometry_t) return moves_t;
  function column_moves (g : geometry_t) return moves_t;
  function word_moves (g : geometry_t) return moves_t;

  -- Place of the first window's first tap in the ring buffer.
  function first_word (g : geometry_t) return natural;

  -- Pixels of the frame that must have been written before a window starts. One that lies above the
  -- image or left of it waits for the first row or column, so that no window is sent before its frame
  -- has begun.
  function needed (g : geometry_t; line, place : natural) return natural;

  -- Pixels that the next place's window needs beyond this one's.
  function place_step (g : geometry_t; place : natural) return natural;

  -- Pixels that the next line's first window needs beyond this line's last one.
  function line_step (g : geometry_t; line : natural) return integer;

  -- Words of the rows that no line after this one reads.
  function freed_words (g : geometry_t; line : natural) return natural;

  -- The same for a line away from the edges, and whether this one is such.
  function inner_line_step (g : geometry_t) return integer;
  function inner_freed_words (g : geometry_t) return natural;
  function is_inner (g : geometry_t; line : natural) return boolean;

  -- The advance that leads to the last group of a frame, next_frame if it is the only one, and the
  -- pixels that its window needs beyond the one before.
  function last_advance (g : geometry_t; replays : positive) return advance_t;
  function last_step (g : geometry_t; replays : positive) return integer;

end package;

package body window_pkg is

  function span_height (g : geometry_t) return positive is
  begin
    return (g.kernel_height - 1) * g.dilation_height + 1;
  end function;

  function span_width (g : geometry_t) return positive is
  begin
    return (g.kernel_width - 1) * g.dilation_width + 1;
  end function;

  function lines (g : geometry_t) return integer is
  begin
    return places(g.rows, g.pad_top, g.pad_bottom, span_height(g), g.stride_height);
  end function;

  function line_places (g : geometry_t) return integer is
  begin
    return places(g.columns, g.pad_left, g.pad_right, span_width(g), g.stride_width);
  end function;

  function row_words (g : geometry_t) return positive is
  begin
    return g.columns * g.pixel_words;
  end function;

  function buffer_words (g : geometry_t) return positive is
  begin
    return g.buffer_rows * row_words(g);
  end function;

  function keeps_pixels (g : geometry_t) return boolean is
    constant slot : positive := 2 ** clog2(g.pixel_words);
  begin
    return g.blocks = 1 and (slot = g.pixel_words or 2 ** clog2(g.buffer_rows) * slot <= 64);
  end function;

  function ring_words (g : geometry_t) return positive is
  begin
    return either(buffer_words(g) <= 64, 2 ** clog2(buffer_words(g)), buffer_words(g));
  end function;

  function row_moves (g : geometry_t) return moves_t is
    constant back : integer := -(g.kernel_height - 1) * g.dilation_height;
  begin
    return (
      next_word => 0,
      next_kernel_column => 0,
      next_kernel_row => g.dilation_height,
      next_replay => back,
      next_block => back,
      next_place => back,
      next_line => back + g.stride_height,
      next_frame => back - (lines(g) - 1) * g.stride_height);
  end function;

  function column_moves (g : geometry_t) return moves_t is
    constant back : integer := -(g.kernel_width - 1) * g.dilation_width;
    constant line_back : integer := back - (line_places(g) - 1) * g.stride_width;
  begin
    return (
      next_word => 0,
      next_kernel_column => g.dilation_width,
      next_kernel_row => back,
      next_replay => back,
      next_block => back,
      next_place => back + g.stride_width,
      next_line => line_back,
      next_frame => line_back);
  end function;

  function word_moves (g : geometry_t) return moves_t is
    constant down : moves_t := row_moves(g);
    constant across : moves_t := column_moves(g);
    variable moves : moves_t;
  begin
    for advance in advance_t loop
      moves(advance) := down(advance) * row_words(g) + across(advance) * g.pixel_words;
      -- To the next word, or from the last one of the pixel or the block to its first.
      if advance = next_word or advance = next_block then
        moves(advance) := moves(advance) + 1;
      elsif advance = next_place or advance = next_line or advance = next_frame then
        moves(advance) := moves(advance) - (g.pixel_words - 1);
      else
        moves(advance) := moves(advance) - (g.pixel_words / g.blocks - 1);
      end if;
      if advance = next_frame then
        -- Frames lie in the ring one after the other.
        moves(advance) := moves(advance) + g.rows * row_words(g);
      end if;
      moves(advance) := moves(advance) mod ring_words(g);
    end loop;
    return moves;
  end function;

  function first_word (g : geometry_t) return natural is
  begin
    return (-(g.pad_top * row_words(g) + g.pad_left * g.pixel_words)) mod ring_words(g);
  end function;

  -- Rows or columns from the first one of the image to the last one of a window, at least one.
  function reach (place, stride, pad, span, size : natural) return natural is
  begin
    return larger(1, smaller(size, place * stride - pad + span));
  end function;

  function needed (g : geometry_t; line, place : natural) return natural is
    constant reached : natural := reach(line, g.stride_height, g.pad_top, span_height(g), g.rows);
  begin
    return (reached - 1) * g.columns
      + reach(place, g.stride_width, g.pad_left, span_width(g), g.columns);
  end function;

  function place_step (g : geometry_t; place : natural) return natural is
  begin
    return reach(place + 1, g.stride_width, g.pad_left, span_width(g), g.columns)
      - reach(place, g.stride_width, g.pad_left, span_width(g), g.columns);
  end function;

  -- First row that this line and those after it read.
  function kept (g : geometry_t; line : natural) return natural is
  begin
    if line = lines(g) then
      return g.rows;
    end if;
    return larger(0, smaller(g.rows, line * g.stride_height - g.pad_top));
  end function;

  function line_step (g : geometry_t; line : natural) return integer is
  begin
    return needed(g, line + 1, 0) - needed(g, line, line_places(g) - 1);
  end function;

  function freed_words (g : geometry_t; line : natural) return natural is
  begin
    return (kept(g, line + 1) - kept(g, line)) * row_words(g);
  end function;

  function inner_line_step (g : geometry_t) return integer is
    constant last : natural := line_places(g) - 1;
  begin
    return g.stride_height * g.columns
      + reach(0, g.stride_width, g.pad_left, span_width(g), g.columns)
      - reach(last, g.stride_width, g.pad_left, span_width(g), g.columns);
  end function;

  function inner_freed_words (g : geometry_t) return natural is
  begin
    return g.stride_height * row_words(g);
  end function;

  function is_inner (g : geometry_t; line : natural) return boolean is
  begin
    return line_step(g, line) = inner_line_step(g)
      and freed_words(g, line) = inner_freed_words(g);
  end function;

  function last_advance (g : geometry_t; replays : positive) return advance_t is
  begin
    if replays > 1 then
      return next_replay;
    elsif g.blocks > 1 then
      return next_block;
    elsif line_places(g) > 1 then
      return next_place;
    elsif lines(g) > 1 then
      return next_line;
    end if;
    return next_frame;
  end function;

  function last_step (g : geometry_t; replays : positive) return integer is
    constant advance : advance_t := last_advance(g, replays);
  begin
    if advance = next_place then
      return place_step(g, line_places(g) - 2);
    elsif advance = next_line then
      return line_step(g, lines(g) - 2);
    end if;
    return 0;
  end function;

end package body;
