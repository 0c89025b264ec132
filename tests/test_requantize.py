"""Golden step functions and the integer forms that equal them."""

from __future__ import annotations

import numpy as np
import pytest

from ir.numbers import IntegerType
from ir.requantize import GoldenRequantization, ScaleRequantization, offset_for

UINT8 = IntegerType(8, signed=False)


def golden(factor: float, bias: int, zero_point: int, low: int, high: int) -> GoldenRequantization:
    return GoldenRequantization(
        np.array([factor], np.float32),
        np.array([bias]),
        zero_point,
        UINT8,
        np.array([low]),
        np.array([high]),
    )


@pytest.mark.parametrize("factor", [2.0**-7, 0.013, 0.37, 1.0, 3.3, 1e-12, 1e9])
@pytest.mark.parametrize("zero_point", [0, 77, 255])
def test_steps_are_where_the_golden_function_steps(factor: float, zero_point: int) -> None:
    function = golden(factor, -321, zero_point, -5000, 7000)
    accumulators = np.arange(-5000, 7001)
    outputs = function(accumulators[:, None])[:, 0]
    for level, step in enumerate(function.steps()[0]):
        reached = accumulators[outputs >= level + 1]
        assert step == (reached[0] if len(reached) else 7001)


@pytest.mark.parametrize("multiplier", range(257, 512, 14))
@pytest.mark.parametrize("zero_point", [0, 3, 128, 255])
def test_odd_nine_bit_multipliers_reproduce_onnxruntimes_ties(
    multiplier: int, zero_point: int
) -> None:
    multiplier |= 1
    shift = 14
    function = golden(multiplier * 2.0**-shift, 99, zero_point, -20_000, 30_000)
    offset = offset_for(function.steps()[0], -20_000, 30_000, 1, multiplier, shift)
    assert offset is not None
    integer = ScaleRequantization(np.array([multiplier]), np.array([offset]), shift, 0, 255)
    accumulators = np.arange(-20_000, 30_001)[:, None]
    np.testing.assert_array_equal(integer(accumulators), function(accumulators))


def test_alternating_ties_have_no_offset() -> None:
    function = golden(2.0**-4, 0, 128, -1000, 1000)
    assert offset_for(function.steps()[0], -1000, 1000, 1, 1, 4) is None
