"""Whether a factor m * 2^-e with some rounding offset equals onnxruntime's requantization."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ir.numbers import IntArray, IntegerType
from ir.requantize import GoldenRequantization

FloatArray = npt.NDArray[np.float64]
Float32Array = npt.NDArray[np.float32]
BoolArray = npt.NDArray[np.bool_]

ACTIVATION = IntegerType(8, signed=False)
SEARCHES = ((9, 12), (13, 256))
"""Width of m in a search for an exact factor, and how many of them to try, in this order."""
NEIGHBOURS = 3
"""float32 numbers tried on either side of the quotient when looking for a scale."""


@dataclass(frozen=True, slots=True)
class Quantized:
    """A quantized activation tensor: ``real = scale * (code - zero_point)``, uint8 codes."""

    scale: np.float32
    zero_point: int


def is_exact(golden: GoldenRequantization, mantissas: IntArray, shifts: IntArray) -> BoolArray:
    """Say for each channel whether some r makes ``(a*m + r) >> e`` equal to ``golden``.

    The offset must lift each level's step to the level and must not lift the accumulator before it;
    all these bounds are below 2^63: levels are 8 bits, shifts at most 40, accumulators 32, m 9.
    """
    steps = fast_steps(golden)
    levels = np.arange(golden.output.minimum + 1, golden.output.maximum + 1)
    m, e = mantissas[:, None], shifts[:, None]
    reached, unreached = steps <= golden.highs[:, None], steps > golden.lows[:, None]
    at_least = np.where(reached, (levels << e) - steps * m, np.iinfo(np.int64).min)
    at_most = np.where(unreached, (levels << e) - (steps - 1) * m - 1, np.iinfo(np.int64).max)
    exact: BoolArray = at_least.max(1) <= at_most.min(1)
    return exact


def fast_steps(golden: GoldenRequantization) -> IntArray:
    """Return ``golden.steps()``; computed from the quotient and checked, searched where wrong."""
    levels = np.arange(golden.output.minimum + 1, golden.output.maximum + 1)
    lows, highs = golden.lows[:, None], golden.highs[:, None]
    border = (levels - golden.zero_point - 0.5) / golden.factors.astype(np.float64)[:, None]
    guess = np.ceil(np.clip(border - golden.biases[:, None], lows - 1, highs + 2)).astype(np.int64)

    def reaches(accumulators: IntArray) -> BoolArray:
        inside = np.clip(accumulators, lows, highs)
        high_enough = golden(inside.T).T >= levels
        result: BoolArray = (accumulators >= lows) & (high_enough | (accumulators > highs))
        return result

    before, at, after = reaches(guess - 1), reaches(guess), reaches(guess + 1)
    steps = np.clip(np.where(at, guess, guess + 1), lows, highs + 1)
    sure = np.all(~before & (at | after), axis=1)
    if not np.all(sure):
        steps[~sure] = _only(golden, np.flatnonzero(~sure)).steps()
    return steps


def _only(golden: GoldenRequantization, at: IntArray) -> GoldenRequantization:
    return GoldenRequantization(
        golden.factors[at],
        golden.biases[at],
        golden.zero_point,
        golden.output,
        golden.lows[at],
        golden.highs[at],
    )
