"""Exact requantization: the golden step function and the integer forms proved equal to it.

onnxruntime turns the int32 accumulator ``a`` of a quantized convolution, Gemm or global average
into ``y = clamp(rint(float32(a) * M) + zero_point)`` with one float32 factor ``M`` per channel
(MLAS ``MlasRequantizeOutput``; ``rint`` rounds ties to even).  For ``M > 0`` that is a
non-decreasing step function of an integer, fixed by the accumulator values at which it steps.
Two integer functions that step at the same places are the same function: the search here finds a
form whose steps are *those* steps, over the whole reachable range, so equality is proved, not
sampled.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np
import numpy.typing as npt

from ir.numbers import IntArray, IntegerType

MAXIMUM_SHIFT = 40
"""Largest shift tried: multiplier and offset then stay inside a DSP48's 48-bit sum."""


@dataclass(frozen=True, slots=True)
class GoldenRequantization:
    """onnxruntime's arithmetic for one element.

    ``factors``: float32 (channels,), positive; ``biases``: int (channels,), added to the raw
    accumulator (the sum of products of stored activation and weight codes) before the factor;
    ``lows``, ``highs``: int (channels,), reachable raw accumulators, bias not included.
    """

    factors: npt.NDArray[np.float32]
    biases: IntArray
    zero_point: int
    output: IntegerType
    lows: IntArray
    highs: IntArray

    def __call__(self, accumulators: IntArray) -> IntArray:
        """Return the golden outputs for raw accumulators, shape (..., channels)."""
        with np.errstate(over="ignore"):  # infinity clamps like any large number
            scaled = (accumulators + self.biases).astype(np.float32) * self.factors
        y = np.rint(scaled).astype(np.float64) + self.zero_point
        clamped: IntArray = np.clip(y, self.output.minimum, self.output.maximum).astype(np.int64)
        return clamped

    def steps(self) -> IntArray:
        """Return, per channel and level, the smallest accumulator that reaches the level.

        Shape (channels, levels); level n stands for output ``output.minimum + 1 + n``.  ``lows``
        means "at once" (no step inside the range), ``highs + 1`` means "never".
        """
        levels = np.arange(self.output.minimum + 1, self.output.maximum + 1)
        shape = (len(self.lows), len(levels))
        below = np.broadcast_to(self.lows[:, None] - 1, shape).copy()
        reached = np.broadcast_to(self.highs[:, None] + 1, shape).copy()
        while np.any(reached - below > 1):
            middle = (below + reached) >> 1
            inside = np.clip(middle, self.lows[:, None], self.highs[:, None])
            high_enough = self(inside.T).T >= levels
            open_ = reached - below > 1
            reached = np.where(open_ & high_enough, middle, reached)
            below = np.where(open_ & ~high_enough, middle, below)
        return reached


@dataclass(frozen=True, slots=True)
class GoldenScaledSum(GoldenRequantization):
    """The arithmetic of a sum that is scaled in float32, and then quantized.

    ``y = clamp(rint(f32((f32(f32(a) * factors) + summands) / output_scale)) + zero_point)``

    ``summands``: float32 (channels,), None without them.
    """

    summands: npt.NDArray[np.float32] | None
    output_scale: np.float32

    def __call__(self, accumulators: IntArray) -> IntArray:
        """Return the golden outputs for raw accumulators, shape (..., channels)."""
        with np.errstate(over="ignore"):
            scaled = (accumulators + self.biases).astype(np.float32) * self.factors
            if self.summands is not None:
                scaled = scaled + self.summands
            quotients = scaled / self.output_scale
        y = np.rint(quotients).astype(np.float64) + self.zero_point
        clamped: IntArray = np.clip(y, self.output.minimum, self.output.maximum).astype(np.int64)
        return clamped


