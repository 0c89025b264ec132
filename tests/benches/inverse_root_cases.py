"""Cases of ``inverse_root_tb``."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from harness import Case, beats, write_beats, write_lines, write_table

from ir.layer_normalization import BASE_BITS, SLOPE_BITS, root_error, roots
from ir.layer_normalization import inverse_roots as computed
from ir.numbers import clog2
from ir.timing import root_latency


def _case(half_width: int, seed: int) -> Case:
    width = 2 * half_width
    random = np.random.default_rng(seed)
    powers = 1 << np.arange(width, dtype=np.int64)
    uniform = random.integers(1, (1 << width) - 1, 100, endpoint=True)
    small = uniform >> random.integers(0, width, 100)
    radicands = np.concatenate([powers, powers | (powers - 1), uniform, np.maximum(small, 1)])
    latency = root_latency(half_width)

    def write(folder: Path) -> None:
        root, moved = computed(radicands, half_width)
        real = root * 2.0 ** (moved + 1 - half_width - 17.0)
        assert np.all(np.abs(real * np.sqrt(radicands) - 1) <= root_error() + 2.0**-40)
        lines = roots()[:, 0] | roots()[:, 1] << BASE_BITS
        write_table(folder / "roots.txt", lines, BASE_BITS + SLOPE_BITS)
        write_beats(folder / "input.txt", radicands, 1, width)
        pairs = zip(beats(root, 1, 18), beats(moved, 1, clog2(half_width)), strict=True)
        write_lines(folder / "expected.txt", (high + low for high, low in pairs))

    generics: dict[str, int | bool | str] = {
        "seed": seed,
        "half_width": half_width,
        "first_edge": latency,
        "last_edge": latency + len(radicands) - 1,
    }
    return Case(f"2 x {half_width} bits", generics, write)


CASES = tuple(_case(half_width, seed) for seed, half_width in enumerate((9, 15, 16, 17, 24, 30), 1))
