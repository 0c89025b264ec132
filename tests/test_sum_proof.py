"""Weighted sums are found exactly where there are any, with the smallest shift."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ir.sum_proof import SHORT_FACTOR_BITS, Pairs, WeightedSum, fit_sum, short_sum

CODES = np.arange(64)
A, B = CODES[:, None], CODES[None, :]

factors = st.integers(-31, 31)


@given(factors, factors, st.integers(-2000, 2000), st.integers(0, 6), st.integers(-40, 40))
@settings(max_examples=100, deadline=None)
@example(1, 1, 0, 0, 0)
@example(0, 0, 7, 0, 0)
@example(31, -31, 5, 6, 3)
def test_finds_every_sum(p: int, q: int, offset: int, shift: int, low: int) -> None:
    golden = Pairs(WeightedSum((p, q), offset, shift, low, low + 50)(A + 3, B - 9), (3, -9))
    found = fit_sum(golden)
    assert found is not None
    assert golden.equal(found)
    assert found.shift <= shift


@pytest.mark.parametrize(
    "values",
    {
        "product": A * B // 16,
        "maximum": np.maximum(A, B) + 0 * A,
        "one changed value": A + B + ((A == 30) & (B == 31)),
    }.values(),
    ids=["product", "maximum", "one changed value"],
)
def test_finds_nothing_where_there_is_none(values: np.ndarray) -> None:
    assert fit_sum(Pairs(values, (0, 0))) is None


@pytest.mark.parametrize(("slope", "factors"), [(0.5, (1, 1)), (0.375, (4, 3))])
def test_ties_to_even(slope: float, factors: tuple[int, int]) -> None:
    golden = Pairs(np.rint(A / 2 + B * slope + 5).astype(np.int64), (0, 0))
    found = fit_sum(golden)
    assert found is not None
    assert found.half_even
    assert found.factors == factors
    assert golden.equal(found)


def test_ties_beside_an_uneven_slope() -> None:
    golden = Pairs(np.rint(A / 2 + B * 0.2345).astype(np.int64), (0, 0))
    found = fit_sum(golden)
    assert found is not None
    assert found.half_even
    assert golden.equal(found)


def test_clamped_values_are_free() -> None:
    golden = Pairs(np.clip(5 * A + 7 * B, 100, 101), (0, 0))
    found = fit_sum(golden)
    assert found is not None
    assert golden.equal(found)
    assert found.shift == 0


@given(
    st.integers(1, 511), st.integers(-511, 511), st.integers(0, 12), st.integers(0, 63),
    st.integers(-64, 63), st.integers(-128, 127),
)  # fmt: skip
@settings(max_examples=100, deadline=None)
def test_short_sum_rounds_as_floats_do(p: int, q: int, e: int, za: int, zb: int, zy: int) -> None:
    ratios = np.ldexp(np.float32(p), -e), np.ldexp(np.float32(q), -e)
    found = short_sum(ratios, (za, zb), zy, (-128, 127))
    assert found is not None
    exact = (A - za) * float(ratios[0]) + (B - zb) * float(ratios[1]) + zy
    assert np.array_equal(found(A, B), np.clip(np.rint(exact), -128, 127))


def test_short_sum_leaves_long_factors_to_the_search() -> None:
    half = np.float32(0.5)
    assert short_sum((half, np.float32(0.3)), (0, 0), 0, (0, 255)) is None
    assert short_sum((half, np.float32(1 << SHORT_FACTOR_BITS)), (0, 0), 0, (0, 255)) is None
    assert short_sum((half, np.float32(np.inf)), (0, 0), 0, (0, 255)) is None
