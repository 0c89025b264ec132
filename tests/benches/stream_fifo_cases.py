"""Cases of ``stream_fifo_tb``."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from harness import Case, random_codes, write_beats


def _case(depth: int, width: int, seed: int) -> Case:
    beats = max(40, 3 * depth)

    def write(folder: Path) -> None:
        codes = random_codes(np.random.default_rng(seed), (beats,), width, signed=False)
        write_beats(folder / "input.txt", codes, 1, width)
        write_beats(folder / "expected.txt", codes, 1, width)

    # Pushed at t, popped at t + 1; a single place is pushed and popped in turn.
    last = beats if depth > 1 else 2 * beats - 1
    generics = {"seed": seed, "depth": depth, "width": width, "first_edge": 1, "last_edge": last}
    return Case(f"depth {depth}, width {width}", generics, write)


# From 65 on there is a memory behind the first four places.
CASES = tuple(
    _case(*case)
    for case in (
        (1, 1, 1),
        (2, 8, 2),
        (3, 5, 3),
        (5, 33, 4),
        (16, 2, 5),
        (64, 7, 6),
        (65, 16, 7),
        (68, 5, 8),
        (100, 41, 9),
        (132, 9, 10),
    )
)
