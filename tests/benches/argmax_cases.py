"""Cases of ``argmax_tb``."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from harness import Case, random_codes, write_beats
from stream_timing import Stage, Step, clog2, output_edges


def _case(channels: int, lanes: int, bits: int, signed: bool, depth: int, seed: int) -> Case:
    pixels = 24
    folds = channels // lanes
    index_bits = max(clog2(channels), 1)
    steps = [Step(takes=True, yields=fold == folds - 1) for fold in range(folds)] * pixels
    edges = output_edges([Stage(steps, 2 + clog2(lanes), depth)])

    def write(folder: Path) -> None:
        values = random_codes(np.random.default_rng(seed), (pixels, channels), bits, signed)
        # All equal: the first one wins.
        values[::5] = values[::5, :1]
        write_beats(folder / "input.txt", values, lanes, bits)
        write_beats(folder / "expected.txt", np.argmax(values, axis=1), 1, index_bits)

    generics = {
        "seed": seed,
        "bits": bits,
        "is_signed": signed,
        "lanes": lanes,
        "channels": channels,
        "index_bits": index_bits,
        "fifo_depth": depth,
        "first_edge": edges[0],
        "last_edge": edges[-1],
    }
    kind = f"{'s' if signed else 'u'}{bits}"
    return Case(f"{channels} channels, {lanes} x {kind}, depth {depth}", generics, write)


CASES = (
    _case(10, 1, 8, True, 2, 1),
    _case(10, 5, 8, False, 4, 2),
    _case(10, 10, 8, True, 8, 3),
    _case(6, 3, 2, True, 1, 4),
    _case(1, 1, 16, True, 4, 5),
    _case(7, 7, 1, False, 2, 6),
    _case(12, 4, 16, False, 6, 7),
)
