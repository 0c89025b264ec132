"""Cases of ``pixel_window_tb``: what ``window`` does for kernels of one pixel, edge for edge."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from harness import Case, random_codes, write_beats
from window_cases import Window, check_trace

from ir.elements import Kernel, Shape

PIXELS = 13


def _case(seed: int, width: int, words: int, replays: int, slots: int) -> Case:
    # One row is kept for the pixel that is sent, and one for the next.
    window = Window(
        Shape(PIXELS, 1, words), Kernel(1, 1), width, replays=replays, extra_rows=slots - 2
    )

    def write(folder: Path) -> None:
        x = random_codes(np.random.default_rng(seed), (PIXELS, words), width, signed=False)
        write_beats(folder / "input.txt", x, 1, width)
        write_beats(folder / "expected.txt", np.repeat(x, replays, axis=0), 1, width)

    generics = {"seed": seed, "width": width, "words": words, "replays": replays, "slots": slots}
    name = f"{words} words of {width}, {replays} times, {slots} slots"
    return Case(name, generics, write, lambda folder: check_trace(window, folder))


CASES = (
    _case(1, 8, 4, 2, 2),
    _case(2, 8, 5, 3, 3),
    _case(3, 3, 1, 2, 2),
    _case(4, 16, 1, 5, 5),
    _case(5, 1, 2, 4, 4),
    _case(6, 24, 12, 2, 6),
)
