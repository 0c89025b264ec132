"""Two lines for a function of one code, over every code: a PReLU in integers.

Below the knee and from it on, the function rises or falls.  A falling side is a rising function of
-x; each side of each channel is then known by its steps, and ``ir.proof`` finds multipliers,
offsets and one shift with exactly these steps, if there are any.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ir.numbers import IntArray, IntegerType, frozen_integers
from ir.proof import Steps, fit_line


@dataclass(frozen=True, slots=True)
class TwoLines:
    """``clip((x * multipliers[side] + offsets[side]) >> shift, low, high)``, both (2, n)."""

    multipliers: IntArray
    offsets: IntArray
    shift: int
    low: int
    high: int


def fit_two_lines(values: IntArray, number: IntegerType, knee: int) -> TwoLines | None:
    """Return two lines that equal ``values`` at every code, or None if there are none.

    Args:
        values: (2**bits, n), output codes for the codes ``number.minimum`` and up.
        number: type of the codes.
        knee: first code of the second line, inside ``number``.
    """
    low, high = int(values.min()), int(values.max())
    codes = np.arange(number.minimum, number.maximum + 1)
    sides = []
    for taken in (codes < knee, codes >= knee):
        part = _steps(values[taken], codes[taken], low, high)
        if part is None:
            return None
        sides.append(part)
    (below, below_signs), (above, above_signs) = sides
    line = fit_line(
        Steps(
            np.concatenate([below.at, above.at]),
            np.concatenate([below.firsts, above.firsts]),
            np.concatenate([below.lasts, above.lasts]),
            low,
        )
    )
    if line is None:
        return None
    signs = np.concatenate([below_signs, above_signs])
    multipliers, offsets, shift = line
    lines = TwoLines(
        frozen_integers((multipliers * signs).reshape(2, -1)),
        frozen_integers(offsets.reshape(2, -1)),
        shift,
        low,
        high,
    )
    return lines if np.array_equal(_apply(lines, codes, knee), values) else None


def _apply(lines: TwoLines, codes: IntArray, knee: int) -> IntArray:
    """Return (codes, n)."""
    side = (codes >= knee).astype(np.int64)
    shifted = (codes[:, None] * lines.multipliers[side] + lines.offsets[side]) >> lines.shift
    clipped: IntArray = np.clip(shifted, lines.low, lines.high)
    return clipped


def _steps(values: IntArray, codes: IntArray, low: int, high: int) -> tuple[Steps, IntArray] | None:
    """Return the steps of each column of ``values`` in ``codes * sign``, and the signs (n,).

    None if a column neither rises nor falls.  Without codes every column is constant.
    """
    count = values.shape[1]
    if not len(codes):
        values, codes = np.full((1, count), low), np.zeros(1, np.int64)
    changes = np.diff(values, axis=0)
    falls = np.any(changes < 0, axis=0)
    if np.any(falls & np.any(changes > 0, axis=0)):
        return None
    signs = np.where(falls, -1, 1)
    rising = np.where(falls, values[::-1], values)
    firsts = np.where(falls, -codes[-1], codes[0])
    lasts = np.where(falls, -codes[0], codes[-1])
    levels = np.arange(low + 1, high + 1)
    at = np.stack([np.searchsorted(column, levels) for column in rising.T])
    return Steps(firsts[:, None] + at, firsts, lasts, low), signs
