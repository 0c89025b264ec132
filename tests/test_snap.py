"""Snapped scales: exactness is proved, not assumed, and costs little."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from frontend.activation_scales import clamped_scale, input_scale, range_scale
from frontend.exactness import Quantized, fast_steps, is_exact
from frontend.powers_of_two import PowersOfTwo
from frontend.snap import SnappedWeights, ideal_scales, snap_weights
from frontend.snap_average import average_golden, snap_average
from ir.numbers import IntegerType
from ir.requantize import GoldenRequantization, offset_for

UINT8 = IntegerType(8, signed=False)
SCALES = st.floats(-9, 3).map(lambda e: np.float32(10.0**e))
ZERO_POINTS = st.integers(0, 255)


def golden_of(
    weights: SnappedWeights, source: Quantized, target: Quantized
) -> GoldenRequantization:
    """Return onnxruntime's arithmetic from the integers alone."""
    codes = weights.codes.astype(np.int64)
    return GoldenRequantization(
        factors=source.scale * weights.scales / target.scale,
        biases=weights.biases - source.zero_point * codes.sum(0),
        zero_point=target.zero_point,
        output=UINT8,
        lows=255 * np.minimum(codes, 0).sum(0),
        highs=255 * np.maximum(codes, 0).sum(0),
    )


