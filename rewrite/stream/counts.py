"""Numbers of lanes and channels at a time, which divide what there is."""

from __future__ import annotations

import math
from dataclasses import replace

from ir.elements import Shape, StreamType


def divisors(n: int) -> list[int]:
    """Return the divisors of ``n``, ascending."""
    small = [d for d in range(1, math.isqrt(n) + 1) if n % d == 0]
    return small + [n // d for d in reversed(small) if d * d != n]


UNEVEN_GAIN = 1.5
"""A last group with a surplus is considered where divisors ask for so many times the channels."""


def together(outputs: int) -> list[int]:
    """Return how many of ``outputs`` channels may be computed at a time.

    All divisors; and where they are far apart, as those of a prime number, the fewest channels for
    a number of groups, of which the last has a surplus.
    """
    whole = divisors(outputs)
    found = set(whole)
    for groups in range(2, outputs):
        pe = -(-outputs // groups)
        if UNEVEN_GAIN * pe < next(divisor for divisor in whole if divisor >= pe):
            found.add(pe)
    return sorted(found)


def narrowest(pe: int, outputs: int, steps: int) -> int | None:
    """Return the fewest lanes by which ``pe`` sums leave within the ``steps`` cycles of a group.

    They divide ``pe`` and all ``outputs``; None if there are none.
    """
    common = divisors(math.gcd(pe, outputs))
    return next((lanes for lanes in common if pe // lanes <= steps), None)


def with_lanes(stream: StreamType, lanes: int) -> StreamType:
    """Return ``stream`` with ``lanes`` values per beat."""
    return replace(stream, lanes=lanes)


def with_channels(stream: StreamType, more: int) -> StreamType:
    """Return ``stream`` with so many channels appended to each pixel, a value at a time."""
    shape = stream.shape
    return StreamType(Shape(shape.height, shape.width, shape.channels + more), stream.number, 1)
