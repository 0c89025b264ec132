"""Cases of ``divide_tb``."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from harness import Case, beats, write_beats, write_lines

BEATS = 60


def _case(
    numerator_bits: int, denominator_bits: int, quotient_bits: int, lanes: int, seed: int
) -> Case:
    latency = 1 + quotient_bits

    def write(folder: Path) -> None:
        random = np.random.default_rng(seed)
        largest = (1 << denominator_bits) - 1
        denominators = random.integers(1, largest, (BEATS, 1), endpoint=True)
        denominators[0], denominators[1] = 1, largest
        limits = np.minimum(denominators, (1 << numerator_bits) - 1)
        numerators = random.integers(0, limits, (BEATS, lanes), endpoint=True)
        numerators[::3] = limits[::3]
        quotients = (numerators << (quotient_bits - 1)) // denominators
        parts = zip(
            beats(denominators, 1, denominator_bits),
            beats(numerators, lanes, numerator_bits),
            strict=True,
        )
        write_lines(folder / "input.txt", (high + low for high, low in parts))
        write_beats(folder / "expected.txt", quotients, lanes, quotient_bits)

    generics: dict[str, int | bool | str] = {
        "seed": seed,
        "numerator_bits": numerator_bits,
        "denominator_bits": denominator_bits,
        "quotient_bits": quotient_bits,
        "lanes": lanes,
        "first_edge": latency,
        "last_edge": latency + BEATS - 1,
    }
    name = f"{lanes} x {numerator_bits} by {denominator_bits} bits to {quotient_bits}"
    return Case(name, generics, write)


CASES = (
    _case(17, 21, 10, 1, 1),
    _case(17, 17, 10, 3, 2),
    _case(4, 9, 5, 2, 3),
    _case(1, 1, 1, 1, 4),
    _case(30, 36, 3, 1, 5),
)
