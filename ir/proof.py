"""Proof that an integer requantization equals the golden one over the whole reachable range.

A channel's golden function is non-decreasing, so it is known by its *steps*: the smallest
accumulator that reaches each output level.  ``(a*m + r) >> k`` reaches level v at step s, and not
one earlier, exactly if ``s*m + r >= v*2**k`` and ``(s-1)*m + r < v*2**k``.  For a given slope
``m / 2**k`` an offset r exists if the largest lower bound lies below the smallest upper bound; the
slopes for which it does form an open interval with rational ends, found here exactly.  The
smallest shift that puts an integer m into every channel's interval wins.  Where there is none, the
steps themselves become thresholds.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ir.errors import CompileError
from ir.numbers import IntArray, IntegerType, frozen_integers
from ir.requantize import (
    MAXIMUM_SHIFT,
    GoldenRequantization,
    Requantization,
    ScaleRequantization,
    ThresholdRequantization,
)

BoolArray = npt.NDArray[np.bool_]
_RANDOM_ACCUMULATORS = 100_000
_LARGEST_PRODUCT = 1 << 62


@dataclass(frozen=True, slots=True)
class ProofRecord:
    """What was proved for one element's requantization.

    ``low``, ``high``: reachable raw accumulators over all channels.  ``form``: ``"scale"``,
    ``"thresholds"``, ``"choice"`` (of two codes) or ``"table"``.  ``parameter_bits``: width of the
    multipliers, thresholds or table entries.  ``covered``: pairs (channel, accumulator) for which
    equality with the golden arithmetic is established by equal steps; ``evaluated``: how many of
    them were also computed in both forms and compared.
    """

    layer: str
    channels: int
    low: int
    high: int
    form: str
    parameter_bits: int
    shift: int
    covered: int
    evaluated: int


@dataclass(frozen=True, slots=True)
class Steps:
    """Non-decreasing step functions of an integer, one per channel.

    ``at``: (channels, levels), smallest argument that reaches output ``low + 1 + level``;
    ``firsts`` means "at once", ``lasts + 1`` "never".  ``firsts``, ``lasts``: (channels,) range
    of the argument.  Outputs run from ``low`` to ``low + levels``.
    """

    at: IntArray
    firsts: IntArray
    lasts: IntArray
    low: int

    @property
    def levels(self) -> int:
        """Number of steps per channel."""
        return int(self.at.shape[1])

    @property
    def reached(self) -> BoolArray:
        """(channels, levels): the level is reached inside the range or at once."""
        reached: BoolArray = self.at <= self.lasts[:, None]
        return reached

    @property
    def unreached(self) -> BoolArray:
        """(channels, levels): the level is not reached at the start of the range."""
        unreached: BoolArray = self.at > self.firsts[:, None]
        return unreached

    @property
    def constant(self) -> BoolArray:
        """(channels,): no step lies inside the range."""
        constant: BoolArray = ~np.any(self.reached & self.unreached, axis=1)
        return constant


def golden_steps(golden: GoldenRequantization, low: int, high: int) -> Steps:
    """Return the steps of ``clip(golden, low, high)``; the bounds lie inside the output type."""
    first = golden.output.minimum
    return Steps(golden.steps()[:, low - first : high - first], golden.lows, golden.highs, low)


def solve(
    golden: GoldenRequantization, low: int | None = None, high: int | None = None
) -> Requantization:
    """Return an integer form equal to ``clip(golden, low, high)`` over the reachable range."""
    bounds = output_bounds(golden, low, high)
    return solve_steps(golden_steps(golden, *bounds))


def output_bounds(
    golden: GoldenRequantization, low: int | None, high: int | None
) -> tuple[int, int]:
    """Return ``low`` and ``high``, by default and at most those of the output type."""
    output = golden.output
    return (
        output.minimum if low is None else max(low, output.minimum),
        output.maximum if high is None else min(high, output.maximum),
    )


def solve_steps(steps: Steps) -> Requantization:
    """Return a multiplier, offset and shift with exactly these steps, else thresholds."""
    line = fit_line(steps)
    if line is not None:
        multipliers, offsets, shift = line
        return ScaleRequantization(
            frozen_integers(multipliers),
            frozen_integers(offsets),
            shift,
            steps.low,
            steps.low + steps.levels,
        )
    return thresholds_of(steps)


def thresholds_of(steps: Steps) -> ThresholdRequantization:
    """Return ``steps`` as thresholds: those that some channel reaches, not at once, else one."""
    everywhere = np.all(~steps.unreached, axis=0)  # levels that every channel reaches at once
    nowhere = np.all(~steps.reached, axis=0)
    kept = ~(everywhere | nowhere)
    kept[0] |= not kept.any()
    return ThresholdRequantization(
        frozen_integers(steps.at[:, kept]), steps.low + int((everywhere & ~kept).sum())
    )


def fit_line(steps: Steps) -> tuple[IntArray, IntArray, int] | None:
    """Return (multipliers, offsets, shift) with exactly ``steps``, or None if there are none.

    A channel without steps inside its range gets the multiplier 0.
    """
    constant = steps.constant
    lower, upper = slope_bounds(steps)
    for shift in range(MAXIMUM_SHIFT + 1):
        multipliers = np.where(constant, 0, (lower[0] << shift) // lower[1] + 1)
        inside = multipliers * upper[1] < upper[0] << shift
        if np.all(constant | inside):
            offsets = _offsets(steps, multipliers, shift)
            return None if offsets is None else (multipliers, offsets, shift)
    return None


Fraction = tuple[IntArray, IntArray]
"""Numerators and positive denominators, (channels,)."""


def slope_bounds(steps: Steps) -> tuple[Fraction, Fraction]:
    """Return each channel's open interval of slopes; empty where lower >= upper.

    The gap between lower and upper offset bounds is a convex piecewise linear function of the
    slope; Newton's method from either side reaches its roots exactly, in a few iterations.
    Channels without steps inside get the empty interval (1, 0).
    """
    channels = len(steps.at)
    ceiling = steps.levels + 1  # above every slope that a pair of steps can ask for
    zeros, ones = np.zeros(channels, np.int64), np.ones(channels, np.int64)
    lower = _newton(steps, (zeros, ones), +1)
    upper = _newton(steps, (zeros + ceiling, ones), -1)
    return lower, upper


def _newton(steps: Steps, start: Fraction, side: int) -> Fraction:
    numerator, denominator = start[0].copy(), start[1].copy()
    level = np.arange(steps.levels)
    reached, unreached = steps.reached, steps.unreached
    active = ~steps.constant
    numerator[~active], denominator[~active] = (1, 1) if side > 0 else (0, 1)
    rows = np.flatnonzero(active)
    far = np.iinfo(np.int64).max
    while len(rows):
        at = steps.at[rows]
        p, q = numerator[rows, None], denominator[rows, None]
        least = np.where(reached[rows], level * q - at * p, -far)
        most = np.where(unreached[rows], level * q - (at - 1) * p, far)
        i, j = least.argmax(axis=1), most.argmin(axis=1)
        each = np.arange(len(rows))
        gap = least[each, i] - most[each, j]
        rise = (i - j) * side
        run = (at[each, i] - at[each, j] + 1) * side
        empty = (gap > 0) & (run <= 0)  # the gap nowhere falls below zero
        numerator[rows[empty]], denominator[rows[empty]] = (
            (steps.levels + 2, 1) if side > 0 else (0, 1)
        )
        going = (gap > 0) & ~empty
        numerator[rows[going]], denominator[rows[going]] = rise[going], run[going]
        rows = rows[going]
    return numerator, denominator


def _offsets(steps: Steps, multipliers: IntArray, shift: int) -> IntArray | None:
    """Return an offset per channel in the middle of those that step right."""
    reach = np.maximum(np.abs(steps.firsts), np.abs(steps.lasts)) + 1.0
    value = steps.low + 1 + np.arange(steps.levels)
    largest = float(max(abs(steps.low), abs(steps.low + steps.levels)) + 1) * 2.0**shift
    if np.any(reach * multipliers * 2 + largest >= _LARGEST_PRODUCT):
        return None
    at, m = steps.at, multipliers[:, None]
    far = np.iinfo(np.int64).max
    least = np.where(steps.reached, (value << shift) - at * m, -far).max(axis=1, initial=-far)
    most = np.where(steps.unreached, (value << shift) - (at - 1) * m - 1, far).min(
        axis=1, initial=far
    )
    level = steps.reached.sum(axis=1)  # of a constant channel
    centre = ((steps.low + level) << shift) + ((1 << shift) >> 1)
    middle = least + ((most - least) >> 1)
    offsets: IntArray = np.where(steps.constant, centre, middle)
    return offsets


def prove(
    layer: str, golden: GoldenRequantization, low: int | None = None, high: int | None = None
) -> tuple[Requantization, ProofRecord]:
    """Solve, then compute both forms at every step, its neighbours and random accumulators.

    Raises:
        CompileError: the forms differ somewhere.
    """
    bounds = output_bounds(golden, low, high)
    steps = golden_steps(golden, *bounds)
    requantization = solve_steps(steps)
    arguments = arguments_to_check(steps)
    check_equal(layer, np.clip(golden(arguments), *bounds), requantization, arguments)
    return requantization, record(layer, steps, requantization, arguments.size)


def arguments_to_check(steps: Steps) -> IntArray:
    """Return arguments (n, channels): steps, neighbours, ends of the range, random ones."""
    rows = max(1, _RANDOM_ACCUMULATORS // len(steps.firsts))
    random = np.random.default_rng(0).integers(
        steps.firsts, steps.lasts, (rows, len(steps.firsts)), endpoint=True
    )
    ends = np.stack([steps.firsts, steps.lasts])
    near = [steps.at.T - 1, steps.at.T, steps.at.T + 1]
    inside: IntArray = np.clip(np.concatenate([*near, ends, random]), steps.firsts, steps.lasts)
    return inside


def check_equal(
    layer: str, expected: IntArray, requantization: Requantization, arguments: IntArray
) -> None:
    """Raise CompileError unless ``requantization`` gives ``expected`` at ``arguments``."""
    wrong = np.argwhere(requantization(arguments) != expected)
    if len(wrong):
        row, channel = (int(n) for n in wrong[0])
        raise CompileError(
            "prove",
            layer,
            f"the requantization of channel {channel} must give {expected[row, channel]} at "
            f"{arguments[row, channel]}, not {requantization(arguments)[row, channel]}",
            "this is a bug, please report it",
        )


def record(layer: str, steps: Steps, requantization: Requantization, evaluated: int) -> ProofRecord:
    """Return the record of a proof for arguments ``steps.firsts`` to ``steps.lasts``."""
    scale = isinstance(requantization, ScaleRequantization)
    return ProofRecord(
        layer=layer,
        channels=len(steps.firsts),
        low=int(steps.firsts.min()),
        high=int(steps.lasts.max()),
        form="scale" if scale else "thresholds",
        parameter_bits=parameter_bits(requantization),
        shift=requantization.shift if isinstance(requantization, ScaleRequantization) else 0,
        covered=int((steps.lasts - steps.firsts + 1).sum()),
        evaluated=evaluated,
    )


def parameter_bits(requantization: Requantization) -> int:
    """Return the width of the signed multipliers or thresholds."""
    if isinstance(requantization, ScaleRequantization):
        return requantization.multiplier_bits
    thresholds = requantization.thresholds
    return IntegerType.spanning(int(thresholds.min()), int(thresholds.max()), signed=True).bits
