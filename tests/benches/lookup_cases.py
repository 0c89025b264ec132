"""Cases of ``lookup_tb``."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from harness import Case, random_codes, write_beats, write_table

from ir.timing import LOOKUP_LATENCY


def _case(input_bits: int, output_bits: int, lanes: int, seed: int) -> Case:
    beats = -(-(1 << input_bits) // lanes) + 20

    def write(folder: Path) -> None:
        random = np.random.default_rng(seed)
        table = random_codes(random, (1 << input_bits,), output_bits, signed=False)
        # Every index once, in a random order, and some twice.
        indices = np.resize(random.permutation(1 << input_bits), (beats, lanes))
        write_table(folder / "table.txt", table, output_bits)
        write_beats(folder / "input.txt", indices, lanes, input_bits)
        write_beats(folder / "expected.txt", table[indices], lanes, output_bits)

    generics = {
        "seed": seed,
        "input_bits": input_bits,
        "output_bits": output_bits,
        "lanes": lanes,
        "first_edge": LOOKUP_LATENCY,
        "last_edge": LOOKUP_LATENCY + beats - 1,
    }
    return Case(f"{input_bits} to {output_bits} bits, {lanes} lanes", generics, write)


CASES = tuple(
    _case(*case, seed)
    for seed, case in enumerate(
        ((8, 8, 1), (8, 8, 4), (1, 1, 1), (1, 16, 3), (4, 7, 2), (9, 5, 2), (12, 3, 16)), start=1
    )
)
