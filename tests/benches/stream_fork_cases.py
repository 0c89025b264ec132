"""Cases of ``stream_fork_tb``."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from harness import Case, random_codes, write_beats

BEATS = 40


def _case(ways: int, depth: int, width: int, seed: int) -> Case:
    """Way n ends in a FIFO of ``depth`` + n beats."""

    def write(folder: Path) -> None:
        codes = random_codes(np.random.default_rng(seed), (BEATS,), width, signed=False)
        write_beats(folder / "input.txt", codes, 1, width)
        write_beats(folder / "expected.txt", codes, 1, width)

    # The edges are those of the shallowest FIFO: a single place is pushed and popped in turn.
    generics = {
        "seed": seed,
        "ways": ways,
        "depth": depth,
        "width": width,
        "first_edge": 1,
        "last_edge": BEATS if depth > 1 else 2 * BEATS - 1,
    }
    return Case(f"{ways} ways, depth {depth}, width {width}", generics, write)


CASES = tuple(_case(*case) for case in ((2, 1, 1, 1), (2, 2, 8, 2), (3, 2, 5, 3), (5, 4, 33, 4)))
