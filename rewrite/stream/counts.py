"""Numbers of lanes and channels at a time, which divide what there is."""

from __future__ import annotations

import math
from dataclasses import replace

from ir.elements import StreamType


def divisors(n: int) -> list[int]:
    """Return the divisors of ``n``, ascending."""
    small = [d for d in range(1, math.isqrt(n) + 1) if n % d == 0]
    return small + [n // d for d in reversed(small) if d * d != n]


def narrowest(pe: int, steps: int) -> int:
    """Return the fewest lanes by which ``pe`` sums leave within the ``steps`` cycles of a group."""
    return next(lanes for lanes in divisors(pe) if pe // lanes <= steps)


def with_lanes(stream: StreamType, lanes: int) -> StreamType:
    """Return ``stream`` with ``lanes`` values per beat."""
    return replace(stream, lanes=lanes)
