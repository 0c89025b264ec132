"""Cases of ``reserving_fifo_tb``."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from harness import Case, random_codes, write_beats

BEATS = 60


def _last_edge(depth: int, latency: int, interval: int) -> int:
    """Return the edge that takes the last beat, by the page's rules.

    Beat n is reserved at the earliest ``interval`` edges after beat n - 1 and one after beat
    n - depth was taken; it is pushed ``latency`` edges later and taken one after.
    """
    reserved: list[int] = []
    for n in range(BEATS):
        after = reserved[n - 1] + interval if n else 0
        freed = reserved[n - depth] + latency + 2 if n >= depth else 0
        reserved.append(max(after, freed))
    return reserved[-1] + latency + 1


def _case(depth: int, width: int, latency: int, interval: int, seed: int) -> Case:
    def write(folder: Path) -> None:
        codes = random_codes(np.random.default_rng(seed), (BEATS,), width, signed=False)
        write_beats(folder / "input.txt", codes, 1, width)
        write_beats(folder / "expected.txt", codes, 1, width)

    generics = {
        "seed": seed,
        "depth": depth,
        "width": width,
        "latency": latency,
        "interval": interval,
        "first_edge": latency + 1,
        "last_edge": _last_edge(depth, latency, interval),
    }
    name = f"depth {depth}, width {width}, latency {latency}"
    return Case(name + (f", {interval} edges apart" if interval > 1 else ""), generics, write)


CASES = tuple(
    _case(*case, seed)
    for seed, case in enumerate(
        (
            (1, 1, 1, 1),
            (1, 8, 5, 1),
            (2, 8, 1, 1),
            (3, 5, 1, 1),
            (4, 4, 3, 1),
            (12, 16, 10, 1),
            (9, 2, 12, 1),
            (40, 3, 4, 1),
            (2, 8, 1, 2),
            (3, 5, 4, 3),
            (2, 4, 12, 9),
            (1, 4, 2, 3),
        ),
        start=1,
    )
)
