"""The smallest number that is enough, where less than enough tells how much it lacks."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction


def smallest(
    least: int,
    enough: int,
    first: int,
    late: Callable[[int], Fraction | None],
    edges_each: Fraction | int,
) -> int:
    """Return the smallest number from ``least`` on that is enough; ``enough`` is known to be.

    ``late``: 0 if a number is enough, else about how many edges are lacking, or None where that is
    unknown.  ``edges_each``: about how many of them one more makes up for, 0 if that is unknown.

    The search begins at ``first``.  It goes up by what is lacking (by secants, once two numbers
    are known that lack less and less), or down in growing steps; between two sides it halves what
    is left, at the latest with every other number.
    """
    too_small, lacking, each = least - 1, None, Fraction(edges_each)
    largest, value, step, is_halving = enough, first, 1, False
    while enough - too_small > 1:
        value = min(max(value, too_small + 1), enough - 1)
        left = enough - too_small
        found = late(value)
        if found == 0:
            enough = value
        else:
            if found and lacking and found < lacking:
                each = (lacking - found) / (value - too_small)
            too_small, lacking = value, found
        up = math.ceil(lacking / each) if lacking and each else step
        is_halving = not is_halving and 2 * (enough - too_small) > left
        if enough == largest:
            value = too_small + max(up, 1)
        elif too_small < least:
            value = enough - step
        else:
            value = (too_small + enough) // 2 if is_halving or not lacking else too_small + up
        step *= 2
    return enough
