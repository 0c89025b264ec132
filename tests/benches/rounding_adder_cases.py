"""Cases of ``rounding_adder_tb``: sums rounded by integers of any size, and single precision's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from harness import Case, IntArray, write_beats

BEATS = 400
LATENCY = 4
SINGLE = 24


def nearest(number: int, bits: int) -> int:
    """Return the multiple of a power of two with ``bits`` significant bits, ties to even."""
    unit = 1 << max(0, abs(number).bit_length() - bits)
    below, rest = divmod(number, unit)
    up = 2 * rest > unit or (2 * rest == unit and below % 2 == 1)
    return (below + up) * unit


def operands(random: np.random.Generator, bits: int, significant: int, size: int) -> IntArray:
    """Return pairs (2, size) of numbers of any size whose sums are near ties, or anything."""
    limit = 1 << (bits - 1)
    numbers = random.integers(-limit // 2, limit // 2, (2, size))
    numbers >>= random.integers(0, bits - 1, (2, size))
    length = random.integers(min(significant + 1, bits - 1), bits, size)
    half = 1 << np.maximum(length - significant - 1, 0)
    magnitude = (1 << (length - 1)) | (random.integers(0, limit, size) >> (bits - length))
    tied = (magnitude // half) * half + random.integers(-1, 2, size)
    wanted = np.where(random.random(size) < 0.5, tied, -tied)
    # Neither an operand nor the rounded sum is beyond the type.
    second = wanted - numbers[0]
    largest = limit - (limit >> significant) - 1
    fits = (np.abs(second) < limit) & (np.abs(wanted) <= largest)
    numbers[1] = np.where(fits, second, numbers[1])
    return numbers


def _case(seed: int, bits: int, significant: int, lanes: int) -> Case:
    random = np.random.default_rng(seed)
    a, b = operands(random, bits, significant, BEATS * lanes).reshape(2, BEATS, lanes)
    sums = np.vectorize(lambda n: nearest(int(n), significant), otypes=[np.int64])(a + b)
    if significant == SINGLE:
        assert np.array_equal(sums, (a + b).astype(np.float64).astype(np.float32).astype(np.int64))
    if bits - 1 > significant:
        assert np.mean(sums != a + b) > 0.2

    def write(folder: Path) -> None:
        write_beats(folder / "input.txt", np.concatenate([a, b], axis=1), 2 * lanes, bits)
        write_beats(folder / "expected.txt", sums, lanes, bits)

    generics: dict[str, int | bool | str] = {
        "seed": seed,
        "bits": bits,
        "significant_bits": significant,
        "lanes": lanes,
        "first_edge": LATENCY,
        "last_edge": BEATS - 1 + LATENCY,
    }
    return Case(f"{lanes} of {bits} bits, {significant} kept", generics, write)


CASES = tuple(
    _case(seed, *sizes)
    for seed, sizes in enumerate(
        ((40, 24, 1), (33, 24, 2), (48, 24, 3), (26, 24, 1), (25, 24, 1), (12, 24, 2), (16, 4, 2)),
        start=1,
    )
)
