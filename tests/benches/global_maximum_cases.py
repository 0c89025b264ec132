"""Cases of ``global_maximum_tb``."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from harness import Case, random_codes, write_beats
from stream_timing import Stage, Step, output_edges

FRAMES = 3


def _case(
    pixels: int, channels: int, lanes: int, bits: int, signed: bool, depth: int, seed: int
) -> Case:
    folds = channels // lanes
    frame = [Step(True, pixel == pixels - 1) for pixel in range(pixels) for _ in range(folds)]
    edges = output_edges([Stage(frame * FRAMES, 1, depth)])

    def write(folder: Path) -> None:
        random = np.random.default_rng(seed)
        values = random_codes(random, (FRAMES, pixels, channels), bits, signed)
        write_beats(folder / "input.txt", values, lanes, bits)
        write_beats(folder / "expected.txt", values.max(axis=1), lanes, bits)

    generics: dict[str, int | bool | str] = {
        "seed": seed,
        "bits": bits,
        "is_signed": signed,
        "lanes": lanes,
        "pixels": pixels,
        "channels": channels,
        "fifo_depth": depth,
        "first_edge": edges[0],
        "last_edge": edges[-1],
    }
    name = f"{pixels} pixels, {channels} channels, {lanes} x {'s' if signed else 'u'}{bits}"
    return Case(f"{name}, depth {depth}", generics, write)


CASES = (
    _case(9, 4, 2, 8, True, 3, 1),
    _case(5, 6, 1, 8, False, 3, 2),
    _case(7, 3, 3, 5, True, 2, 3),
    _case(1, 4, 1, 8, False, 3, 4),
    _case(2, 2, 1, 1, False, 1, 5),
    _case(4, 8, 2, 16, True, 2, 6),
)
