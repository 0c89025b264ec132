"""Scaled products are found exactly where there are any."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ir.product_proof import ScaledProduct, fit_product, short_product
from ir.sum_proof import Pairs

CODES = np.arange(64)
A, B = CODES[:, None], CODES[None, :]
ZEROS = st.tuples(st.integers(0, 63), st.integers(0, 63))


def pairs(form: ScaledProduct) -> Pairs:
    return Pairs(form(A, B), (0, 0))


@given(ZEROS, st.integers(1, 500), st.integers(-5000, 5000), st.integers(0, 9), st.integers(-40, 9))
@settings(max_examples=100, deadline=None)
@example((0, 0), 1, 0, 0, 0)
@example((63, 0), 499, 77, 9, -40)
def test_finds_every_product(
    zeros: tuple[int, int], factor: int, offset: int, shift: int, low: int
) -> None:
    golden = pairs(ScaledProduct(zeros, factor, offset, shift, low, low + 50))
    found = fit_product(golden, zeros)
    if golden.values.min() == golden.values.max():
        assert found is None
    else:
        assert found is not None
        assert golden.equal(found)
        assert found.shift <= shift


@pytest.mark.parametrize(
    "values",
    {
        "sum": A + B,
        "falling": -A * B // 16,
        "one changed value": A * B // 16 + ((A == 30) & (B == 31)),
        "every other tie": np.rint(A * B / 256).astype(np.int64),
    }.values(),
    ids=["sum", "falling", "one changed value", "every other tie"],
)
def test_finds_nothing_where_there_is_none(values: np.ndarray) -> None:
    assert fit_product(Pairs(values, (0, 0)), (0, 0)) is None


def test_ties_to_even_follow_from_a_short_ratio() -> None:
    golden = Pairs(np.rint(A * B * (11 / 256) + 3).astype(np.int64), (0, 0))
    bounds = int(golden.values.min()), int(golden.values.max())
    form = short_product(np.float32(11 / 256), (0, 0), 3, bounds)
    assert form == ScaledProduct((0, 0), 11, 3 << 8, 8, *bounds, half_even=True)
    assert golden.equal(form)


@pytest.mark.parametrize("ratio", [np.float32(np.inf), np.float32(0.1)])
def test_a_long_ratio_is_left_alone(ratio: np.float32) -> None:
    assert short_product(ratio, (0, 0), 0, (0, 255)) is None


def test_a_ratio_next_to_nothing_is_no_short_product() -> None:
    """Its zero point in units of 2**-shift would pass 64 bits; the pairs all give one code."""
    assert short_product(np.float32(2.0**-60), (0, 0), 128, (0, 255)) is None
    assert short_product(np.float32(2.0**-44), (0, 0), 128, (0, 255)) is not None
