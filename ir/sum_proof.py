"""Weighted sums of two codes that equal a golden function on every pair of codes.

A function of two bytes is a table of 65,536 entries at most.  ``(a*p + b*q + r) >> shift`` equals
it iff every entry v > low asks for ``a*p + b*q + r >= v*2**shift`` and every v < high for
``a*p + b*q + r < (v+1)*2**shift`` (low and high are the clamp's).  For given slopes p, q an r
exists iff the *gap*, the largest lower bound less the smallest upper bound, is negative.  The gap
is a convex function of the slopes, so any pair of slopes that fails gives a line beyond which all
others fail, too: cuts through the centre of a polygon shrink it to the slopes that are left.  The
smallest shift that puts a point of the integer grid into them wins; the grid points of the polygon
are tried one by one, each leaving less of it.  Rounding to even widens the bounds by the ties.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ir.numbers import IntArray

FACTOR_BITS = 25
"""Width of the widest signed factor looked for."""
SHORT_FACTOR_BITS = 14
"""Width of the widest signed factor taken from the scales themselves."""
MAXIMUM_SHIFT = 32
"""Largest shift tried: slopes below 1/256 need more than the factors are long."""
MOST_TRIES = 200
"""Factors tried: sums that exist are found within some 30, others may leave a line of slopes."""
MOST_COLUMNS = 2048
"""Grid columns looked at on either side of the polygon's centre: more only in long slivers."""
STEEPEST = 256.0
"""Largest slope: one input step passes all output codes."""
LOOSE = 1e-12
"""What a cut leaves standing for rounding, in output steps per input step."""

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class WeightedSum:
    """``y = clamp((a*p + b*q + offset) >> shift, low, high)``, factors (p, q), floor shift.

    With ``half_even`` the shift rounds to nearest, ties to even.
    """

    factors: tuple[int, int]
    offset: int
    shift: int
    low: int
    high: int
    half_even: bool = False

    def __call__(self, a: IntArray, b: IntArray) -> IntArray:
        """Apply to codes of one shape, or of shapes that broadcast."""
        total = a * self.factors[0] + b * self.factors[1] + self.offset
        if self.half_even and self.shift:
            total = total + (1 << (self.shift - 1)) - 1 + ((total >> self.shift) & 1)
        y: IntArray = np.clip(total >> self.shift, self.low, self.high)
        return y


@dataclass(frozen=True, slots=True)
class Pairs:
    """A golden function: ``values`` (n, m) for the codes ``first[0] + i``, ``first[1] + j``."""

    values: IntArray
    first: tuple[int, int]

    @property
    def codes(self) -> tuple[IntArray, IntArray]:
        """The codes as (n, 1) and (1, m)."""
        rows, columns = self.values.shape
        a, b = self.first[0] + np.arange(rows), self.first[1] + np.arange(columns)
        return a[:, None], b[None, :]

    def equal(self, form: Callable[[IntArray, IntArray], IntArray]) -> bool:
        """True if ``form`` gives the golden value for every pair."""
        return bool(np.array_equal(form(*self.codes), self.values))


