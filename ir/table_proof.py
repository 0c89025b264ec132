"""Lines equal to tables that rise or fall: a factor and a summand for each channel.

A table that never falls is a step function, known by the smallest code that reaches each level; one
that never rises is a step function of the negative code.  One search for lines serves both.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ir.numbers import IntArray, frozen_integers
from ir.proof import ProofRecord, Steps, check_equal, record, solve_steps
from ir.requantize import ScaleRequantization


def prove_lines(
    layer: str, tables: IntArray, first: int, lows: IntArray, highs: IntArray
) -> tuple[ScaleRequantization, ProofRecord] | None:
    """Return the requantization of codes that equals ``tables``, checked on all codes.

    None if there is none.

    Args:
        layer: for messages.
        tables: (codes, channels), outputs for the codes ``first``, ``first + 1``, ...
        first: code of the first row.
        lows: (channels,), smallest code of each channel.
        highs: (channels,), largest code of each channel.
    """
    signs = _directions(tables, first, lows, highs)
    if signs is None:
        return None
    firsts, lasts = np.where(signs > 0, lows, -highs), np.where(signs > 0, highs, -lows)
    codes = np.clip(first + np.arange(len(tables))[:, None], lows, highs)
    expected = tables[codes - first, np.arange(len(lows))]
    low, high = int(expected.min()), int(expected.max())
    if low == high:
        return None
    levels = np.arange(low + 1, high + 1)
    at = np.empty((len(lows), len(levels)), np.int64)
    for channel, sign in enumerate(signs):
        rising = tables[lows[channel] - first : highs[channel] - first + 1, channel][::sign]
        at[channel] = firsts[channel] + np.searchsorted(rising, levels)
    steps = Steps(at, firsts, lasts, low)
    rising_form = solve_steps(steps)
    if not isinstance(rising_form, ScaleRequantization):
        return None
    form = replace(rising_form, multipliers=frozen_integers(rising_form.multipliers * signs))
    check_equal(layer, expected, form, codes)
    return form, record(layer, steps, form, codes.size)


def _directions(tables: IntArray, first: int, lows: IntArray, highs: IntArray) -> IntArray | None:
    """Return 1 for channels that never fall and -1 for those that never rise; None for others."""
    codes = first + np.arange(len(tables) - 1)[:, None]
    inside = (codes >= lows) & (codes < highs)
    rises = np.where(inside, np.diff(tables, axis=0), 0)
    signs = np.where(np.all(rises >= 0, axis=0), 1, -1)
    return signs if np.all(rises * signs >= 0) else None
