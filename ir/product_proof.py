"""Requantized products of two codes that equal a golden function on every pair of codes.

onnxruntime multiplies two quantized tensors as ``clamp(rint(float32(p) * M + zero_point))`` with
the product ``p = (a - za) * (b - zb)`` (MLAS ``MlasQLinearMul``; ``rint`` rounds ties to even), a
non-decreasing step function of an integer.  With a_v the smallest product that reaches level v and
b_v the largest that does not, ``(p*m + r) >> k`` is the same function iff for every level

    a_v * m + r >= v * 2**k      and      b_v * m + r < v * 2**k

Not every integer is a product of two codes, which leaves more room than requantization has.  An r
exists for the slope s = m / 2**k iff ``v - a_v * s < w - b_w * s`` for all levels v and w: an open
interval of slopes with rational ends, found exactly.  The smallest k that puts a whole m into it
wins.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from ir.numbers import IntArray
from ir.requantize import MAXIMUM_SHIFT
from ir.sum_proof import SHORT_FACTOR_BITS, Pairs

MOST_SHIFT = 44
"""With codes of 8 bits and short factors, all sums stay within int64."""


@dataclass(frozen=True, slots=True)
class ScaledProduct:
    """``y = clamp(((a - za) * (b - zb) * factor + offset) >> shift, low, high)``, floor shift.

    ``zero_points``: (za, zb).  With ``half_even`` the shift rounds to nearest, ties to even.
    """

    zero_points: tuple[int, int]
    factor: int
    offset: int
    shift: int
    low: int
    high: int
    half_even: bool = False

    def __call__(self, a: IntArray, b: IntArray) -> IntArray:
        """Apply to codes of one shape, or of shapes that broadcast."""
        total = (a - self.zero_points[0]) * (b - self.zero_points[1]) * self.factor + self.offset
        if self.half_even and self.shift:
            total = total + (1 << (self.shift - 1)) - 1 + ((total >> self.shift) & 1)
        y: IntArray = np.clip(total >> self.shift, self.low, self.high)
        return y


def short_product(
    ratio: np.float32, zero_points: tuple[int, int], zero_point: int, bounds: tuple[int, int]
) -> ScaledProduct | None:
    """Return ``rint((a - za) * (b - zb) * ratio + zero_point)`` as integers, ties to even.

    None if the ratio, a number m * 2**-shift, has a long factor m, or if the zero point in units of
    2**-shift passes ``MOST_SHIFT`` and with it 64 bits.
    """
    if not np.isfinite(ratio):
        return None
    factor, denominator = float(ratio).as_integer_ratio()
    if factor >= 1 << (SHORT_FACTOR_BITS - 1):
        return None
    shift = denominator.bit_length() - 1
    if shift > MOST_SHIFT:
        return None
    return ScaledProduct(
        zero_points, factor, zero_point << shift, shift, *bounds, half_even=shift > 0
    )


def fit_product(golden: Pairs, zero_points: tuple[int, int]) -> ScaledProduct | None:
    """Return a product with the smallest shift that equals ``golden``, or None if there is none."""
    low, high = int(golden.values.min()), int(golden.values.max())
    levels = _levels(golden, zero_points)
    slopes = None if levels is None or low == high else _slopes(*levels)
    if levels is None or slopes is None:
        return None
    reached, unreached = levels
    values = low + 1 + np.arange(len(reached))
    for shift in range(MAXIMUM_SHIFT + 1):
        factor = int(slopes[0] * 2**shift) + 1
        if factor < slopes[1] * 2**shift:
            least = int(((values << shift) - reached * factor).max())
            most = int(((values << shift) - unreached * factor).min()) - 1
            form = ScaledProduct(zero_points, factor, (least + most) >> 1, shift, low, high)
            return form if golden.equal(form) else None
    return None


def _levels(golden: Pairs, zero_points: tuple[int, int]) -> tuple[IntArray, IntArray] | None:
    """Return, for each level above the least, the first product that reaches it and the last below.

    None if the golden function is no rising one of the product.
    """
    a, b = golden.codes
    products = ((a - zero_points[0]) * (b - zero_points[1])).reshape(-1)
    order = np.argsort(products, kind="stable")
    products, values = products[order], golden.values.reshape(-1)[order]
    same = products[1:] == products[:-1]
    if np.any(np.where(same, values[1:] != values[:-1], values[1:] < values[:-1])):
        return None
    first = np.searchsorted(values, np.arange(values[0] + 1, values[-1] + 1))
    return products[first], products[first - 1]


def _slopes(reached: IntArray, unreached: IntArray) -> tuple[Fraction, Fraction] | None:
    """Return the ends of the open interval of slopes that have an offset, None if it is empty."""
    level = np.arange(len(reached))
    rise = (level[:, None] - level).reshape(-1)
    run = (reached[:, None] - unreached).reshape(-1)
    rising, falling = run > 0, run < 0
    lower = _largest(rise[rising], run[rising], Fraction(0))
    upper = -_largest(rise[falling], -run[falling], -Fraction(len(reached) + 1))
    return (lower, upper) if lower < upper else None


def _largest(numerators: IntArray, denominators: IntArray, least: Fraction) -> Fraction:
    """Return the largest of the quotients and ``least``, exactly; denominators are positive."""
    while len(numerators):
        excess = numerators * least.denominator - denominators * least.numerator
        numerators, denominators = numerators[excess > 0], denominators[excess > 0]
        if len(numerators):
            best = int(np.argmax(numerators / denominators))
            least = Fraction(int(numerators[best]), int(denominators[best]))
    return least