def short_sum(
    ratios: tuple[np.float32, np.float32],
    zero_points: tuple[int, int],
    zero_point: int,
    bounds: tuple[int, int],
) -> WeightedSum | None:
    """Return ``rint((a - za) * ratio_a + (b - zb) * ratio_b) + z`` as integers, ties to even.

    None if the ratios, numbers m * 2**-shift, have long factors m.
    """
    if not all(np.isfinite(r) for r in ratios):
        return None
    fractions = [float(r).as_integer_ratio() for r in ratios]
    denominator = max(d for _, d in fractions)
    p, q = (n * (denominator // d) for n, d in fractions)
    if max(abs(p), abs(q)) >= 1 << (SHORT_FACTOR_BITS - 1):
        return None
    shift = denominator.bit_length() - 1
    offset = (zero_point << shift) - p * zero_points[0] - q * zero_points[1]
    return WeightedSum((p, q), offset, shift, *bounds, half_even=shift > 0)


def fit_sum(golden: Pairs) -> WeightedSum | None:
    """Return the sum with the smallest shift that equals ``golden``, or None if there is none.

    Rounding to even is tried last: only ties make it necessary.
    """
    low, high = int(golden.values.min()), int(golden.values.max())
    if low == high:
        return WeightedSum((0, 0), low, 0, low, high)
    for half_even in (False, True):
        search = _Search(golden, low, high, half_even)
        shift = int(half_even)
        while len(search.polygon) and shift <= MAXIMUM_SHIFT and len(search.tried) < MOST_TRIES:
            factors = search.grid_point(shift)
            if factors is None:
                shift += 1
                continue
            offset = search.offset(*factors, shift)
            if offset is not None:
                return WeightedSum(factors, offset, shift, low, high, half_even)
    return None


class _Search:
    """``polygon``: (corners, 2), in order, slopes of a and b that are not ruled out."""

    def __init__(self, golden: Pairs, low: int, high: int, half_even: bool) -> None:
        self.half_even = half_even
        a, b = np.broadcast_arrays(*golden.codes)
        values = golden.values
        self.lower = a[values > low], b[values > low], values[values > low]
        self.upper = a[values < high], b[values < high], values[values < high] + 1
        square = [(-1, -1), (1, -1), (1, 1), (-1, 1)]
        self.polygon: FloatArray = np.array(square, np.float64) * STEEPEST
        self.tried: set[tuple[int, int, int]] = set()

    def offset(self, p: int, q: int, shift: int) -> int | None:
        """Return an offset for the factors; if there is none, cut the polygon."""
        self.tried.add((p, q, shift))
        (a, b, v), (c, d, w) = self.lower, self.upper
        least, most = (v << shift) - a * p - b * q, (w << shift) - c * p - d * q - 1
        if self.half_even:  # half a step earlier; a tie belongs to the even value
            half = 1 << (shift - 1)
            least, most = least - half + (v & 1), most - half + (w & 1)
        i, j = int(least.argmax()), int(most.argmin())
        gap = int(least[i] - most[j])
        if gap <= 0:
            return int(least[i]) + (-gap >> 1)
        excess = gap - 1
        if self.half_even:
            excess += int(w[j] & 1) - int(v[i] & 1)
        # gap(x) >= gap(here) + (here - x) @ normal in real numbers, and it must not be positive
        normal = np.array([a[i] - c[j], b[i] - d[j]], np.float64)
        here = np.array([p, q]) * 2.0**-shift
        self._keep(normal, float(normal @ here) + excess * 2.0**-shift)
        return None

    def _keep(self, normal: FloatArray, bound: float) -> None:
        """Keep the points x with ``normal @ x >= bound``, and those within float64's errors."""
        distance = self.polygon @ normal - bound + LOOSE * float(np.abs(normal).sum())
        kept = []
        for corner, following, s, t in zip(
            self.polygon, np.roll(self.polygon, -1, 0), distance, np.roll(distance, -1), strict=True
        ):
            if s >= 0:
                kept.append(corner)
            if (s >= 0) != (t >= 0):
                kept.append(corner + (following - corner) * (s / (s - t)))
        self.polygon = np.array(kept) if len(kept) > 2 else np.empty((0, 2))

    def grid_point(self, shift: int) -> tuple[int, int] | None:
        """Return factors of slopes inside the polygon, near its centre, not tried before."""
        corners = self.polygon * 2.0**shift
        reach = float((1 << (FACTOR_BITS - 1)) - 1)
        centre = np.clip(corners.mean(axis=0), -reach, reach)
        first = max(np.ceil(corners[:, 0].min()), -reach, np.rint(centre[0]) - MOST_COLUMNS)
        last = min(np.floor(corners[:, 0].max()), reach, np.rint(centre[0]) + MOST_COLUMNS)
        columns = np.arange(first, last + 1)
        bottoms, tops = _heights(corners, columns)
        bottoms, tops = np.maximum(np.ceil(bottoms), -reach), np.minimum(np.floor(tops), reach)
        hit = np.flatnonzero(bottoms <= tops)
        for at in hit[np.argsort(np.abs(columns[hit] - centre[0]), kind="stable")]:
            p, low, high = int(columns[at]), int(bottoms[at]), int(tops[at])
            nearest = int(np.clip(np.rint(centre[1]), low, high))
            for q in (nearest, *range(low, min(high, low + MOST_COLUMNS) + 1)):
                if (p, q, shift) not in self.tried:
                    return p, q
        return None


def _heights(corners: FloatArray, columns: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return where each column (first coordinate) enters and leaves a convex polygon."""
    x, y = corners[:, :1] - columns, corners[:, 1:]
    next_x, next_y = np.roll(x, -1, 0), np.roll(y, -1, 0)
    crossing = (x >= 0) != (next_x >= 0)
    slope = (next_y - y) / np.where(crossing, x - next_x, 1.0)
    where = y + slope * x
    return (
        np.where(crossing, where, np.inf).min(axis=0),
        np.where(crossing, where, -np.inf).max(axis=0),
    )
