"""Cases of ``lane_maxima_tb``: random members of each output."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from harness import Case, random_codes, write_beats, write_table

from ir.numbers import IntegerType, clog2
from ir.timing import lane_maxima_latency

BEATS = 20


def _case(seed: int, number: IntegerType, inputs: int, outputs: int, most: int) -> Case:
    random = np.random.default_rng(seed)
    members = random.integers(0, inputs, (outputs, most))
    x = random_codes(random, (BEATS, inputs), number.bits, number.signed)

    def write(folder: Path) -> None:
        write_table(folder / "members.txt", members, max(1, clog2(inputs)))
        write_beats(folder / "input.txt", x, inputs, number.bits)
        write_beats(folder / "expected.txt", x[:, members].max(axis=2), outputs, number.bits)

    # Taken at an edge, there after as many more as there are levels.
    latency = lane_maxima_latency(most)
    generics = {
        "seed": seed,
        "bits": number.bits,
        "is_signed": number.signed,
        "inputs": inputs,
        "outputs": outputs,
        "most": most,
        "first_edge": latency,
        "last_edge": BEATS - 1 + latency,
    }
    return Case(f"{outputs} of {inputs} {number}, {most} each", generics, write)


CASES = tuple(
    _case(seed, *sizes)
    for seed, sizes in enumerate(
        (
            (IntegerType(8, False), 16, 4, 4),
            (IntegerType(8, True), 9, 5, 9),
            (IntegerType(4, True), 6, 3, 2),
            (IntegerType(1, True), 5, 2, 3),
            (IntegerType(16, False), 3, 4, 7),
            (IntegerType(8, True), 1, 2, 2),
        ),
        start=1,
    )
)
