-- When the stages of threshold compare: functions of its generics, for whoever counts its edges.

use work.millrace_pkg.all;

package threshold_pkg is

  -- Tables of up to so many bits are logic, larger ones block RAM with a register behind.
  constant logic_bits : positive := 8192;

  -- Columns of up to so many bits are one LUT: there it costs more to read two than to read one later.
  constant lut_words : positive := 64;

  -- Tables of up to so many words are no registers: a bit of them and the value's are a LUT of 6 inputs.
  constant direct_words : positive := 32;

  -- Whether the table of a stage is block RAM.
  function is_large (stage : natural; input_bits, folds : positive) return boolean;

  -- Whether both thresholds with which a stage may compare are read before the stage in front has chosen.
  function is_paired (stage : natural; folds : positive) return boolean;

  -- Whether a stage reads the threshold with which it is comparing.
  function is_direct (stage : natural; input_bits, folds : positive) return boolean;

  -- Whether the threshold of a stage is read before its value comes: the first one's, unless it is read when
  -- the value is there.
  function is_prefetched (stage : natural; input_bits, folds : positive) return boolean;

  -- Edges that a stage waits for what it compares with.
  function waits (stage : natural; input_bits, folds : positive) return natural;

  -- The edge at which a stage compares, counted from the one that takes the beat.
  function compares_at (stage : natural; input_bits, folds : positive) return natural;

  -- Edges from taking a beat to its code, that one included.
  function threshold_latency (levels, input_bits, folds : positive) return positive;

end package;

package body threshold_pkg is

  function is_large (stage : natural; input_bits, folds : positive) return boolean is
  begin
    return folds * 2 ** stage * input_bits > logic_bits;
  end function;

  function is_paired (stage : natural; folds : positive) return boolean is
  begin
    return stage > 0 and folds * 2 ** stage > lut_words;
  end function;

  function is_direct (stage : natural; input_bits, folds : positive) return boolean is
  begin
    return folds * 2 ** stage <= direct_words and not is_large(stage, input_bits, folds);
  end function;

  function is_prefetched (stage : natural; input_bits, folds : positive) return boolean is
  begin
    return stage = 0 and not is_large(stage, input_bits, folds) and not is_direct(stage, input_bits, folds);
  end function;

  function waits (stage : natural; input_bits, folds : positive) return natural is
  begin
    return either(is_large(stage, input_bits, folds), 1, 0)
      + either(is_paired(stage, folds) or is_prefetched(stage, input_bits, folds)
        or is_direct(stage, input_bits, folds), 0, 1);
  end function;

  function compares_at (stage : natural; input_bits, folds : positive) return natural is
    variable edge : natural := waits(0, input_bits, folds);
  begin
    for later in 1 to stage loop
      edge := edge + 1 + waits(later, input_bits, folds);
    end loop;
    return edge;
  end function;

  function threshold_latency (levels, input_bits, folds : positive) return positive is
  begin
    return compares_at(clog2(levels + 1) - 1, input_bits, folds) + 1;
  end function;

end package body;
