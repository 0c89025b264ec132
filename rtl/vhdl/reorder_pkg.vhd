-- Loops of reorder: how far the place of a value moves when one of them goes on.
--
-- Constant functions of the generics, so that the entity holds nothing but counters and an adder. A loop nest is
-- three vectors that run from 0, the outermost loop: counts, strides, and 1 for a clamped loop, else 0.

use work.millrace_pkg.all;

package reorder_pkg is

  -- The vector, running from 0.
  function from_zero (numbers : integer_vector) return integer_vector;

  -- Counts and strides in words. Neighbouring values are one word with several lanes.
  function word_counts (counts : integer_vector; lanes : positive) return integer_vector;
  function word_strides (strides : integer_vector; lanes : positive) return integer_vector;

  -- Whether words are neighbours at each place: the innermost loop runs through them one by one.
  function lanes_fit (counts, strides, clamps : integer_vector; lanes : positive) return boolean;

  function least (numbers : integer_vector) return integer;

  -- Least number of places of a loop: a clamped one stays at its first and its last place.
  function least_places (counts, clamps : integer_vector) return integer;

  -- Distance of the last word from the first one, of the loops from number first on.
  function reach (counts, strides, clamps : integer_vector; first : natural) return integer;

  -- How far the address moves, modulo the words of the ring, when loop l goes on and those inside of it begin
  -- again; and, as element number loops, to the next block after the last word of one.
  function going_moves (counts, strides, clamps : integer_vector; block_words, words : positive)
    return integer_vector;

  -- The same where a clamped loop stays, and to the first word of the same block.
  function staying_moves (counts, strides, clamps : integer_vector; words : positive) return integer_vector;

end package;

package body reorder_pkg is

  function from_zero (numbers : integer_vector) return integer_vector is
    constant result : integer_vector(0 to numbers'length - 1) := numbers;
  begin
    return result;
  end function;

  function word_counts (counts : integer_vector; lanes : positive) return integer_vector is
    variable result : integer_vector(0 to counts'length - 1) := counts;
  begin
    result(result'high) := result(result'high) / lanes;
    return result;
  end function;

  function word_strides (strides : integer_vector; lanes : positive) return integer_vector is
    variable result : integer_vector(0 to strides'length - 1) := strides;
  begin
    for l in 0 to result'high - 1 loop
      result(l) := result(l) / lanes;
    end loop;
    return result;
  end function;

  function lanes_fit (counts, strides, clamps : integer_vector; lanes : positive) return boolean is
    constant count : integer_vector(0 to counts'length - 1) := counts;
    constant stride : integer_vector(0 to strides'length - 1) := strides;
    constant clamp : integer_vector(0 to clamps'length - 1) := clamps;
    constant inner : natural := count'high;
  begin
    if lanes > 1 and (stride(inner) /= 1 or count(inner) mod lanes /= 0 or clamp(inner) /= 0) then
      return false;
    end if;
    for l in 0 to inner - 1 loop
      if stride(l) mod lanes /= 0 then
        return false;
      end if;
    end loop;
    return true;
  end function;

  function least (numbers : integer_vector) return integer is
    variable result : integer := numbers(numbers'low);
  begin
    for l in numbers'range loop
      result := smaller(result, numbers(l));
    end loop;
    return result;
  end function;

  function least_places (counts, clamps : integer_vector) return integer is
    variable result : integer := counts(0) - 2 * clamps(0);
  begin
    for l in counts'range loop
      result := smaller(result, counts(l) - 2 * clamps(l));
    end loop;
    return result;
  end function;

  function reach (counts, strides, clamps : integer_vector; first : natural) return integer is
    variable result : integer := 0;
  begin
    for l in first to counts'high loop
      result := result + (counts(l) - 1 - 2 * clamps(l)) * strides(l);
    end loop;
    return result;
  end function;

  function going_moves (counts, strides, clamps : integer_vector; block_words, words : positive)
    return integer_vector is
    constant loops : positive := counts'length;
    variable moves : integer_vector(0 to loops);
  begin
    for l in 0 to loops - 1 loop
      moves(l) := (strides(l) - reach(counts, strides, clamps, l + 1)) mod words;
    end loop;
    moves(loops) := block_words - reach(counts, strides, clamps, 0);
    return moves;
  end function;

  function staying_moves (counts, strides, clamps : integer_vector; words : positive) return integer_vector is
    constant loops : positive := counts'length;
    variable moves : integer_vector(0 to loops);
  begin
    for l in 0 to loops - 1 loop
      moves(l) := (-reach(counts, strides, clamps, l + 1)) mod words;
    end loop;
    moves(loops) := (-reach(counts, strides, clamps, 0)) mod words;
    return moves;
  end function;

end package body;
