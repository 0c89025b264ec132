"""Exact requantization of means: what onnxruntime averages in float32, as functions of integers.

For a window with ``count`` values inside, onnxruntime adds the dequantized values in float32,
divides by the count and by the output scale, adds the zero point and rounds to even:

    y = clamp(rint(f32(f32(f32(sx * S) / count) / sy) + zy))        S = sum of (code - zx)

A ReduceMean and the QuantizeLinear behind it round before they add the zero point.  Where the
products ``sx * code`` and all their sums are float32 numbers, that is a non-decreasing
function of the integer S.  Where they are rounded, it is still one for every S whose least and
greatest float32 sum (``ir/float_sums.py``), in any order, give the same code: what follows the sum
does not decrease.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ir.errors import CompileError
from ir.float_sums import FLOAT32_BITS, MOST_TERMS, FloatArray, sum_bounds
from ir.numbers import IntArray, IntegerType
from ir.proof import ProofRecord, Steps, check_equal, record, solve_steps
from ir.requantize import Requantization, ScaleRequantization


@dataclass(frozen=True, slots=True)
class GoldenMean:
    """onnxruntime's arithmetic for windows of one size.

    ``counts``: (n,), values inside of a window; ``taps`` with those outside, which add the zero
    point.  ``low``, ``high``: codes that can occur.  ``rounds_first``: the zero point is added
    behind the rounding.  ``shift``: by how much the output's codes and zero point are higher where
    onnxruntime computes, as uint8 ones in place of int8 ones.
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
    shift: int = 0

    def __call__(self, sums: IntArray) -> IntArray:
        """Return the outputs for sums of codes, (..., n), taps outside included."""
        totals = (sums - self.taps * self.zero_point).astype(np.float32) * self.scale
        return self.codes(totals, self.counts)

    def codes(self, totals: FloatArray | npt.NDArray[np.float32], counts: IntArray) -> IntArray:
        """Return the outputs for float32 sums of dequantized values; they do not decrease."""
        means = totals.astype(np.float32) / counts.astype(np.float32)
        zero = np.float32(self.output_zero_point + self.shift)
        with np.errstate(over="ignore"):
            scaled = means / self.output_scale
            y = np.rint(scaled) + zero if self.rounds_first else np.rint(scaled + zero)
        clamped = np.clip(y - self.shift, self.output.minimum, self.output.maximum)
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
    def exact_scale_bits(self) -> int:
        """Significant bits of the input scale with which float32 holds all sums."""
        return FLOAT32_BITS - (self._largest * self.taps).bit_length()

    @property
    def sums_are_exact(self) -> bool:
        """True if float32 holds every sum of dequantized values."""
        numerator, _ = float(self.scale).as_integer_ratio()
        return (numerator // (numerator & -numerator)).bit_length() <= self.exact_scale_bits

    @property
    def uncertain_sums(self) -> int:
        """How many sums may give two codes, as onnxruntime adds in one order or another."""
        if self.sums_are_exact:
            return 0
        return sum(len(self.uncertain(number)) for number in range(len(self.counts)))

    def uncertain(self, number: int) -> IntArray:
        """Return the sums of codes less zero points, of ``counts[number]``, that may give two."""
        count, first, last = (each[number] for each in (self.counts, self.firsts, self.lasts))
        totals: IntArray = np.arange(first, last + 1) - self.taps * self.zero_point
        low, high = min(self.low - self.zero_point, 0), max(self.high - self.zero_point, 0)
        least, most = sum_bounds(self.scale, low, high, int(count), totals)
        found: IntArray = totals[self.codes(least, count) != self.codes(most, count)]
        return found

    @property
    def _largest(self) -> int:
        """Largest distance of a code from the zero point."""
        return max(self.high - self.zero_point, self.zero_point - self.low, 1)


def require_certain(layer: str, golden: GoldenMean) -> None:
    """Refuse means that are no functions of integers.

    Raises:
        CompileError: onnxruntime's result may depend on how it rounds sums, or they are too long.
    """
    refusal = uncertainty(layer, golden)
    if refusal is not None:
        raise refusal


def uncertainty(layer: str, golden: GoldenMean) -> CompileError | None:
    """Return why means are no functions of integers, None if they are."""
    if golden.taps > MOST_TERMS:
        return CompileError(
            "lower",
            layer,
            f"its mean must be one of {MOST_TERMS} values at most, not of {golden.taps}",
            "use GlobalAveragePool for a whole map, which onnxruntime adds in integers",
        )
    uncertain = golden.uncertain_sums
    if uncertain:
        every = int(np.sum(golden.lasts - golden.firsts + 1))
        return CompileError(
            "lower",
            layer,
            "each sum must give one code, in whatever order onnxruntime adds in float32, but "
            f"{uncertain} of {every} may give two",
            "use GlobalAveragePool for a whole map, which onnxruntime adds in integers, or an "
            f"input scale of {golden.exact_scale_bits} significant bits",
        )
    return None


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
