"""Cases of ``side_by_side_tb``."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from harness import Case, random_codes, write_beats

BEATS = 24


def _case(channels: tuple[int, ...], pixels: int, bits: int, depth: int, seed: int) -> Case:
    def write(folder: Path) -> None:
        random = np.random.default_rng(seed)
        inputs = [
            random_codes(random, (BEATS * pixels, count), bits, signed=False) for count in channels
        ]
        for way, codes in enumerate(inputs):
            name = f"input_{way}.txt" if way else "input.txt"
            write_beats(folder / name, codes, codes.shape[1] * pixels, bits)
        joined = np.concatenate(inputs, axis=1)
        write_beats(folder / "expected.txt", joined, joined.shape[1] * pixels, bits)

    generics = {
        "seed": seed,
        "bits": bits,
        "pixels": pixels,
        "ways": len(channels),
        "channels_0": channels[0],
        "channels_1": channels[1],
        "channels_2": channels[2] if len(channels) > 2 else 0,
        "fifo_depth": depth,
        "first_edge": 1,
        "last_edge": BEATS if depth > 1 else 2 * BEATS - 1,
    }
    name = f"{channels} channels, {pixels} pixels, {bits} bits, depth {depth}"
    return Case(name, generics, write)


CASES = (
    _case((4, 4), 1, 8, 2, 1),
    _case((1, 1), 1, 1, 2, 2),
    _case((3, 5), 2, 5, 3, 3),
    _case((6, 1), 1, 16, 1, 4),
    _case((2, 7, 3), 4, 8, 2, 5),
    _case((1, 2, 1), 3, 3, 4, 6),
)
