"""Cases of ``moments_tb``: what ``ir.layer_normalization`` computes of each pixel."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from harness import Case, beats, random_codes, write_beats, write_lines, write_table

from ir.layer_normalization import (
    BASE_BITS,
    EPSILON_FRACTION,
    SLOPE_BITS,
    half_width,
    inverse_roots,
    roots,
)
from ir.numbers import IntegerType, clog2
from ir.timing import moments_latency

PIXELS = 15


def _case(number: IntegerType, channels: int, lanes: int, epsilon: int, seed: int) -> Case:
    half = half_width(number.bits, channels, epsilon)
    folds = channels // lanes
    first = folds - 1 + moments_latency(lanes, half)

    def write(folder: Path) -> None:
        random = np.random.default_rng(seed)
        x = random_codes(random, (PIXELS, channels), number.bits, number.signed)
        x[1], x[2] = number.minimum, number.maximum
        total = x.sum(axis=1)
        variance = channels * (x * x).sum(axis=1) - total * total
        root, moved = inverse_roots((variance << EPSILON_FRACTION) + epsilon, half)
        total_bits = number.bits + int(not number.signed) + clog2(channels)
        fields = ((total, total_bits), (root, 18), (moved, clog2(half)))
        parts = (beats(values, 1, bits) for values, bits in fields)
        lines = roots()[:, 0] | roots()[:, 1] << BASE_BITS
        write_table(folder / "roots.txt", lines, BASE_BITS + SLOPE_BITS)
        write_beats(folder / "input.txt", x, lanes, number.bits)
        write_lines(folder / "expected.txt", map("".join, zip(*parts, strict=True)))

    generics: dict[str, int | bool | str] = {
        "seed": seed,
        "bits": number.bits,
        "is_signed": number.signed,
        "lanes": lanes,
        "channels": channels,
        "epsilon": f"{epsilon:b}",
        "half_width": half,
        "first_edge": first,
        "last_edge": first + (PIXELS - 1) * folds,
    }
    return Case(f"{channels} x {number}, {lanes} lanes, epsilon {epsilon}", generics, write)


INT8, UINT8 = IntegerType(8, True), IntegerType(8, False)
CASES = (
    _case(UINT8, 10, 1, 4000, 1),
    _case(INT8, 12, 3, 1, 2),
    _case(UINT8, 5, 5, 77, 3),
    _case(INT8, 1, 1, 900, 4),
    _case(IntegerType(3, True), 6, 2, 5, 5),
    _case(UINT8, 8, 4, (1 << 50) + 12345, 6),
)
