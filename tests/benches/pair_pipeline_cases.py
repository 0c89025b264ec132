"""Cases of ``pair_pipeline_tb``: sums of some pairs' values, edges edge by edge."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from harness import Case, random_codes, write_beats
from stream_timing import Stage, Step, output_edges

RESULTS = 16


def _case(seed: int, pairs: int, latency: int, depth: int) -> Case:
    steps = [Step(True, last) for last in [*[False] * (pairs - 1), True]] * RESULTS
    edges = output_edges([Stage(steps, latency, depth)])

    def write(folder: Path) -> None:
        random = np.random.default_rng(seed)
        a, b = (random_codes(random, (RESULTS, pairs), bits, signed=False) for bits in (8, 5))
        write_beats(folder / "input.txt", a, 1, 8)
        write_beats(folder / "input_b.txt", b, 1, 5)
        write_beats(folder / "expected.txt", (a + b).sum(axis=1), 1, 8)

    generics: dict[str, int | bool | str] = {
        "seed": seed,
        "pairs": pairs,
        "latency": latency,
        "fifo_depth": depth,
        "first_edge": edges[0],
        "last_edge": edges[-1],
    }
    return Case(f"{pairs} pairs, latency {latency}, depth {depth}", generics, write)


CASES = (
    _case(1, 1, 2, 4),
    _case(2, 1, 5, 3),
    _case(3, 1, 3, 1),
    _case(4, 2, 2, 2),
    _case(5, 3, 7, 3),
    _case(6, 5, 4, 1),
)
