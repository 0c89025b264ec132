"""LayerNormalization in the core: within one code of onnxruntime's, exact behind it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from frontend.compiler import compile_model, simulate_compilation
from frontend.reference import start_tensorflow
from frontend.simulation import SimulationRequest
from ir.elements import LayerNormalization
from ir.errors import CompileError
from ir.interpreter import apply
from ir.layer_normalization import (
    LARGEST_ERROR,
    MOST_CHANNELS,
    half_width,
    inverse_roots,
    root_error,
    scores,
)
from ir.numbers import IntArray
from rewrite.lower import lower
from rewrite.onnx import fuse
from rewrite.onnx.execution import run
from tests.keras_weights import sequential
from tests.qdq import QdqChain


def chain_of(
    channels: int, scale: float, epsilon: float, target: float, *, codes: str = "uint8"
) -> QdqChain:
    """A LayerNormalization with factors and summands of all signs."""
    chain = QdqChain((channels,), codes, seed=channels)
    chain.scale, chain.zero_point = np.float32(scale), 3
    chain.nodes.clear()
    chain.tensor = chain.quantize("x")
    inputs = [chain.dequantize()]
    inputs.append(chain.constant("gamma", chain.random.uniform(-2, 2, channels).astype("f")))
    inputs.append(chain.constant("beta", chain.random.normal(0, 0.5, channels).astype("f")))
    value = chain.node("LayerNormalization", inputs, epsilon=epsilon)
    return chain.requantize(value, target, 7)


def element_of(chain: QdqChain) -> LayerNormalization:
    graph = lower(fuse(chain.model())).graph
    (element,) = (e for e in graph if isinstance(e, LayerNormalization))
    return element


def hard_codes(channels: int, low: int, seed: int) -> IntArray:
    """Codes that are near each other far from 0, all alike but one, at both ends, and any."""
    random, high = np.random.default_rng(seed), low + 255
    rows = max(40, 20_000 // channels)
    codes = random.integers(low, high, (rows, channels), endpoint=True)
    middles = random.integers(low, high, (rows, 1), endpoint=True)
    third = rows // 3
    near = middles[:third] + random.integers(-2, 2, (third, channels), endpoint=True)
    codes[:third] = np.clip(near, low, high)
    codes[third : 2 * third] = middles[third : 2 * third]
    odd = np.arange(third, 2 * third), random.integers(0, channels, third)
    codes[odd] = np.where(codes[odd] == low, low + 1, codes[odd] - 1)
    codes[-1], codes[-2] = low, high
    codes[-3] = np.resize([low, high], channels)
    return codes


def real_of(chain: QdqChain, codes: IntArray, zero: int, scale: float, eps: float) -> np.ndarray:
    """The output codes before rounding and clamping, in float64."""
    gamma, beta = (
        next(v for k, v in chain.constants.items() if k.startswith(name)).astype(np.float64)
        for name in ("gamma", "beta")
    )
    x = (codes - zero) * np.float64(np.float32(scale))
    centred = x - x.mean(axis=1, keepdims=True)
    variance = (centred**2).mean(axis=1, keepdims=True) + np.float64(np.float32(eps))
    y = centred / np.sqrt(variance) * gamma + beta
    return np.asarray(y / np.float64(chain.scale) + chain.zero_point)


@pytest.mark.parametrize("codes", ["uint8", "int8"])
@pytest.mark.parametrize("channels", [1, 2, 3, 10, 64, 129, MOST_CHANNELS])
@pytest.mark.parametrize(("scale", "epsilon"), [(0.05, 1e-3), (1.0, 1e-12), (2e-4, 1e-5)])
def test_within_one_code(channels: int, codes: str, scale: float, epsilon: float) -> None:
    chain = chain_of(channels, scale, epsilon, 0.04, codes=codes)
    element = element_of(chain)
    number = element.output.number
    x = hard_codes(channels, np.iinfo(codes).min, channels)
    got = apply(element, x[:, None, None, :])[:, 0, 0]
    numbers = (x - 3).astype(np.float32) * np.float32(scale)
    (result,) = run(chain.model(), None, {"x": numbers})
    golden = np.rint(result / chain.scale).astype(np.int64) + 7
    assert np.abs(got - golden).max() <= 1
    few_scores = channels < 10  # one of which may be near a half
    assert few_scores or np.count_nonzero(got != golden) < 0.03 * got.size
    real = np.clip(real_of(chain, x, 3, scale, epsilon), number.minimum, number.maximum)
    assert np.abs(got - real).max() <= 0.5 + LARGEST_ERROR


def test_scores_keep_their_error() -> None:
    x = hard_codes(48, 0, 1)
    relative = 1e-3 * (48 / 0.02) ** 2
    got = scores(x, round(relative * 1024), 8) / 4096
    deviations = 48 * x - x.sum(axis=1, keepdims=True)
    variances = 48 * (x * x).sum(axis=1, keepdims=True) - x.sum(axis=1, keepdims=True) ** 2
    real = deviations / np.sqrt(variances + relative)
    assert np.all(got - real <= np.abs(real) * root_error() * 1.01)
    assert np.all(real - got <= np.abs(real) * root_error() * 1.01 + 2.0**-12)


def test_inverse_roots_keep_their_error() -> None:
    random = np.random.default_rng(3)
    for half in (9, 14, 22, 30):
        radicands = random.integers(1, (1 << 2 * half) - 1, 20_000, endpoint=True)
        radicands >>= random.integers(0, 2 * half, 20_000)
        radicands = np.maximum(radicands, 1)
        root, moved = inverse_roots(radicands, half)
        real = 1 / np.sqrt(radicands)
        assert np.all(np.abs(root * 2.0 ** (moved + 1 - half - 17.0) / real - 1) <= root_error())
    assert root_error() < 3.0e-5


def test_the_radicand_fits() -> None:
    """Half of the codes at either end make the largest variance."""
    for channels in (2, 3, 128, MOST_CHANNELS):
        x = np.resize([0, 255], channels)
        variance = channels * (x * x).sum() - x.sum() ** 2
        assert (int(variance) << 10) + 1 < 1 << 2 * half_width(8, channels, 1)


@pytest.mark.parametrize(
    ("chain", "message"),
    [
        (
            lambda: chain_of(10, 0.05, 1e-3, 1e-6),
            "layernormalization_4: its codes must be within 0.5 of the real ones before rounding, ",
        ),
        (
            lambda: chain_of(10, 1e-9, 1e-3, 0.04),
            "layernormalization_4: epsilon must be at most ",
        ),
        (
            lambda: chain_of(1025, 0.05, 1e-3, 0.04),
            "layernormalization_4: a LayerNormalization must have at most 1024 channels, not 1025; "
            "normalize fewer channels at a time",
        ),
    ],
    ids=["coarse", "epsilon", "channels"],
)
def test_refused(chain: object, message: str) -> None:
    assert callable(chain)
    with pytest.raises(CompileError) as caught:
        lower(fuse(chain().model()))
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


def test_keras_to_ghdl(tmp_path: Path) -> None:
    """Between convolutions, where the layout changes around it, and at the end."""
    L = start_tensorflow().layers
    layers = [L.Conv2D(6, 2), L.LayerNormalization(), L.Conv2D(3, 2, padding="same"), L.Flatten()]
    sequential((5, 4, 4), *layers, L.LayerNormalization(scale=False)).save(tmp_path / "m.h5")
    compilation = compile_model(tmp_path / "m.h5")
    assert len(compilation.approximations) == 2
    result = simulate_compilation(compilation, SimulationRequest(4), tmp_path / "sim")
    assert result.fault is None


def test_attention_weights(tmp_path: Path) -> None:
    """A Softmax gate on normalized features: two approximations in a row, exact behind each."""
    keras = start_tensorflow()
    L = keras.layers
    source = keras.Input((8,))
    features = L.LayerNormalization()(L.Dense(8)(source))
    gate = L.Softmax()(L.Dense(8)(features))
    model = keras.Model(source, L.Dense(3)(L.Multiply()([gate, features])))
    model.save(tmp_path / "m.keras")
    compilation = compile_model(tmp_path / "m.keras")
    assert len(compilation.graph.approximations) == 2
