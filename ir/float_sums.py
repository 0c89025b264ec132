"""Bounds of sums of float32 numbers, whatever the order of the additions.

n numbers ``f32(scale * d)`` with integers ``low <= d <= high`` are added in n - 1 float32
additions, which form any binary tree.  An addition whose result is at most M in size, of numbers
that are multiples of a power of two, errs by half a unit in the last place of M, or not at all
where that unit divides the power.  Two things bound M:

- a node with k leaves sums at most k of the largest numbers;
- of integers that add up to S, some add up to ``high * (S - n * low) / (high - low)`` at most: with
  P = their sum, P <= k * high, and the others are at least (n - k) * low.  Likewise downwards.

A tree of n leaves has at most n - k + 1 nodes with k leaves or more (the uppermost of them have k
leaves below, and each of the rest adds one).  So with a bound that does not decrease with k, no
tree errs by more than nodes of 2, 3, ..., n leaves, which are those of a sum from left to right.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ir.numbers import IntArray

FLOAT32_BITS = 24
HALF_ULP = 2.0**-FLOAT32_BITS
"""Largest relative error of a rounding to float32."""
MARGIN = 1 + 2.0**-9
"""For the errors of errors, and of float64 here."""
MOST_TERMS = 2**14
"""So many roundings grow a number by less than ``MARGIN``: (1 + 2^-24)^(2^14) < 1 + 2^-9."""
FloatArray = npt.NDArray[np.float64]


def sum_bounds(
    scale: np.float32, low: int, high: int, count: int, sums: IntArray
) -> tuple[FloatArray, FloatArray]:
    """Return between what the float32 sums of ``count`` numbers lie whose integers sum to ``sums``.

    ``low <= 0 <= high``; ``count`` at most ``MOST_TERMS``.
    """
    numbers = np.arange(low, high + 1)
    exact = float(scale) * numbers
    rounded = exact.astype(np.float32).astype(np.float64)
    errors = rounded - exact
    step = common_step(rounded)
    factor, largest = float(scale), max(high, -low)
    # How far a computed partial sum may be from the exact one: each is at most k * largest.
    drift = HALF_ULP * factor * largest * (count * (count + 1) / 2 + count) * MARGIN
    sizes = np.arange(2, count + 1).astype(np.float64) * (factor * largest)
    by_size = _rounding(sizes + drift, step)
    reach = np.maximum(high * (sums - count * low), -low * (count * high - sums))
    by_sum = _rounding(factor * reach / max(high - low, 1) + drift, step)
    smaller = np.searchsorted(by_size, by_sum)  # nodes whose leaves bound them better
    before = np.concatenate([[0.0], np.cumsum(by_size)])
    additions = (before[smaller] + (count - 1 - smaller) * by_sum) * MARGIN
    middle = factor * sums
    least: FloatArray = middle + count * errors.min() - additions
    most: FloatArray = middle + count * errors.max() + additions
    return least, most


def common_step(numbers: FloatArray) -> float:
    """Return the largest power of two that divides all ``numbers`` of float32."""
    mantissas, exponents = np.frexp(numbers[numbers != 0])
    integers = np.ldexp(mantissas, FLOAT32_BITS).astype(np.int64)
    steps = np.ldexp((integers & -integers).astype(np.float64), exponents - FLOAT32_BITS)
    return float(steps.min(initial=np.inf))


def _rounding(sizes: FloatArray, step: float) -> FloatArray:
    """Return the largest error of rounding multiples of ``step``, at most ``sizes``, to float32."""
    _, exponents = np.frexp(sizes)
    unit = np.ldexp(1.0, exponents - FLOAT32_BITS)
    error: FloatArray = np.where(unit > step, unit / 2, 0.0)
    return error
