"""Cases of ``concatenate_tb``."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from harness import Case, random_codes, write_beats

PIXELS = 9


def _case(channels: tuple[int, ...], lanes: int, bits: int, depth: int, seed: int) -> Case:
    def write(folder: Path) -> None:
        random = np.random.default_rng(seed)
        inputs = [random_codes(random, (PIXELS, count), bits, signed=False) for count in channels]
        for way, codes in enumerate(inputs):
            name = f"input_{way}.txt" if way else "input.txt"
            write_beats(folder / name, codes, lanes, bits)
        write_beats(folder / "expected.txt", np.concatenate(inputs, axis=1), lanes, bits)

    beats = PIXELS * sum(channels) // lanes
    generics = {
        "seed": seed,
        "bits": bits,
        "lanes": lanes,
        "ways": len(channels),
        "channels_0": channels[0],
        "channels_1": channels[1],
        "channels_2": channels[2] if len(channels) > 2 else 0,
        "fifo_depth": depth,
        "first_edge": 1,
        "last_edge": beats if depth > 1 else 2 * beats - 1,
    }
    return Case(f"{channels} channels, {lanes} lanes of {bits}, depth {depth}", generics, write)


CASES = (
    _case((4, 4), 2, 8, 2, 1),
    _case((1, 1), 1, 1, 2, 2),
    _case((3, 6), 3, 5, 3, 3),
    _case((6, 2), 1, 16, 1, 4),
    _case((2, 8, 4), 2, 8, 2, 5),
    _case((1, 2, 1), 1, 3, 4, 6),
    _case((4, 4, 4), 4, 4, 2, 7),
)
