"""Cases of ``sliding_steps_tb``: what each step that yields is, edges edge by edge."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import numpy as np
from harness import Case, random_codes, write_beats
from sliding_maximum_cases import WINDOWS, Window
from stream_timing import Stage, output_edges

OUTERS = 3


def _case(seed: int, window: Window, inner: int, depth: int) -> Case:
    steps = window.steps(inner) * OUTERS
    edges = output_edges([Stage(steps, 1, depth)])

    def write(folder: Path) -> None:
        codes = random_codes(np.random.default_rng(seed), (OUTERS, window.length, inner), 8, False)
        positions = window.positions
        # The beat, beyond the image 0; takes_input, is_first, is_early, is_start; the index.
        padded = np.zeros((OUTERS, len(positions), inner), np.int64)
        padded[:, : window.length] = codes
        flags = [
            (p < window.length) | (p == 0) << 1 | (p < window.kernel) << 2 | window.starts(p) << 3
            for p in positions
        ]
        words = padded | np.array(flags)[:, None] << 8 | np.arange(inner) << 12
        ends = [p for p in positions if p in window.ends]
        write_beats(folder / "input.txt", codes, 1, 8)
        write_beats(folder / "expected.txt", words[:, ends], 1, 16)

    generics: dict[str, int | bool | str] = {
        "seed": seed,
        **asdict(window),
        "inner": inner,
        "fifo_depth": depth,
        "first_edge": edges[0],
        "last_edge": edges[-1],
    }
    return Case(f"{window.name}, inner {inner}, depth {depth}", generics, write)


CASES = tuple(
    _case(seed, window, 1 + seed % 3, 1 + seed % 4) for seed, window in enumerate(WINDOWS, start=1)
)
