"""Cases of ``sliding_sum_tb``: sums of padded windows, edges edge by edge."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import numpy as np
from harness import Case, random_codes, write_beats
from sliding_maximum_cases import WINDOWS, Window
from stream_timing import Stage, clog2, output_edges

from ir.numbers import IntegerType
from ir.timing import SLIDING_SUM_LATENCY

OUTERS = 3


def _case(
    seed: int, window: Window, number: IntegerType, inner: int, lanes: int, depth: int
) -> Case:
    edges = output_edges([Stage(window.steps(inner) * OUTERS, SLIDING_SUM_LATENCY, depth)])
    random = np.random.default_rng(seed)
    padding = int(random.integers(number.minimum, number.maximum, endpoint=True))
    sum_bits = number.bits + int(not number.signed) + clog2(window.kernel)

    def write(folder: Path) -> None:
        shape = (OUTERS, window.length, inner, lanes)
        codes = random_codes(random, shape, number.bits, number.signed)
        pads = ((0, 0), (window.pad_begin, window.pad_end), (0, 0), (0, 0))
        padded = np.pad(codes, pads, constant_values=padding)
        starts = range(0, window.places * window.stride, window.stride)
        sums = [padded[:, start : start + window.kernel].sum(axis=1) for start in starts]
        write_beats(folder / "input.txt", codes, lanes, number.bits)
        write_beats(folder / "expected.txt", np.stack(sums, axis=1), lanes, sum_bits)

    generics: dict[str, int | bool | str] = {
        "seed": seed,
        **asdict(window),
        "pad_value": padding,
        "inner": inner,
        "lanes": lanes,
        "bits": number.bits,
        "is_signed": number.signed,
        "sum_bits": sum_bits,
        "fifo_depth": depth,
        "first_edge": edges[0],
        "last_edge": edges[-1],
    }
    return Case(f"{window.name}, inner {inner}, {lanes} x {number}, depth {depth}", generics, write)


NUMBERS = (
    IntegerType(8, False),
    IntegerType(8, True),
    IntegerType(16, False),
    IntegerType(1, True),
)
CASES = tuple(
    _case(seed, window, NUMBERS[seed % 4], 1 + seed % 3, 1 + seed % 2, 1 + seed % 6)
    for seed, window in enumerate(WINDOWS, start=1)
)
