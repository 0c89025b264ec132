"""Exact requantization of means: what onnxruntime averages in float32, as functions of integers.

For a window with ``count`` values inside, onnxruntime adds the dequantized values in float32,
divides by the count and by the output scale, adds the zero point and rounds to even:

    y = clamp(rint(f32(f32(f32(sx * S) / count) / sy) + zy))        S = sum of (code - zx)

A ReduceMean and the QuantizeLinear behind it round before they add the zero point.  Where the
products ``sx * code`` and all their sums are float32 numbers, that is a non-decreasing
function of the integer S.  Where they are rounded, it is still known for every S that is farther
from a step than all roundings together can reach.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ir.numbers import IntArray, IntegerType, frozen_integers
from ir.proof import ProofRecord, Steps, check_equal, record, solve_steps
from ir.requantize import Requantization, ScaleRequantization

FLOAT32_BITS = 24
HALF_ULP = 2.0**-FLOAT32_BITS
"""Largest relative error of a rounding to float32."""
FloatArray = npt.NDArray[np.float64]
MARGIN = 1 + 2.0**-10
"""For the errors of errors, and of float64 here."""
NEAR_BITS = 9
NEAR = 2.0**-NEAR_BITS
"""Codes by which ``near_mean`` may be away from the real mean before it rounds."""


@dataclass(frozen=True, slots=True)
class GoldenMean:
    """onnxruntime's arithmetic for windows of one size.

    ``counts``: (n,), values inside of a window; ``taps`` with those outside, which add the zero
    point.  ``low``, ``high``: codes that can occur.  ``rounds_first``: the zero point is added
    behind the rounding.
    """

    scale: np.float32
    zero_point: int
    output_scale: np.float32
    output_zero_point: int
    output: IntegerType
    taps: int
    counts: IntArray
    low: int
    high: int
    rounds_first: bool = False

    def __call__(self, sums: IntArray) -> IntArray:
        """Return the outputs for sums of codes, (..., n), taps outside included."""
        totals = (sums - self.taps * self.zero_point).astype(np.float32) * self.scale
        means = totals / self.counts.astype(np.float32)
        zero = np.float32(self.output_zero_point)
        with np.errstate(over="ignore"):
            scaled = means / self.output_scale
            y = np.rint(scaled) + zero if self.rounds_first else np.rint(scaled + zero)
        clamped = np.clip(y, self.output.minimum, self.output.maximum)
        result: IntArray = clamped.astype(np.int64)
        return result

    @property
    def firsts(self) -> IntArray:
        """Least sum for each count."""
        return self.counts * self.low + (self.taps - self.counts) * self.zero_point

    @property
    def lasts(self) -> IntArray:
        """Greatest sum for each count."""
        return self.counts * self.high + (self.taps - self.counts) * self.zero_point

    @property
    def sums_are_exact(self) -> bool:
        """True if float32 holds every sum of dequantized values."""
        numerator, _ = float(self.scale).as_integer_ratio()
        mantissa = (numerator // (numerator & -numerator)).bit_length()
        largest = max(self.high - self.zero_point, self.zero_point - self.low, 1) * self.taps
        return mantissa + largest.bit_length() <= FLOAT32_BITS

    @property
    def is_certain(self) -> bool:
        """True if no rounding of a sum can move a result, whatever the order of the additions."""
        if self.sums_are_exact:
            return True
        for count, first, last in zip(self.counts, self.firsts, self.lasts, strict=True):
            mean = np.arange(first, last + 1) - self.taps * self.zero_point
            mean = mean * self._ratio / float(count)
            value = mean + self.output_zero_point
            error = self._error(int(count), mean, value)
            inside = (value > self.output.minimum - 1) & (value < self.output.maximum + 1)
            if np.any(inside & (np.abs(value - np.floor(value) - 0.5) <= error)):
                return False
        return True

    @property
    def largest_error(self) -> float:
        """Codes by which roundings to float32 may move a result that is not clamped."""
        value = np.array([max(abs(self.output.minimum), self.output.maximum) + 1.0])
        mean = value + abs(self.output_zero_point)
        return float(self._error(int(self.counts.max()), mean, value)[0])

    @property
    def _ratio(self) -> float:
        return float(self.scale) / float(self.output_scale)

    def _error(self, count: int, mean: FloatArray, value: FloatArray) -> FloatArray:
        """Return how far from ``value``, a mean and the zero point, onnxruntime's may be."""
        # Each value and each partial sum, at most k * largest after k values, is rounded once;
        # then the quotients and the last sum.
        largest = max(self.high - self.zero_point, self.zero_point - self.low)
        sums = largest * self._ratio * ((count + 1) / 2 + 1)
        error: FloatArray = HALF_ULP * (sums + 2 * np.abs(mean) + np.abs(value)) * MARGIN
        return error


def prove_mean(layer: str, golden: GoldenMean) -> tuple[Requantization, ProofRecord]:
    """Return parameters for each count and the proof, over every sum that can occur.

    Raises:
        CompileError: the forms differ somewhere.
    """
    least, most = golden.firsts, golden.lasts
    levels = np.arange(golden.output.minimum + 1, golden.output.maximum + 1)
    at = np.empty((len(golden.counts), len(levels)), np.int64)
    widest = int((most - least).max())
    offsets = np.arange(widest + 1)[:, None]
    sums = np.minimum(least + offsets, most)
    outputs = golden(sums)
    for number in range(len(golden.counts)):
        at[number] = least[number] + np.searchsorted(outputs[:, number], levels, "left")
        at[number] = np.minimum(at[number], most[number] + 1)
    steps = Steps(at, least, most, golden.output.minimum)
    requantization = solve_steps(steps)
    check_equal(layer, outputs, requantization, sums)
    return requantization, record(layer, steps, requantization, sums.size)


def near_mean(golden: GoldenMean) -> ScaleRequantization:
    """Return parameters that give the real mean of the one count within ``NEAR``, then round."""
    (count,), (first,), (last,) = golden.counts, golden.firsts, golden.lasts
    offset = golden.taps * golden.zero_point
    shift = int(max(abs(first - offset), abs(last - offset), 1)).bit_length() + NEAR_BITS - 1
    ratio = float(golden.scale) / float(golden.output_scale) / float(count)
    multiplier = round(ratio * 2**shift)
    half = ((2 * golden.output_zero_point + 1) << shift) >> 1
    return ScaleRequantization(
        frozen_integers(np.array([multiplier])),
        frozen_integers(np.array([half - int(offset) * multiplier])),
        shift,
        golden.output.minimum,
        golden.output.maximum,
    )


def spread(function: ScaleRequantization, counts: IntArray, used: IntArray) -> ScaleRequantization:
    """Return parameters for all ``counts`` (some of which no window has) from those ``used``."""
    place = np.searchsorted(used, counts).clip(0, len(used) - 1)
    return ScaleRequantization(
        function.multipliers[place],
        function.offsets[place],
        function.shift,
        function.low,
        function.high,
    )
