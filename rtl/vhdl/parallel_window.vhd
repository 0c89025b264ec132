-- Pads an image and sends every window of it, several taps with all their channels at a time.
--
--   for oy, ox in raster order, for block, for replay in 0 .. replays - 1:  -- one group
--     for beat in 0 .. kernel_height * kernel_width / taps - 1:             -- one beat
--       for tap, (ky, kx) = number beat * taps + tap of the kernel, row by row, channel of the block:
--         y = oy * stride_height - pad_top + ky * dilation_height, x likewise
--         output(tap, channel) = input(y, x, channel) inside of the image, else pad_value
--
-- A bank of memory for each of the rows that a window spans; a fetch reads a column of them all, and
-- shift registers hold the columns of a window. At its first beat a window is copied, and the columns of
-- the next one come in while it is sent. At the right edge, where the last columns of a window lie
-- outside of the image, those of the next line come in while the last windows of the line are copied:
-- `missing` says by how many places the columns are not shifted yet. So frames follow each other without
-- a gap, and so do lines if there is time to fetch the first columns of one.
--
-- Beat order: channel fastest, then kernel column, kernel row, replay, block, ox, oy.
-- Latency: a pixel written at edge t can be fetched at edge t + 1; a column fetched at edge t can be
-- issued at edge t + 1. What is decided at an edge is done with the data at the next one, so that a register
-- enables all of them; what is issued at edge t is in the output registers at edge t + 1. A window starts when its columns have been fetched, a group of it when the client
-- has room (`reservable`), too. It pulses `reserve` at the edge of its first beat and runs on without gaps.
-- docs/elements.md has the exact rules.
-- Cycles per frame: windows * blocks * replays * kernel_height * kernel_width / taps, or as many as there are
-- pixels, or columns of all lines of windows, if these are more; a few more for each line where windows
-- are sent faster than the columns of a line's first one come. docs/elements.md has the formula.
-- Limits: a whole pixel per input beat. Padding of the columns must leave a column of each window's inside.

library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;

use work.millrace_pkg.all;

entity parallel_window is
  generic (
    -- Width of a value.
    bits : positive range 1 to 16;
    -- Image: the columns that windows need are the depth of a bank, at most width; channels its width.
    height : positive;
    width : positive;
    channels : positive;
    -- Taps, their distance, and the distance of windows: the rows of a window are banks of memory, its
    -- columns registers.
    kernel_height : positive;
    kernel_width : positive;
    stride_height : positive := 1;
    stride_width : positive := 1;
    dilation_height : positive := 1;
    dilation_width : positive := 1;
    -- Rows and columns around the image; multiplexers if there are any.
    pad_top : natural := 0;
    pad_left : natural := 0;
    pad_bottom : natural := 0;
    pad_right : natural := 0;
    -- Bit pattern of a value outside of the image.
    pad_value : natural := 0;
    -- Taps per beat: a row of the kernel, or all of it.
    taps : positive;
    -- How often each window is sent: once per fold of the output channels.
    replays : positive := 1;
    -- Equal parts of the channels, of which each has its own groups. A counter.
    blocks : positive := 1;
    -- Rows buffered beyond those of a window; lets a bursty source run ahead. A bank each.
    extra_rows : natural := 0
  );
  port (
    clk : in std_ulogic;
    reset : in std_ulogic;
    --
    input_ready : out std_ulogic;
    input_valid : in std_ulogic;
    input_data : in std_ulogic_vector(channels * bits - 1 downto 0);
    -- Room for a group's result, and the pulse that takes it.
    reservable : in std_ulogic;
    reserve : out std_ulogic;
    --
    output_valid : out std_ulogic := '0';
    output_data : out std_ulogic_vector(taps * (channels / blocks) * bits - 1 downto 0)
  );
end entity;

