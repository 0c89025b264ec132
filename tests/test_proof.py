"""The exact search for multipliers against brute force over every accumulator."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ir.affine_proof import fit_affine
from ir.errors import CompileError
from ir.numbers import IntArray, IntegerType
from ir.proof import check_equal, golden_steps, prove, slope_bounds, solve
from ir.requantize import (
    MAXIMUM_SHIFT,
    GoldenRequantization,
    Requantization,
    ScaleRequantization,
    ThresholdRequantization,
    offset_for,
)

UINT8 = IntegerType(8, False)


def golden(
    factors: list[float],
    *,
    biases: int | list[int] = 0,
    zero_point: int = 0,
    output: IntegerType = UINT8,
    low: int = -500,
    high: int = 500,
) -> GoldenRequantization:
    channels = len(factors)
    return GoldenRequantization(
        np.asarray(factors, np.float32),
        np.broadcast_to(np.asarray(biases, np.int64), channels),
        zero_point,
        output,
        np.full(channels, low),
        np.full(channels, high),
    )


def assert_equal_everywhere(
    function: GoldenRequantization,
    form: Requantization,
    low: int | None = None,
    high: int | None = None,
) -> None:
    every = np.arange(function.lows.min(), function.highs.max() + 1)[:, None]
    arguments = np.clip(every, function.lows, function.highs)
    expected = np.clip(function(arguments), low, high) if low is not None else function(arguments)
    assert np.array_equal(form(arguments), expected)


HOSTILE = {
    "huge factor": [3e38],
    "all levels in one step": [1e6],
    "tiny factor": [1e-38],
    "factor that is zero in float32": [1e-50],
    "one": [1.0],
    "ties at every other accumulator": [0.5],
    "ties, finer": [2.0**-4, 2.0**-3],
    "rounding neighbours of a tie": [
        float(np.nextafter(np.float32(0.5), np.float32(side))) for side in (0, 1)
    ],
    "mixed": [1e6, 0.5, 1e-30, 0.0379, 0.11],
}


@pytest.mark.parametrize("factors", HOSTILE.values(), ids=HOSTILE.keys())
@pytest.mark.parametrize("zero_point", [0, 7, 255])
def test_hostile_factors(factors: list[float], zero_point: int) -> None:
    function = golden(factors, zero_point=zero_point, biases=13)
    form, proof = prove("layer", function)
    assert_equal_everywhere(function, form)
    assert proof.covered == 1001 * len(factors)


def test_exact_ties_need_thresholds() -> None:
    """0.5 rounds 0.5, 1.5, 2.5 to 0, 2, 2: no line has such steps."""
    assert isinstance(solve(golden([0.5])), ThresholdRequantization)


def test_factor_one_needs_no_shift() -> None:
    form = solve(golden([1.0]))
    assert isinstance(form, ScaleRequantization)
    assert (form.shift, form.multipliers.tolist()) == (0, [1])


def test_constant_channels_need_no_multiplier() -> None:
    form = solve(golden([1e-9, 0.25 + 2**-12], zero_point=9, low=-100, high=100))
    assert isinstance(form, ScaleRequantization)
    assert form.multipliers[0] == 0
    assert form(np.array([[3, 3]]))[0, 0] == 9


def test_thresholds_leave_out_levels_nobody_reaches() -> None:
    form = solve(golden([0.5], zero_point=100, low=-20, high=20))
    assert isinstance(form, ThresholdRequantization)
    assert (form.low, form.levels) == (90, 20)


def test_bounds_of_a_folded_clip() -> None:
    function = golden([0.037], zero_point=20)
    form = solve(function, 20, 32)
    assert isinstance(form, ScaleRequantization)
    assert (form.low, form.high) == (20, 32)
    assert_equal_everywhere(function, form, 20, 32)
    whole = solve(function)
    assert isinstance(whole, ScaleRequantization)
    assert form.shift <= whole.shift


channels = st.integers(1, 4)
numbers = st.builds(IntegerType, st.integers(1, 9), st.booleans())


@given(
    st.lists(st.floats(-14, 9), min_size=1, max_size=4),
    st.booleans(),
    numbers,
    st.integers(-400, 0),
    st.integers(0, 400),
    st.integers(-(2**20), 2**20),
    st.data(),
)
@settings(max_examples=300, deadline=None)
def test_equals_brute_force(
    logarithms: list[float],
    powers: bool,
    output: IntegerType,
    low: int,
    high: int,
    bias: int,
    data: st.DataObject,
) -> None:
    factors = [2.0 ** (round(n) if powers else n) for n in logarithms]
    zero_point = data.draw(st.integers(output.minimum, output.maximum))
    function = golden(
        factors, biases=bias // 2**12, zero_point=zero_point, output=output, low=low, high=high
    )
    form, _ = prove("layer", function)
    assert_equal_everywhere(function, form)


@given(st.floats(-7, 1), st.integers(0, 15), st.integers(-20, 20))
@settings(max_examples=40, deadline=None)
def test_smallest_shift(logarithm: float, zero_point: int, bias: int) -> None:
    """Brute force over shifts and multipliers finds no smaller shift."""
    nibble = IntegerType(4, False)
    function = golden(
        [2.0**logarithm], biases=bias, zero_point=zero_point, output=nibble, low=-60, high=60
    )
    steps = function.steps()[0]
    form = solve(function)
    limit = form.shift if isinstance(form, ScaleRequantization) else 7
    for shift in range(min(limit, 7)):
        for multiplier in range(2 ** (shift + 2)):
            assert offset_for(steps, -60, 60, 1, multiplier, shift) is None


def test_slope_interval_is_exact() -> None:
    """Ends of the interval are no slopes of right lines, but everything between them is."""
    function = golden([0.0377], zero_point=3)
    lower, upper = slope_bounds(golden_steps(function, 0, 255))
    steps, shift = function.steps()[0], 30
    first = int(lower[0][0] * 2**shift // lower[1][0])
    last = int(-(-upper[0][0] * 2**shift // upper[1][0]))

    def exists(multiplier: int) -> bool:
        return offset_for(steps, -500, 500, 1, multiplier, shift) is not None

    assert not exists(first)
    assert exists(first + 1)
    assert exists((first + last) // 2)
    assert exists(last - 1)
    assert not exists(last)


def test_many_channels_are_fast() -> None:
    generator = np.random.default_rng(0)
    factors = (generator.uniform(0.5, 2, 640) * 2.0**-10).tolist()
    function = golden(factors, zero_point=100, low=-(2**17), high=2**17)
    start = time.perf_counter()
    solve(function)
    assert time.perf_counter() - start < 1.0


def test_wide_accumulators() -> None:
    form, proof = prove("layer", golden([2.0**-24], low=-(2**30), high=2**31 - 1))
    assert proof.covered == 2**31 + 2**30
    if isinstance(form, ScaleRequantization):
        assert form.shift <= MAXIMUM_SHIFT


def test_wrong_form_is_found() -> None:
    function = golden([0.037])
    form = solve(function)
    assert isinstance(form, ScaleRequantization)
    wrong = ScaleRequantization(
        form.multipliers, form.offsets + (1 << form.shift), form.shift, 0, 255
    )
    arguments = np.arange(-500, 501)[:, None]
    check_equal("layer", function(arguments), form, arguments)
    with pytest.raises(CompileError, match="layer: the requantization of channel 0 must give 0 at"):
        check_equal("layer", function(arguments), wrong, arguments)


def affine_golden(
    factor: float, weights: IntArray, low: int, high: int, zero_point: int
) -> GoldenRequantization:
    ends = low * weights, high * weights
    return GoldenRequantization(
        np.full(len(weights), factor, np.float32),
        np.full(len(weights), 11),
        zero_point,
        UINT8,
        np.minimum(*ends),
        np.maximum(*ends),
    )


@given(
    st.floats(-12, 1),
    st.booleans(),
    st.lists(st.integers(-128, 127), min_size=1, max_size=5),
    st.integers(0, 255),
)
@settings(max_examples=150, deadline=None)
def test_affine_equals_brute_force(
    logarithm: float, power: bool, weights: list[int], zero_point: int
) -> None:
    factor = 2.0 ** (round(logarithm) if power else logarithm)
    w = np.array(weights)
    function = affine_golden(factor, w, 0, 255, zero_point)
    zeros = np.zeros(len(w), np.int64)
    line = fit_affine("layer", function, w, zeros, zeros + 255, (0, 255))
    if line is None:
        assert power  # only ties lie on no line
        return
    requantization, proof = line
    codes = np.arange(256)[:, None] * np.ones(len(w), np.int64)
    assert np.array_equal(requantization(codes), function(codes * w))
    assert proof.covered == 256 * len(w)


def test_falling_channel_is_mirrored() -> None:
    w = np.array([-1, 1, 0])
    function = affine_golden(0.3717, w, 0, 255, 128)
    zeros = np.zeros(3, np.int64)
    line = fit_affine("layer", function, w, zeros, zeros + 255, (0, 255))
    assert line is not None
    assert np.sign(line[0].multipliers).tolist() == [-1, 1, 0]


def test_ties_lie_on_no_line() -> None:
    w = np.array([-1, 1, 0])
    function = affine_golden(0.5, w, 0, 255, 128)
    zeros = np.zeros(3, np.int64)
    assert fit_affine("layer", function, w, zeros, zeros + 255, (0, 255)) is None
