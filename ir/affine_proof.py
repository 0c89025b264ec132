"""Exact requantization of a factor and a summand per channel, over every input code.

``golden(x * w)`` of an input code x rises with x where the weight w is positive and falls where
it is negative.  A falling channel is a rising function of -x, so one search for steps serves
both; a line found for -x becomes one for x by negating its multiplier.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ir.numbers import IntArray, frozen_integers
from ir.proof import ProofRecord, Steps, check_equal, golden_steps, record, solve_steps
from ir.requantize import GoldenRequantization, ScaleRequantization


def fit_affine(
    layer: str,
    golden: GoldenRequantization,
    weights: IntArray,
    lows: IntArray,
    highs: IntArray,
    bounds: tuple[int, int],
) -> tuple[ScaleRequantization, ProofRecord] | None:
    """Return a line equal to ``clip(golden(code * weights), *bounds)``, checked on all codes.

    None if there is none, as where halves round to even.

    Args:
        layer: for messages.
        golden: reads ``code * weights``; its ranges are those of that product.
        weights: (channels,), any sign.
        lows: (channels,), smallest code of each channel.
        highs: (channels,), largest code of each channel.
        bounds: of the output.
    """
    signs = np.where(weights < 0, -1, 1)
    steps = _code_steps(golden_steps(golden, *bounds), np.abs(weights), signs, lows, highs)
    requantization = solve_steps(steps)
    if not isinstance(requantization, ScaleRequantization):
        return None
    multipliers = frozen_integers(requantization.multipliers * signs)
    requantization = replace(requantization, multipliers=multipliers)
    codes = np.arange(lows.min(), highs.max() + 1)[:, None]
    arguments = np.clip(codes, lows, highs)
    expected = np.clip(golden(arguments * weights), *bounds)
    check_equal(layer, expected, requantization, arguments)
    return requantization, record(layer, steps, requantization, arguments.size)


def _code_steps(
    steps: Steps, magnitudes: IntArray, signs: IntArray, lows: IntArray, highs: IntArray
) -> Steps:
    """Return steps in ``code * sign`` from steps in ``code * weight``."""
    firsts = np.where(signs > 0, lows, -highs)
    lasts = np.where(signs > 0, highs, -lows)
    divisor = np.maximum(magnitudes, 1)[:, None]
    at = -(-steps.at // divisor)  # the smallest code whose product reaches the step
    idle = magnitudes[:, None] == 0  # the product is 0: reached at once or never
    at = np.where(idle, np.where(steps.at <= 0, firsts[:, None], lasts[:, None] + 1), at)
    return Steps(np.clip(at, firsts[:, None], lasts[:, None] + 1), firsts, lasts, steps.low)
