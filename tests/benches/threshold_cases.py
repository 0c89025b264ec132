"""Cases of ``threshold_tb``: expected codes by counting."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from harness import Case, random_codes, write_beats, write_table

from ir.numbers import IntegerType
from ir.timing import threshold_latency

PIXELS = 40


@dataclass(frozen=True, slots=True)
class Steps:
    """Generics of the entity."""

    input_bits: int
    output: IntegerType
    levels: int
    lanes: int = 1
    folds: int = 1
    low: int | None = None


def _case(seed: int, steps: Steps) -> Case:
    low = steps.output.minimum if steps.low is None else steps.low

    def write(folder: Path) -> None:
        random = np.random.default_rng(seed)
        channels = steps.lanes * steps.folds
        thresholds = random_codes(random, (channels, steps.levels), steps.input_bits, signed=True)
        thresholds.sort(axis=1)
        x = random_codes(random, (PIXELS, channels), steps.input_bits, signed=True)
        # Values at and just below a step.
        exact = thresholds[np.arange(channels), random.integers(steps.levels, size=channels)]
        x[0], x[1] = exact, np.maximum(exact - 1, -(1 << (steps.input_bits - 1)))
        codes = low + np.sum(thresholds <= x[..., None], axis=2)
        write_table(folder / "thresholds.txt", thresholds, steps.input_bits)
        write_beats(folder / "input.txt", x, steps.lanes, steps.input_bits)
        write_beats(folder / "expected.txt", codes, steps.lanes, steps.output.bits)

    latency = threshold_latency(steps.levels, steps.input_bits, steps.folds)
    generics = {
        "seed": seed,
        "input_bits": steps.input_bits,
        "output_bits": steps.output.bits,
        "output_signed": steps.output.signed,
        "low": low,
        "levels": steps.levels,
        "lanes": steps.lanes,
        "folds": steps.folds,
        "first_edge": latency,
        "last_edge": latency + PIXELS * steps.folds - 1,
    }
    shape = f"{steps.lanes} lanes, {steps.folds} folds"
    name = f"{steps.levels} of {steps.input_bits} bits to {steps.output} from {low}, {shape}"
    return Case(name, generics, write)


CASES = tuple(
    _case(seed, steps)
    for seed, steps in enumerate(
        (
            Steps(16, IntegerType(8, False), 255, lanes=2, folds=3),
            Steps(20, IntegerType(8, True), 255),
            Steps(12, IntegerType(8, True), 100, lanes=2, folds=2, low=-50),
            Steps(9, IntegerType(4, False), 15, lanes=3, folds=1),
            Steps(9, IntegerType(4, False), 8, lanes=1, folds=5, low=2),
            Steps(7, IntegerType(3, True), 3, lanes=2, folds=4, low=-1),
            Steps(24, IntegerType(1, False), 1, lanes=4, folds=4),
            Steps(8, IntegerType(1, True), 1, lanes=1, folds=2),
            Steps(3, IntegerType(2, False), 2, lanes=2, folds=2),
            # Two words at a time; block RAM: the last two of seven stages; all three.
            Steps(9, IntegerType(4, False), 13, lanes=2, folds=20),
            Steps(16, IntegerType(7, False), 127, folds=16),
            Steps(16, IntegerType(3, False), 5, folds=513),
        ),
        start=1,
    )
)
