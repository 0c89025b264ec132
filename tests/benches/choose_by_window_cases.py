"""Cases of ``choose_by_window_tb``: beats of random codes, one of which is that of the window."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from harness import Case, random_codes, write_beats, write_table

from ir.numbers import clog2

FRAMES = 3
WIDTH = 8


def _case(seed: int, sets: int, windows: int, folds: int) -> Case:
    random = np.random.default_rng(seed)
    beats = FRAMES * windows * folds

    def write(folder: Path) -> None:
        codes = random_codes(random, (FRAMES, windows, folds, sets), WIDTH, False)
        numbers = random.integers(0, sets, 1 << clog2(windows))
        chosen = np.arange(windows)[:, None], np.arange(folds)[None, :]
        (folder / "set_numbers.txt").write_text("")
        if sets > 1:
            write_table(folder / "set_numbers.txt", numbers, clog2(sets))
        expected = codes[:, *chosen, numbers[:windows, None]]
        write_beats(folder / "input.txt", codes, sets, WIDTH)
        write_beats(folder / "expected.txt", expected, 1, WIDTH)

    generics: dict[str, int | bool | str] = {
        "seed": seed,
        "width": WIDTH,
        "sets": sets,
        "windows": windows,
        "folds": folds,
        "first_edge": 0,
        "last_edge": beats - 1,
    }
    return Case(f"{sets} for {windows} windows of {folds} beats", generics, write)


CASES = tuple(
    _case(seed, *sizes)
    for seed, sizes in enumerate(((3, 12, 2), (2, 5, 1), (5, 8, 3), (2, 2, 4), (1, 3, 2)), start=1)
)