@dataclass(frozen=True, slots=True)
class ScaleRequantization:
    """``y = clamp((a * multipliers[c] + offsets[c]) >> shift, low, high)``, floor shift.

    The offset holds bias, zero point and rounding constant. ``multipliers``, ``offsets``: int64
    (channels,). ``low``, ``high`` may be tighter than the output type (a folded Clip).
    """

    multipliers: IntArray
    offsets: IntArray
    shift: int
    low: int
    high: int

    def __call__(self, accumulators: IntArray) -> IntArray:
        """Apply to raw accumulators, shape (..., channels)."""
        y: IntArray = (accumulators * self.multipliers + self.offsets) >> self.shift
        return np.clip(y, self.low, self.high)

    @property
    def multiplier_bits(self) -> int:
        """Width of the signed multipliers."""
        return _signed_bits(self.multipliers)

    @property
    def offset_bits(self) -> int:
        """Width of the signed offsets."""
        return _signed_bits(self.offsets)


class Scaling(Enum):
    """How the hardware multiplies by a ``ScaleRequantization``'s factors; the codes are the same.

    ``MULTIPLIED``: a multiplier for each lane.  ``IN_LOGIC``: look-up tables and adders instead.
    ``SERIAL``: an adder for each lane, and an edge for each bit of the factor.
    """

    MULTIPLIED = "multiplied"
    IN_LOGIC = "multiplied_in_logic"
    SERIAL = "serial"


def can_be_serial(function: Requantization) -> bool:
    """True if ``serial_requantize`` takes ``function``, and it needs a multiplier otherwise.

    No factor is negative or longer than the shift.  The same power of two for all is wires.
    """
    if not isinstance(function, ScaleRequantization):
        return False
    bits, first = function.multiplier_bits, int(function.multipliers[0])
    if first & (first - 1) == 0 and np.all(function.multipliers == first):
        return False
    return int(function.multipliers.min()) >= 0 and 2 <= bits <= function.shift


def beat_edges(function: Requantization, scaling: Scaling) -> int:
    """Return the clock edges from a beat to the next that a requantization can take."""
    if scaling is Scaling.SERIAL and isinstance(function, ScaleRequantization):
        return function.multiplier_bits
    return 1


@dataclass(frozen=True, slots=True)
class ThresholdRequantization:
    """``y = low + number of thresholds[c] that are <= a``.

    ``thresholds``: (channels, levels), ascending along the levels.
    """

    thresholds: IntArray
    low: int

    def __call__(self, accumulators: IntArray) -> IntArray:
        """Apply to raw accumulators, shape (..., channels)."""
        y = np.empty(accumulators.shape, np.int64)
        for channel, row in enumerate(self.thresholds):
            y[..., channel] = self.low + np.searchsorted(row, accumulators[..., channel], "right")
        return y

    @property
    def levels(self) -> int:
        """Number of thresholds per channel."""
        return int(self.thresholds.shape[1])


Requantization = ScaleRequantization | ThresholdRequantization


def _signed_bits(values: IntArray) -> int:
    return IntegerType.spanning(int(values.min()), int(values.max()), signed=True).bits


def offset_for(steps: IntArray, low: int, high: int, first: int, m: int, k: int) -> int | None:
    """Return an offset r so that ``(a*m + r) >> k`` reaches each level exactly at its step.

    ``first``: the output value of level 0.  None if there is no such offset.
    """
    value = first + np.arange(len(steps), dtype=object)  # exact: products may pass 64 bits
    reached, unreached = steps <= high, steps > low
    s = steps.astype(object)
    at_least = [v * 2**k - a * m for v, a in zip(value[reached], s[reached], strict=True)]
    at_most = [
        v * 2**k - (a - 1) * m - 1 for v, a in zip(value[unreached], s[unreached], strict=True)
    ]
    lowest = max(at_least, default=None)
    highest = min(at_most, default=None)
    if lowest is None or highest is None:
        return int(lowest if lowest is not None else highest if highest is not None else 0)
    return int(lowest + highest) // 2 if lowest <= highest else None
