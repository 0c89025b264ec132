"""Means that onnxruntime adds up in float32, one value after another, as integers that round alike.

QLinearAveragePool dequantizes every code and adds the numbers of a window in raster order,

    t = f32(t + f32(sx * (code - zx)))            from t = 0 on, row after row of the window
    y = clamp(rint(f32(f32(f32(t) / count) / sy) + zy))

in a plain loop of C++ over the taps, on machines of every kind (onnxruntime,
contrib_ops/cpu/quantization/qlinear_pool.cc: ``QLinearPool2DTask`` and ``QLinearPoolNhwc2DTask``):
no compiler may change the order of such additions.  All dequantized numbers are whole multiples of
one power of two, and so are their sums.  So a sum is an integer, rounded after each addition to 24
significant bits, ties to even; float32 has no other limits where nothing overflows.  Numbers below
the normal ones have the same unit, so that they are no exception.  What follows the sum does not
decrease, and is known by its steps.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ir.average_proof import GoldenMean
from ir.float_sums import common_step
from ir.numbers import IntArray, IntegerType, frozen_integers
from ir.proof import ProofRecord, Steps, arguments_to_check, check_equal, record, thresholds_of
from ir.requantize import ThresholdRequantization

MOST_VALUES = 2**14
"""Of a mean: its sums have less than 48 bits, so that float64 holds them."""
_LARGEST_SUM = 2.0**126
"""Of numbers; float32 holds twice as much."""


def rounded(sums: IntArray) -> IntArray:
    """Return ``sums``, below 2^53 in size, rounded to 24 significant bits, ties to even."""
    return sums.astype(np.float64).astype(np.float32).astype(np.int64)


@dataclass(frozen=True, slots=True)
class FloatSums:
    """The sums of windows in units of ``unit``.

    ``addends``: (2**bits,), by the bit pattern of a code.  ``least``, ``most``: of a whole window;
    a sum on the way is between these, or between one of them and 0.
    """

    unit: float
    addends: IntArray
    least: int
    most: int


def can_be_added(golden: GoldenMean) -> bool:
    """True if the windows are not too large, and their sums are far from where float32 ends."""
    span = float(golden.high - golden.low + 1) * golden.taps
    return golden.taps <= MOST_VALUES and float(golden.scale) * span <= _LARGEST_SUM


def float_sums(golden: GoldenMean, number: IntegerType) -> FloatSums:
    """Return the sums of ``golden``'s windows, of codes of type ``number``."""
    patterns = np.arange(1 << number.bits)
    codes = np.where(patterns > number.maximum, patterns - (1 << number.bits), patterns)
    numbers = (codes - golden.zero_point).astype(np.float32) * golden.scale
    unit = common_step(numbers.astype(np.float64))
    addends = (numbers.astype(np.float64) / unit).astype(np.int64)
    used = addends[(codes >= golden.low) & (codes <= golden.high)]
    least = most = np.zeros((), np.int64)
    for _ in range(golden.taps):
        # Additions that round do not decrease: no sum of so many addends is beyond these.
        least, most = rounded(least + used.min()), rounded(most + used.max())
    return FloatSums(unit, frozen_integers(addends), int(least), int(most))


def prove_float_mean(
    layer: str, golden: GoldenMean, sums: FloatSums
) -> tuple[ThresholdRequantization, ProofRecord]:
    """Return the thresholds of ``sums``, a row for each count of ``golden``, and their proof.

    Raises:
        CompileError: the forms differ somewhere.
    """

    def codes(at: IntArray) -> IntArray:
        """Return the codes of sums (n, counts)."""
        return golden.codes((at.astype(np.float64) * sums.unit).astype(np.float32), golden.counts)

    levels = np.arange(golden.output.minimum + 1, golden.output.maximum + 1)[:, None]
    shape = (len(levels), len(golden.counts))
    below, reached = np.full(shape, sums.least), np.full(shape, sums.most + 1)
    while np.any(below < reached):
        middle = (below + reached) // 2
        has_reached = codes(middle) >= levels
        below = np.where(has_reached, below, np.minimum(middle + 1, reached))
        reached = np.where(has_reached, middle, reached)
    firsts, lasts = (np.full(shape[1], end) for end in (sums.least, sums.most))
    steps = Steps(reached.T, firsts, lasts, golden.output.minimum)
    requantization = thresholds_of(steps)
    arguments = arguments_to_check(steps)
    check_equal(layer, codes(arguments), requantization, arguments)
    return requantization, record(layer, steps, requantization, arguments.size)


def accumulator_of(sums: FloatSums, function: ThresholdRequantization) -> IntegerType:
    """Return the type that holds all sums on the way, and what the last one is compared with."""
    low = min(0, sums.least, int(function.thresholds.min()))
    high = max(0, sums.most, int(function.thresholds.max()))
    return IntegerType.spanning(low, high, signed=True)