@settings(max_examples=60, deadline=None)
@given(
    factor=st.floats(-30, 6),
    bias=st.integers(-(2**31), 2**31 - 1),
    zero_point=ZERO_POINTS,
    low=st.integers(-(2**31), 0),
    high=st.integers(0, 2**31),
)
@example(factor=-23.3, bias=2**31 - 1, zero_point=255, low=-(2**31), high=0)
@example(factor=-8.0, bias=0, zero_point=0, low=-(2**16), high=2**16)
@example(factor=0.0, bias=3, zero_point=7, low=0, high=0)
def test_fast_steps(factor: float, bias: int, zero_point: int, low: int, high: int) -> None:
    golden = GoldenRequantization(
        np.array([2.0**factor, 2.0**-12], np.float32),
        np.array([bias, -bias // 1000]),
        zero_point,
        UINT8,
        np.array([low, low // 7]),
        np.array([high, high // 3]),
    )
    assert np.array_equal(fast_steps(golden), golden.steps())


@settings(max_examples=60, deadline=None)
@given(
    m=st.integers(1, 2**13),
    e=st.integers(0, 30),
    bias=st.integers(-(2**20), 2**20),
    zero_point=ZERO_POINTS,
    bits=st.integers(1, 24),
)
def test_is_exact_agrees_with_the_search_for_an_offset(
    m: int, e: int, bias: int, zero_point: int, bits: int
) -> None:
    factor = np.ldexp(np.float32(m), -e)
    low, high = -(2**bits), 2**bits
    golden = GoldenRequantization(
        np.array([factor]), np.array([bias]), zero_point, UINT8, np.array([low]), np.array([high])
    )
    offset = offset_for(golden.steps()[0], low, high, 1, m, e)
    assert is_exact(golden, np.array([m]), np.array([e]))[0] == (offset is not None)
    if offset is not None:
        a = np.unique(np.random.default_rng(m).integers(low, high + 1, 5000))
        assert np.array_equal(np.clip((a * m + offset) >> e, 0, 255), golden(a[:, None])[:, 0])


def layer(
    taps: int, channels: int, seed: int, spread: float = 1.0
) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    scale = np.exp(rng.normal(size=channels) * spread)
    weights = (rng.normal(size=(taps, channels)) * scale).astype(np.float32).astype(np.float64)
    return weights, (rng.normal(size=channels) * scale).astype(np.float32).astype(np.float64)


@pytest.mark.parametrize(("taps", "seed"), [(1, 0), (9, 1), (72, 2), (640, 3), (4000, 4)])
def test_snapped_weights_are_exact_and_close(taps: int, seed: int) -> None:
    weights, biases = layer(taps, 64, seed)
    source = Quantized(np.float32(0.0173), 17)
    target = Quantized(np.float32(0.0319 * np.sqrt(taps)), 131)
    snapped = snap_weights(weights, biases, source, target)
    golden = golden_of(snapped, source, target)
    assert np.array_equal(golden.factors, snapped.factors)
    assert np.array_equal(snapped.mantissas * 2.0**-snapped.shifts, snapped.factors)
    assert np.all(snapped.exact)
    assert np.all(is_exact(golden, snapped.mantissas, snapped.shifts))
    assert np.all(snapped.mantissas % 2 == 1)
    ideal = ideal_scales(weights, source, target)
    assert np.all(snapped.scales >= ideal * (1 - 1e-6))
    assert np.all(snapped.growth < 1.1)
    assert np.mean(snapped.growth) < 1.02
    error = np.abs(weights - snapped.codes * snapped.scales.astype(np.float64))
    assert np.all(error <= snapped.scales * 0.50001)
    bias_scale = (source.scale * snapped.scales).astype(np.float64)
    assert np.all(np.abs(biases - snapped.biases * bias_scale) <= bias_scale * 0.50001)


def test_wide_accumulators_need_luck() -> None:
    """The search must look at the very accumulators of the hardware: most factors fail here."""
    weights, biases = layer(4000, 32, 7, spread=0.0)
    source, target = Quantized(np.float32(0.02), 200), Quantized(np.float32(3.0), 0)
    snapped = snap_weights(weights, biases * 1000, source, target)
    golden = golden_of(snapped, source, target)
    assert np.array_equal(is_exact(golden, snapped.mantissas, snapped.shifts), snapped.exact)
    assert np.mean(snapped.exact) > 0.9
    assert np.mean(snapped.tries > 1) > 0.3


def test_reachable_range_is_where_the_zero_point_puts_it() -> None:
    """Positive weights, source zero point 200: most sums are negative, and that is what counts."""
    weights, biases = layer(4000, 32, 9, spread=0.0)
    source, target = Quantized(np.float32(0.02), 200), Quantized(np.float32(12.0), 255)
    snapped = snap_weights(np.abs(weights), biases, source, target)
    golden = golden_of(snapped, source, target)
    assert np.array_equal(is_exact(golden, snapped.mantissas, snapped.shifts), snapped.exact)
    assert np.mean(snapped.tries > 1) > 0.3


def test_weights_are_not_finer_than_the_output_can_show() -> None:
    """Small weights get a scale by the output's steps, and the output does not get worse."""
    weights, biases = layer(500, 8, 8, spread=0.0)
    weights *= 1e-3
    source, target = Quantized(np.float32(0.02), 128), Quantized(np.float32(1.0), 100)
    snapped = snap_weights(weights, biases, source, target)
    assert np.abs(snapped.codes).max() < 64
    codes = np.random.default_rng(1).integers(0, 256, (400, 500))
    real = (codes - 128) * 0.02 @ weights + biases
    product = golden_of(snapped, source, target)
    scaled = (codes @ snapped.codes.astype(np.int64) + product.biases) * product.factors
    assert np.sqrt(np.mean((scaled - real) ** 2)) < 1 / 32


def test_hostile_channels() -> None:
    """No weights, no weights but a bias, a bias near the limits, tiny and huge weights."""
    weights, biases = layer(20, 6, 4)
    weights[:, :2] = 0
    biases[:2] = 0, -3.7
    biases[2] = 1e6
    weights[:, 3] *= 1e-12
    biases[3] = 0.5
    weights[:, 4] *= 30
    source, target = Quantized(np.float32(0.02), 128), Quantized(np.float32(0.1), 100)
    snapped = snap_weights(weights, biases, source, target)
    assert np.all(snapped.codes[:, :2] == 0)
    bias_scale = (source.scale * snapped.scales).astype(np.float64)
    np.testing.assert_allclose(snapped.biases * bias_scale, biases, rtol=1e-5, atol=1e-2)
    golden = golden_of(snapped, source, target)
    assert np.all(np.maximum(abs(golden.lows), golden.highs) + abs(golden.biases) < 2**31)
    wanted = np.clip(np.rint(biases / float(target.scale)) + 100, 0, 255)
    at_rest = source.zero_point * snapped.codes.astype(np.int64).sum(0)
    assert np.array_equal(golden(at_rest), wanted)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**20),
    taps=st.sampled_from([1, 3, 25, 200]),
    sx=SCALES,
    sy=SCALES,
    zx=ZERO_POINTS,
    zy=ZERO_POINTS,
)
def test_any_scales(seed: int, taps: int, sx: np.float32, sy: np.float32, zx: int, zy: int) -> None:
    """Whatever the scales, factors are the claimed ones and the claim of exactness holds."""
    weights, biases = layer(taps, 5, seed, spread=2.0)
    source, target = Quantized(sx, zx), Quantized(sy, zy)
    if np.max(np.abs(weights)) / 127 * sx / sy > 511:
        with pytest.raises(ValueError, match="steps over the whole output range"):
            snap_weights(weights, biases, source, target)
        return
    snapped = snap_weights(weights, biases, source, target)
    golden = golden_of(snapped, source, target)
    assert np.array_equal(golden.factors, snapped.factors)
    exact = is_exact(golden, snapped.mantissas, snapped.shifts)
    assert np.array_equal(exact, snapped.exact)
    assert np.all(np.abs(snapped.codes.astype(int)) <= 127)
    assert np.all(np.maximum(-golden.lows, golden.highs) + abs(golden.biases) < 2**31)


@settings(max_examples=40, deadline=None)
@given(pixels=st.integers(1, 4096), ratio=st.floats(0.02, 1.5), zx=ZERO_POINTS, zy=ZERO_POINTS)
def test_snapped_average(pixels: int, ratio: float, zx: int, zy: int) -> None:
    source = Quantized(np.float32(0.0371), zx)
    wanted = Quantized(np.float32(0.0371 * ratio), zy)
    chosen, shift = snap_average(pixels, source, wanted)
    assert shift is not None
    assert wanted.scale <= chosen.scale < wanted.scale * 1.15
    assert chosen.zero_point == zy
    mantissa = average_golden(pixels, source, chosen).factors[0] * 2.0**shift
    assert mantissa == int(mantissa)
    assert int(mantissa) % 2 == 1


@given(low=st.floats(-1e6, 1e6), span=st.floats(0, 1e6))
@example(low=0.0, span=0.0)
@example(low=-3.0, span=0.0)
@example(low=1e-30, span=1e-30)
def test_range_scale(low: float, span: float) -> None:
    high = low + span
    chosen = range_scale((low, high))
    scale = float(chosen.scale)
    assert scale > 0
    assert 0 <= chosen.zero_point <= 255
    assert -chosen.zero_point * scale <= min(low, 0) + scale / 2 * 1.001
    assert (255 - chosen.zero_point) * scale >= max(high, 0) - scale / 2 * 1.001


@given(
    low=st.floats(-100, 100),
    span=st.floats(0, 100),
    lower=st.floats(0, 20),
    upper=st.floats(0, 20) | st.just(np.inf),
)
@example(low=0.0, span=6.0, lower=0.0, upper=6.0)
@example(low=-1.0, span=2.0, lower=1.0, upper=1.0)
@example(low=-5.0, span=4.0, lower=0.0, upper=np.inf)
def test_clamped_scale_saturates_inside_the_bounds(
    low: float, span: float, lower: float, upper: float
) -> None:
    if max(lower, upper) < 1e-3:
        return
    chosen = clamped_scale((max(low, -lower), min(low + span, upper)), (-lower, upper))
    assert chosen.zero_point * float(chosen.scale) <= lower
    assert (255 - chosen.zero_point) * float(chosen.scale) <= upper
    if lower == 0:
        assert chosen.zero_point == 0


def test_input_scale() -> None:
    pixels = np.array([[0.0, 17.0, 255.0]], np.float32)
    assert input_scale((0, 255), pixels) == Quantized(np.float32(1), 0)
    assert input_scale((0, 9), np.array([[0.0, 9.0]], np.float32)) == Quantized(np.float32(1), 0)
    for frames in (pixels / 255, pixels - 100, pixels * 2, pixels + 0.5):
        values = float(frames.min()), float(frames.max())
        assert input_scale(values, frames) == range_scale(values)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), source_zero=ZERO_POINTS)
def test_powers_of_two_need_no_multiplier_behind_a_relu(seed: int, source_zero: int) -> None:
    random = np.random.default_rng(seed)
    weights = random.normal(0, 0.1, (40, 6)) * random.uniform(0.2, 2, 6)
    source, target = Quantized(np.float32(0.013), source_zero), Quantized(np.float32(0.021), 0)
    biases = random.normal(0, 0.3, 6)
    ideal = ideal_scales(weights, source, target)
    for mode in (PowersOfTwo.CHANNEL, PowersOfTwo.LAYER):
        found = snap_weights(weights, biases, source, target, mode)
        assert np.all(found.exact)
        assert np.all(found.mantissas == 1)
        assert np.all(is_exact(golden_of(found, source, target), found.mantissas, found.shifts))
        # Next above powers of two.
        assert np.all(np.nextafter(found.factors, np.float32(0)) == 2.0**-found.shifts)
        assert np.all(found.scales >= ideal)
        if mode == PowersOfTwo.CHANNEL:
            assert np.all(found.growth <= 2.001)
        else:
            assert len(set(found.shifts)) == 1


def test_halves_of_both_signs_need_a_multiplier_after_all() -> None:
    """They are rounded away from zero, which is no shift: the search goes on as without powers."""
    random = np.random.default_rng(1)
    weights = random.normal(0, 0.1, (40, 6))
    source, target = Quantized(np.float32(0.013), 0), Quantized(np.float32(0.021), 128)
    found = snap_weights(weights, np.zeros(6), source, target, PowersOfTwo.CHANNEL)
    without = snap_weights(weights, np.zeros(6), source, target)
    assert np.all(found.exact)
    assert np.array_equal(found.mantissas, without.mantissas)
    assert np.all(found.mantissas > 256)
