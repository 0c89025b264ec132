"""Cases of ``serializer_tb``."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from harness import Case, random_codes, write_beats

from ir.timing import serializer_latency

BEATS = 20


def _case(parts: int, width: int, groups: int, surplus: int, interval: int, seed: int) -> Case:
    def _sent(beat: int) -> int:
        return parts - (surplus if beat % groups == groups - 1 else 0)

    def write(folder: Path) -> None:
        codes = random_codes(np.random.default_rng(seed), (BEATS, parts), width, signed=False)
        write_beats(folder / "input.txt", codes, parts, width)
        sent = [row[: _sent(n)] for n, row in enumerate(codes)]
        write_beats(folder / "expected.txt", np.concatenate(sent), 1, width)

    generics = {
        "seed": seed,
        "parts": parts,
        "width": width,
        "groups": groups,
        "surplus": surplus,
        "interval": interval,
        "first_edge": serializer_latency(interval),
        "last_edge": ((BEATS - 1) * parts + _sent(BEATS - 1) - 1) * interval
        + serializer_latency(interval),
    }
    less = f", {surplus} less of {groups}" if surplus else ""
    apart = f", {interval} edges apart" if interval > 1 else ""
    return Case(f"{parts} parts of {width} bits{less}{apart}", generics, write)


CASES = tuple(
    _case(*case, seed)
    for seed, case in enumerate(
        (
            (2, 8, 1, 0, 1),
            (3, 1, 1, 0, 1),
            (8, 20, 1, 0, 1),
            (16, 5, 1, 0, 1),
            (4, 6, 3, 2, 1),
            (3, 5, 2, 2, 1),
            (2, 4, 1, 1, 1),
            (5, 3, 5, 1, 1),
            (2, 8, 1, 0, 2),
            (3, 5, 1, 0, 7),
            (4, 6, 3, 2, 5),
            (2, 4, 1, 1, 3),
        ),
        start=1,
    )
)
