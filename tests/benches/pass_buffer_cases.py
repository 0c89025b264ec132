"""Cases of ``pass_buffer_tb``: each beat beside the sum of its pixel's beats."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from harness import Case, random_codes, write_beats

from ir.timing import pass_depth

PIXELS = 12
UNCHECKED = -1


def _case(seed: int, folds: int, delay: int, reduction: int, depth: int) -> Case:
    # A beat per cycle, if the depth is enough: all go on when the first number is known.
    enough = depth >= pass_depth(folds, reduction)
    first = folds - 1 + max(reduction, delay) + 1

    def write(folder: Path) -> None:
        codes = random_codes(np.random.default_rng(seed), (PIXELS, folds), 8, False)
        words = codes | (codes.sum(axis=1, keepdims=True) & 255) << 8
        write_beats(folder / "input.txt", codes, 1, 8)
        write_beats(folder / "expected.txt", words, 1, 16)

    generics: dict[str, int | bool | str] = {
        "seed": seed,
        "folds": folds,
        "depth": depth,
        "delay": delay,
        "reduction": reduction,
        "first_edge": first,
        "last_edge": first + PIXELS * folds - 1 if enough else UNCHECKED,
    }
    return Case(f"{folds} beats, delay {delay} and {reduction}, {depth} deep", generics, write)


CASES = (
    _case(1, 4, 0, 3, pass_depth(4, 3)),
    _case(2, 1, 0, 5, pass_depth(1, 5)),
    _case(3, 3, 2, 4, pass_depth(3, 4)),
    _case(4, 5, 1, 2, 5),
    _case(5, 1, 0, 1, 1),
    _case(6, 2, 3, 9, 4),
)
