"""Bounds of float32 sums hold in any order of the additions, and are not far from what occurs."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from ir.float_sums import FloatArray, sum_bounds
from ir.numbers import IntArray

NUMBERS = [(0, 255), (-113, 142), (-128, 127), (-255, 0)]


def from_left_to_right(numbers: FloatArray) -> FloatArray:
    total = np.zeros(len(numbers), np.float32)
    for column in numbers.T:
        total = total + column
    return total


def in_halves(numbers: FloatArray) -> FloatArray:
    if numbers.shape[1] == 1:
        return numbers[:, 0]
    half = numbers.shape[1] // 2
    return in_halves(numbers[:, :half]) + in_halves(numbers[:, half:])


def in_lanes(numbers: FloatArray) -> FloatArray:
    parts = [from_left_to_right(numbers[:, lane::4]) for lane in range(4)]
    return from_left_to_right(np.stack(parts, axis=1))


def drawn(low: int, high: int, count: int) -> IntArray:
    """Return rows of integers: any, near each end, alike, and in order."""
    random = np.random.default_rng(count)
    rows = random.integers(low, high, (6000, count), endpoint=True)
    rows[1000:2000] = low + (rows[1000:2000] - low) // 40
    rows[2000:3000] = high - (high - rows[2000:3000]) // 40
    rows[3000:4000] = rows[3000:4000, :1]
    rows[4000:5000].sort(axis=1)
    rows[5000:, ::2] = rows[5000:, :1]
    return rows


@pytest.mark.parametrize("count", [2, 4, 9, 49, 120])
@pytest.mark.parametrize(("low", "high"), NUMBERS)
@pytest.mark.parametrize("scale", [0.037219, 1.9999999, 2.0**-9 + 2.0**-20])
def test_every_order_keeps_the_bounds(scale: float, low: int, high: int, count: int) -> None:
    integers, factor = drawn(low, high, count), np.float32(scale)
    least, most = sum_bounds(factor, low, high, count, integers.sum(axis=1))
    numbers = integers.astype(np.float32) * factor
    for add in (from_left_to_right, in_halves, in_lanes):
        sums = add(numbers).astype(np.float64)
        assert np.all((least <= sums) & (sums <= most))


def test_bounds_are_near_what_occurs() -> None:
    """The largest error of random sums from left to right is more than a tenth of the bound."""
    factor, count = np.float32(0.037219), 9
    integers = drawn(0, 255, count)
    exact = float(factor) * integers.sum(axis=1)
    least, most = sum_bounds(factor, 0, 255, count, integers.sum(axis=1))
    errors = from_left_to_right(integers.astype(np.float32) * factor) - exact
    assert np.max(errors / (most - exact)) > 0.3
    assert np.min(errors / (exact - least)) < -0.3


def test_two_numbers() -> None:
    """All pairs: each is rounded, then their sum, by half a unit in the last place each."""
    scale = np.float32(1.9999999)
    codes = np.arange(256)
    pairs = np.add.outer(codes, codes).reshape(-1)
    least, most = sum_bounds(scale, 0, 255, 2, pairs)
    rounded = codes.astype(np.float32) * scale
    sums = np.add.outer(rounded, rounded).reshape(-1).astype(np.float64)
    assert np.all((least <= sums) & (sums <= most))
    exact = Fraction(float(scale)) * 510
    assert Fraction(float(most[-1])) - exact <= 2 * Fraction(2) ** -16 + Fraction(2) ** -15


def test_sums_that_float32_holds_have_no_error() -> None:
    sums = np.arange(16 * 255 + 1)
    least, most = sum_bounds(np.float32(181 / 2**12), 0, 255, 16, sums)
    assert np.array_equal(least, most)
    assert np.array_equal(least, sums * (181 / 2**12))
