"""Cases of ``lookup_tb``."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from harness import Case, random_codes, write_beats, write_table

from ir.timing import LOOKUP_LATENCY


def _case(input_bits: int, output_bits: int, lanes: int, folds: int, seed: int) -> Case:
    """``folds``: beats of a pixel with a table for each channel, 0 for one table for all."""
    beats = -(-(1 << input_bits) // lanes) + 20
    beats += -beats % max(folds, 1)
    tables = max(folds, 1) * lanes

    def write(folder: Path) -> None:
        random = np.random.default_rng(seed)
        table = random_codes(random, (tables, 1 << input_bits), output_bits, signed=False)
        if not folds:
            table[:] = table[0]
        # Every index once, in a random order, and some twice.
        indices = np.resize(random.permutation(1 << input_bits), (beats, lanes))
        channels = np.arange(beats * lanes).reshape(beats, lanes) % tables
        write_table(folder / "table.txt", table if folds else table[0], output_bits)
        write_beats(folder / "input.txt", indices, lanes, input_bits)
        write_beats(folder / "expected.txt", table[channels, indices], lanes, output_bits)

    generics = {
        "seed": seed,
        "input_bits": input_bits,
        "output_bits": output_bits,
        "lanes": lanes,
        "is_shared": folds == 0,
        "folds": max(folds, 1),
        "first_edge": LOOKUP_LATENCY,
        "last_edge": LOOKUP_LATENCY + beats - 1,
    }
    kind = f"{folds} x {lanes} tables" if folds else f"{lanes} lanes"
    return Case(f"{input_bits} to {output_bits} bits, {kind}", generics, write)


CASES = tuple(
    _case(*case, seed)
    for seed, case in enumerate(
        (
            (8, 8, 1, 0),
            (8, 8, 4, 0),
            (1, 1, 1, 0),
            (1, 16, 3, 0),
            (4, 7, 2, 0),
            (9, 5, 2, 0),
            (12, 3, 16, 0),
            (8, 8, 1, 3),
            (5, 6, 3, 2),
            (4, 9, 2, 1),
        ),
        start=1,
    )
)
