"""Exact requantization of linear interpolation: onnxruntime's Resize as a function of an integer.

Between a DequantizeLinear and a QuantizeLinear, onnxruntime interpolates in float32:

    y = clamp(rint(f32(t / sy)) + zy)      t = sum of w * f32(sx * (code - zx)), four neighbours

With whole factors every weight w is a fraction of one denominator, so that in real numbers t is
``sx * a / denominator`` for an integer sum a of codes less their zero point.  Where float32 holds
all products and sums, t is that number.  Between codes as they are, the fraction of t is cut off
instead, towards zero.  Where they are rounded, the result is still known for
every a that is farther from a step than all roundings together can reach, in whatever order
onnxruntime adds.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ir.float_sums import FLOAT32_BITS, HALF_ULP, MARGIN
from ir.numbers import IntArray, IntegerType
from ir.proof import ProofRecord, Steps, check_equal, record, solve_steps
from ir.requantize import Requantization

ROUNDINGS = 6
"""More than a term meets: its number, products with two weights, two or three additions."""


@dataclass(frozen=True, slots=True)
class GoldenInterpolation:
    """onnxruntime's arithmetic for a Resize.

    ``denominator``: what all weights of a sum of codes add up to.  ``low``, ``high``: codes that
    can occur.  ``size``: the larger of height and width of the result, in pixels: where a pixel
    lies is computed in float32, too, and exactly if the denominator is a power of two.
    ``truncated``: the fraction of t is cut off.
    """

    scale: np.float32
    zero_point: int
    output_scale: np.float32
    output_zero_point: int
    output: IntegerType
    denominator: int
    low: int
    high: int
    size: int
    truncated: bool = False

    def __call__(self, sums: IntArray) -> IntArray:
        """Return the outputs for sums of weighted codes, of any shape."""
        exact = (sums - self.denominator * self.zero_point) * float(self.scale) / self.denominator
        if self.truncated:
            exact = np.trunc(exact)
        with np.errstate(over="ignore"):
            y = np.rint(exact.astype(np.float32) / self.output_scale) + self.output_zero_point
        clamped = np.clip(y, self.output.minimum, self.output.maximum)
        result: IntArray = clamped.astype(np.int64)
        return result

    @property
    def first(self) -> int:
        """Least sum."""
        return self.denominator * self.low

    @property
    def last(self) -> int:
        """Greatest sum."""
        return self.denominator * self.high

    @property
    def _largest(self) -> int:
        return max(self.high - self.zero_point, self.zero_point - self.low, 1)

    def _sizes(self, sums: IntArray) -> npt.NDArray[np.float64]:
        """Return the most that the weighted sizes of the numbers add up to, for each sum of these.

        Of a sum a, let N be the negative part and v its weight: N is at most ``v * below``, and
        a + N at most ``(denominator - v) * above``.  Both are least restrictive where they are
        equal; the sizes then add up to a + 2 * N.
        """
        above, below = self.high - self.zero_point, self.zero_point - self.low
        if above <= 0 or below <= 0:
            return np.abs(sums).astype(np.float64)
        return sums + 2 * below * (self.denominator * above - sums) / (above + below)

    @property
    def _weights_are_exact(self) -> bool:
        return self.denominator & (self.denominator - 1) == 0

    @property
    def sums_are_exact(self) -> bool:
        """True if float32 holds every weight, product and partial sum."""
        numerator, _ = float(self.scale).as_integer_ratio()
        mantissa = (numerator // (numerator & -numerator)).bit_length()
        largest = self._largest * self.denominator
        return self._weights_are_exact and mantissa + largest.bit_length() <= FLOAT32_BITS

    @property
    def is_certain(self) -> bool:
        """True if no rounding can move a result."""
        if self.sums_are_exact:
            return True
        if self.truncated:
            return False
        ratio = float(self.scale) / float(self.output_scale)
        sums = np.arange(self.first, self.last + 1) - self.denominator * self.zero_point
        value = sums * ratio / self.denominator
        size = self._sizes(sums) * ratio / self.denominator
        roundings, place = ROUNDINGS, 0.0
        if not self._weights_are_exact:
            # A place is at most ``size``, rounded after each of three operations; both of its
            # weights are off by as much, along both axes, and rounded.
            roundings, place = ROUNDINGS + 4, 3 * HALF_ULP * (self.size + 1)
        reach = size * roundings * HALF_ULP + 8 * place * self._largest * ratio
        error = (reach + HALF_ULP * np.abs(value)) * MARGIN
        shifted = value + self.output_zero_point
        inside = (shifted > self.output.minimum - 1) & (shifted < self.output.maximum + 1)
        return not bool(np.any(inside & (np.abs(value - np.floor(value) - 0.5) <= error)))


def prove_interpolation(
    layer: str, golden: GoldenInterpolation
) -> tuple[Requantization, ProofRecord]:
    """Return parameters for one channel and the proof, over every sum that can occur.

    Raises:
        CompileError: the forms differ somewhere.
    """
    sums = np.arange(golden.first, golden.last + 1)
    outputs = golden(sums)
    levels = np.arange(golden.output.minimum + 1, golden.output.maximum + 1)
    at = golden.first + np.searchsorted(outputs, levels, "left")
    first, last = np.array([golden.first]), np.array([golden.last])
    steps = Steps(at[None], first, last, golden.output.minimum)
    requantization = solve_steps(steps)
    check_equal(layer, outputs[:, None], requantization, sums[:, None])
    return requantization, record(layer, steps, requantization, sums.size)