architecture rtl of parallel_window is

  constant span_height : positive := (kernel_height - 1) * dilation_height + 1;
  constant span_width : positive := (kernel_width - 1) * dilation_width + 1;
  constant lines : natural := places(height, pad_top, pad_bottom, span_height, stride_height);
  constant line_places : natural := places(width, pad_left, pad_right, span_width, stride_width);

  constant taps_match : boolean := require(taps = kernel_width or taps = kernel_height * kernel_width,
    "parallel_window: taps must be a row of the kernel or all of it; got " & integer'image(taps));
  constant blocks_divide : boolean := require(channels mod blocks = 0,
    "parallel_window: blocks must divide channels; got " & integer'image(blocks));
  constant pads_leave_columns : boolean := require(pad_left + pad_right < span_width,
    "parallel_window: pad_left + pad_right must be below the kernel's span; got "
    & integer'image(pad_left + pad_right));
  constant pad_value_fits : boolean := require(fits(pad_value, bits, false),
    "parallel_window: pad_value must be a bit pattern of `bits` bits; got " & integer'image(pad_value));
  constant fits_down : boolean := require(lines > 0,
    "parallel_window: kernel must not be higher than the padded image; got "
    & integer'image(kernel_height));
  constant fits_across : boolean := require(line_places > 0,
    "parallel_window: kernel must not be wider than the padded image; got " & integer'image(kernel_width));

  constant pads_rows : boolean := pad_top + pad_bottom > 0;
  constant pads_columns : boolean := pad_left + pad_right > 0;
  constant pixel_bits : positive := channels * bits;
  constant banks : positive := span_height + extra_rows;
  constant beats : positive := kernel_height * kernel_width / taps;
  -- Columns that the windows of a line need.
  constant columns : positive :=
    smaller(width, (line_places - 1) * stride_width - pad_left + span_width);
  -- Columns by which the last window of a line hangs over the right edge.
  constant overhang : natural :=
    larger(0, (line_places - 1) * stride_width - pad_left + span_width - width);
  -- Fetches until the next line's first window is complete, counted from where the last window of a line
  -- would be without the edge.
  constant line_fetches : positive := columns - (line_places - 1) * stride_width;
  -- Fetches for which a window and the one behind it may wait.
  constant fetches_bound : positive := span_width + stride_width + width + overhang;
  -- Pixels by which reader and writer are apart at most.
  constant bound : positive := (banks + stride_height + 1) * width;

  -- Last row that the windows of a line need; at least the first, so that none is sent before its frame.
  function last_row (line : natural) return natural is
  begin
    return larger(0, smaller(height - 1, line * stride_height - pad_top + span_height - 1));
  end function;

  -- First row that this line and those after it need.
  function kept_row (line : natural) return natural is
  begin
    if line = lines then
      return height;
    end if;
    return larger(0, smaller(height, line * stride_height - pad_top));
  end function;

  -- Pixels that the first fetch of the next line needs beyond the last one of this line.
  function line_step (line : natural) return integer is
  begin
    if line = lines - 1 then
      return (height - last_row(line) + last_row(0)) * width + 1 - columns;
    end if;
    return (last_row(line + 1) - last_row(line)) * width + 1 - columns;
  end function;

  function freed_rows (line : natural) return natural is
  begin
    return kept_row(line + 1) - kept_row(line);
  end function;

  -- Pixels freed by the last fetch of a line: those of the columns not fetched and of all rows but one.
  function freed_at_end (line : natural) return natural is
  begin
    return either(freed_rows(line) = 0, 0, freed_rows(line) * width - columns + 1);
  end function;

  function is_inner (line : natural) return boolean is
  begin
    return line_step(line) = stride_height * width + 1 - columns and freed_rows(line) = stride_height;
  end function;

  -- Whether the row or column so far behind a position is not in the image; compared with constants.
  function is_outside (position, behind, size : integer) return std_ulogic is
  begin
    if position < -behind or position >= size - behind then
      return '1';
    end if;
    return '0';
  end function;

  -- Columns of the kernel that are outside while the first one is at this column of the image.
  function outside_at (position : integer) return std_ulogic_vector is
    variable flags : std_ulogic_vector(0 to kernel_width - 1);
  begin
    for column in flags'range loop
      flags(column) := is_outside(position, column * dilation_width, width);
    end loop;
    return flags;
  end function;

  -- What is outside, in all channels.
  function padding_pixel return std_ulogic_vector is
    variable pixel : std_ulogic_vector(pixel_bits - 1 downto 0);
  begin
    for channel in 0 to channels - 1 loop
      pixel((channel + 1) * bits - 1 downto channel * bits) :=
        std_ulogic_vector(to_unsigned(pad_value, bits));
    end loop;
    return pixel;
  end function;

  -- The bank of the row that many rows after one in this bank.
  function bank_after (bank, rows : natural) return natural is
    constant move : natural := rows mod banks;
  begin
    if bank >= banks - move then
      return bank - (banks - move);
    end if;
    return bank + move;
  end function;

  -- Columns by which the window at a place of a line hangs over the right edge: it does not wait for these.
  function hanging (place : natural) return natural is
  begin
    return larger(0, place * stride_width - pad_left + span_width - width);
  end function;

  -- Fetches from the window at a place to the next one, as if there were no edge, and those that it waits for.
  function fetches_after (place : natural) return natural is
  begin
    return either(place = line_places - 1, line_fetches, stride_width);
  end function;

  function waits_after (place : natural) return natural is
  begin
    return fetches_after(place) + hanging(place)
      - hanging(either(place = line_places - 1, 0, place + 1));
  end function;

  constant last_place : integer := line_places - 2;
  constant last_line : integer := lines - 2;
  constant last_replay : integer := replays - 2;
  constant last_block : integer := blocks - 2;
  -- Of a tap in a beat, and of a group.
  constant part_bits : positive := pixel_bits / blocks;
  constant group_bits : positive := kernel_height * kernel_width * part_bits;

  subtype pixel_t is std_ulogic_vector(pixel_bits - 1 downto 0);
  type pixels_t is array (0 to banks - 1) of pixel_t;
  -- The rows of the kernel, first row lowest.
  subtype column_t is std_ulogic_vector(kernel_height * pixel_bits - 1 downto 0);
  type columns_t is array (0 to span_width - 1) of column_t;
  type kernel_t is array (0 to kernel_width - 1) of column_t;
  type chosen_t is array (0 to kernel_height - 1) of std_ulogic_vector(banks - 1 downto 0);

  -- Writer.
  signal write_bank : natural range 0 to banks - 1 := 0;
  signal write_column : natural range 0 to width - 1 := 0;
  -- Pixels that may be written, less one.
  signal room : integer range -1 to bound := banks * width - 1;
  signal write : std_ulogic;
  -- What was taken at the edge before.
  signal taken_data : pixel_t;
  signal taken_column : natural range 0 to width - 1;

  -- Fetches: a column of the rows of a line of windows.
  signal fetch : std_ulogic;
  signal last_fetch : boolean := columns = 1;
  signal fetch_column : natural range 0 to columns - 1 := 0;
  signal lines_left : integer range -1 to last_line := last_line;
  signal first_bank : natural range 0 to banks - 1 := (-pad_top) mod banks;
  signal first_row : integer range -pad_top to height + pad_bottom - 1 := -pad_top;
  -- Pixels written beyond those that the next fetch needs.
  signal surplus : integer range -bound to bound := -(last_row(0) * width + 1);
  signal step : integer range -bound to bound := line_step(0);
  signal frees : boolean := freed_rows(0) > 0;
  signal end_freed : natural range 0 to bound := freed_at_end(0);

  -- Whether there was a fetch at the edge before, its column, and for each row of the kernel, one-hot, the bank
  -- that has it; none if it is outside.
  signal fetches_data : std_ulogic;
  signal data_column : natural range 0 to columns - 1;
  signal choice : chosen_t;

  signal fetched : pixels_t;
  -- The choice for these.
  signal chosen : chosen_t;
  -- The latest column, then those before it.
  signal history : columns_t;
  -- The columns of the window.
  signal kernel : kernel_t;

  -- Issues; the first beat of a group, and that of a window, which copies it.
  signal issue, start : std_ulogic;
  -- Whether there was one at the edge before, and what it is for the data: the copy, the next block, the next
  -- taps.
  signal issued : std_ulogic := '0';
  signal copies, turns_blocks, turns_taps : boolean;
  signal first : std_ulogic := '1';
  signal fresh : std_ulogic := '1';
  -- What is still to be sent, the beat that was issued last lowest, and the blocks in their order.
  signal window : std_ulogic_vector(blocks * group_bits - 1 downto 0);
  signal beat : natural range 0 to beats - 1 := 0;
  signal replays_left : integer range -1 to last_replay := last_replay;
  signal blocks_left : integer range -1 to last_block := last_block;
  signal places_left : integer range -1 to last_place := last_place;
  -- The first column of the next window of the line.
  signal next_column : integer range -pad_left to line_places * stride_width - pad_left :=
    stride_width - pad_left;
  -- Whether the columns of the kernel are outside.
  signal outside : std_ulogic_vector(0 to kernel_width - 1) := outside_at(-pad_left);
  -- The same for the data, and by how many places their columns are not shifted yet.
  signal data_outside : std_ulogic_vector(0 to kernel_width - 1);
  signal is_late : std_ulogic_vector(0 to overhang);
  -- Fetches until the window is complete without the edge, and those that it waits for, both less one: their
  -- signs tell that there are none.
  signal missing : integer range -1 to fetches_bound := span_width - pad_left - 1;
  signal awaited : integer range -fetches_bound to fetches_bound := span_width - pad_left - hanging(0) - 1;
  -- What these grow by with the next window.
  signal fetches : natural range 0 to fetches_bound := fetches_after(0);
  signal waits : natural range 0 to fetches_bound := waits_after(0);

begin

  input_ready <= '1' when room >= 0 else '0';
  write <= '1' when room >= 0 and input_valid = '1' else '0';

  issue <= '1' when first = '0' or (reservable = '1' and (fresh = '0' or awaited < 0)) else '0';
  reserve <= issue and first;
  -- A fresh window's beat is the first one.
  start <= '1' when reservable = '1' and fresh = '1' and awaited < 0 else '0';

  fetch <= '1' when surplus >= 0 and (missing >= 0 or start = '1') else '0';

  memories : for bank in 0 to banks - 1 generate
    signal stores : boolean;
  begin

    decide : process (clk)
    begin
      if rising_edge(clk) then
        stores <= write = '1' and write_bank = bank and write_column < columns;
      end if;
    end process;

    -- Only columns that are fetched.
    several_columns : if columns > 1 generate
      type memory_t is array (0 to columns - 1) of pixel_t;
      signal memory : memory_t;
    begin

      store : process (clk)
      begin
        if rising_edge(clk) then
          if stores then
            memory(taken_column) <= taken_data;
          end if;
          if fetches_data then
            fetched(bank) <= memory(data_column);
          end if;
        end if;
      end process;

    end generate;

    -- GHDL's synthesis never writes a memory that is read at one place only.
    one_column : if columns = 1 generate
      signal pixel : pixel_t;
    begin

      store : process (clk)
      begin
        if rising_edge(clk) then
          if stores then
            pixel <= taken_data;
          end if;
          if fetches_data then
            fetched(bank) <= pixel;
          end if;
        end if;
      end process;

    end generate;

  end generate;

  kernel_rows : for row in 0 to kernel_height - 1 generate

    choose : process (clk)
    begin
      if rising_edge(clk) then
        for bank in 0 to banks - 1 loop
          if first_bank = (bank - row * dilation_height) mod banks
            and (not pads_rows or is_outside(first_row, row * dilation_height, height) = '0') then
            choice(row)(bank) <= '1';
          else
            choice(row)(bank) <= '0';
          end if;
        end loop;
        if fetches_data then
          chosen(row) <= choice(row);
        end if;
      end if;
    end process;

    gather : process (all)
      variable pixel : pixel_t;
    begin
      pixel := (others => '0');
      if pads_rows and unsigned(chosen(row)) = 0 then
        pixel := padding_pixel;
      end if;
      for bank in 0 to banks - 1 loop
        pixel := pixel or (fetched(bank) and (pixel'range => chosen(row)(bank)));
      end loop;
      history(0)((row + 1) * pixel_bits - 1 downto row * pixel_bits) <= pixel;
    end process;

  end generate;

  shifts : for place in 1 to span_width - 1 generate
    shift : process (clk)
    begin
      if rising_edge(clk) then
        if fetches_data then
          history(place) <= history(place - 1);
        end if;
      end if;
    end process;
  end generate;

  kernel_columns : for column in 0 to kernel_width - 1 generate
    constant place : natural := (kernel_width - 1 - column) * dilation_width;
  begin

    align : process (all)
      variable aligned : column_t;
    begin
      aligned := history(place);
      for late in 1 to smaller(overhang, place) loop
        if is_late(late) then
          aligned := history(place - late);
        end if;
      end loop;
      if pads_columns and data_outside(column) = '1' then
        for row in 0 to kernel_height - 1 loop
          aligned((row + 1) * pixel_bits - 1 downto row * pixel_bits) := padding_pixel;
        end loop;
      end if;
      kernel(column) <= aligned;
    end process;

  end generate;

  output_data <= window(output_data'range);

  send : process (clk)
    variable place : natural;
  begin
    if rising_edge(clk) then
      if copies then
        for row in 0 to kernel_height - 1 loop
          for column in 0 to kernel_width - 1 loop
            for part in 0 to blocks - 1 loop
              place := (part * kernel_height + row) * kernel_width + column;
              window((place + 1) * part_bits - 1 downto place * part_bits) <=
                kernel(column)(row * pixel_bits + (part + 1) * part_bits - 1
                  downto row * pixel_bits + part * part_bits);
            end loop;
          end loop;
        end loop;
      elsif turns_blocks then
        window <= std_ulogic_vector(unsigned(window) ror group_bits);
      elsif turns_taps then
        window(group_bits - 1 downto 0) <=
          std_ulogic_vector(unsigned(window(group_bits - 1 downto 0)) ror (taps * part_bits));
      end if;
    end if;
  end process;

  -- What is decided at this edge is done with the data at the next one.
  follow : process (clk)
  begin
    if rising_edge(clk) then
      taken_data <= input_data;
      taken_column <= write_column;
      fetches_data <= fetch;
      data_column <= fetch_column;
      data_outside <= outside;
      for late in 0 to overhang loop
        is_late(late) <= '1' when missing = late - 1 else '0';
      end loop;
      copies <= start = '1';
      turns_blocks <= issue = '1' and blocks > 1 and beat = 0 and replays_left = last_replay;
      turns_taps <= issue = '1' and beats > 1;
    end if;
  end process;

  control : process (clk)
    variable written, freed : natural range 0 to bound;
    variable needed : integer range -bound to bound;
    variable asked, asked_waits, taken : natural range 0 to fetches_bound;
  begin
    if rising_edge(clk) then
      written := 0;
      if write then
        written := 1;
        -- GHDL's synthesis refuses the sum where a counter has but one value.
        if width > 1 then
          write_column <= 0 when write_column = width - 1 else write_column + 1;
        end if;
        if write_column = width - 1 then
          if banks > 1 then
            write_bank <= 0 when write_bank = banks - 1 else write_bank + 1;
          end if;
        end if;
      end if;

      needed := 0;
      freed := 0;
      taken := 0;
      if fetch then
        taken := 1;
        needed := 1;
        if frees then
          freed := 1;
        end if;
        if columns > 1 then
          fetch_column <= 0 when last_fetch else fetch_column + 1;
          last_fetch <= fetch_column = columns - 2;
        end if;
        if last_fetch then
          needed := step;
          freed := end_freed;
          if lines_left < 0 then
            lines_left <= last_line;
            first_row <= -pad_top;
            first_bank <= bank_after(first_bank, (height - (lines - 1) * stride_height) mod banks);
            step <= line_step(0);
            frees <= freed_rows(0) > 0;
            end_freed <= freed_at_end(0);
          else
            if lines > 1 then
              lines_left <= lines_left - 1;
              first_row <= first_row + stride_height;
              first_bank <= bank_after(first_bank, stride_height);
              step <= stride_height * width + 1 - columns;
              frees <= true;
              end_freed <= stride_height * width - columns + 1;
              for line in 1 to lines - 1 loop
                if not is_inner(line) then
                  if lines_left = lines - 1 - line then
                    step <= line_step(line);
                    frees <= freed_rows(line) > 0;
                    end_freed <= freed_at_end(line);
                  end if;
                end if;
              end loop;
            end if;
          end if;
        end if;
      end if;

      asked := 0;
      asked_waits := 0;
      issued <= issue;
      output_valid <= issued;
      if issue then
        if beats > 1 then
          beat <= 0 when beat = beats - 1 else beat + 1;
          first <= '1' when beat = beats - 1 else '0';
        end if;
        fresh <= '0';
        if beat = beats - 1 then
          replays_left <= last_replay when replays_left < 0 else replays_left - 1;
          if replays_left < 0 then
            blocks_left <= last_block when blocks_left < 0 else blocks_left - 1;
            fresh <= '1' when blocks_left < 0 else '0';
          end if;
        end if;
      end if;
      if start then
        asked := fetches;
        asked_waits := waits;
        if places_left < 0 then
          places_left <= last_place;
          next_column <= stride_width - pad_left;
          outside <= outside_at(-pad_left);
          fetches <= fetches_after(0);
          waits <= waits_after(0);
        else
          if line_places > 1 then
            places_left <= places_left - 1;
            next_column <= next_column + stride_width;
            outside <= outside_at(next_column);
            fetches <= stride_width;
            waits <= stride_width;
            for place in 1 to line_places - 1 loop
              if fetches_after(place) /= stride_width or waits_after(place) /= stride_width then
                if places_left = line_places - 1 - place then
                  fetches <= fetches_after(place);
                  waits <= waits_after(place);
                end if;
              end if;
            end loop;
          end if;
        end if;
      end if;

      surplus <= surplus + written - needed;
      room <= room + freed - written;
      missing <= missing + asked - taken;
      awaited <= awaited + asked_waits - taken;

      if reset then
        issued <= '0';
        output_valid <= '0';
        write_bank <= 0;
        write_column <= 0;
        room <= banks * width - 1;
        fetch_column <= 0;
        last_fetch <= columns = 1;
        lines_left <= last_line;
        first_bank <= (-pad_top) mod banks;
        first_row <= -pad_top;
        surplus <= -(last_row(0) * width + 1);
        step <= line_step(0);
        frees <= freed_rows(0) > 0;
        end_freed <= freed_at_end(0);
        beat <= 0;
        first <= '1';
        fresh <= '1';
        replays_left <= last_replay;
        blocks_left <= last_block;
        places_left <= last_place;
        next_column <= stride_width - pad_left;
        missing <= span_width - pad_left - 1;
        awaited <= span_width - pad_left - hanging(0) - 1;
        fetches <= fetches_after(0);
        waits <= waits_after(0);
        outside <= outside_at(-pad_left);
      end if;
    end if;
  end process;

end architecture;
