"""Cases of ``serializer_tb``."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from harness import Case, random_codes, write_beats

BEATS = 20


def _case(parts: int, width: int, seed: int) -> Case:
    def write(folder: Path) -> None:
        codes = random_codes(np.random.default_rng(seed), (BEATS, parts), width, signed=False)
        write_beats(folder / "input.txt", codes, parts, width)
        write_beats(folder / "expected.txt", codes, 1, width)

    generics = {
        "seed": seed,
        "parts": parts,
        "width": width,
        "first_edge": 1,
        "last_edge": BEATS * parts,
    }
    return Case(f"{parts} parts of {width} bits", generics, write)


CASES = tuple(
    _case(*case, seed) for seed, case in enumerate(((2, 8), (3, 1), (8, 20), (16, 5)), start=1)
)
