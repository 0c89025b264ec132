"""Softmax in the core: within one code of onnxruntime's, and of the real function's.

What follows it equals what onnxruntime makes of the codes that the hardware sends.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from frontend.compiler import CompileOptions, compile_model, simulate_compilation, write_output
from frontend.quantize import QuantizeOptions
from frontend.reference import start_tensorflow
from frontend.report_buffers import buffers_of
from frontend.simulation import SimulationRequest
from ir.elements import Input, Shape, Softmax, StreamType, tolerance
from ir.errors import CompileError
from ir.interpreter import apply
from ir.numbers import IntArray, IntegerType
from ir.softmax import MOST_CHANNELS, error_bound, exponentials
from rewrite.lower import lower
from rewrite.onnx import fuse
from rewrite.onnx.execution import run
from tests.keras_weights import randomized, sequential
from tests.lowering import kinds
from tests.qdq import QdqChain

UINT8, INT8 = IntegerType(8, False), IntegerType(8, True)
SCALES = (1e-4, 0.004, 0.02, 0.0725, 0.3, 2.0)


def element_of(channels: int, scale: float, number: IntegerType = UINT8) -> Softmax:
    stream = StreamType(Shape(1, 1, channels), number, 1)
    table = exponentials(np.float32(scale), channels, number)
    output = StreamType(stream.shape, UINT8 if number == UINT8 else INT8, 1)
    return Softmax("s", "s", Input("x", "x", "p", stream, 0), output, table)


def got_of(element: Softmax, codes: IntArray) -> IntArray:
    return apply(element, codes[:, None, None, :])[:, 0, 0]


def onnxruntime_of(codes: IntArray, scale: float, number: IntegerType) -> IntArray:
    """Quantized as a whole, so that it runs as QLinearSoftmax."""
    chain = QdqChain(codes.shape[1:], str(number))
    chain.scale, chain.zero_point = np.float32(scale), 0
    chain.nodes.clear()
    chain.tensor = chain.quantize("x")
    value = chain.node("Softmax", [chain.dequantize()], axis=1)
    model = chain.requantize(value, 1 / 256, number.minimum).model()
    numbers = codes.astype(np.float32) * np.float32(scale)
    (result,) = run(model, None, {"x": numbers})
    return np.rint(result * 256).astype(np.int64) + number.minimum


def real_of(codes: IntArray, scale: float) -> np.ndarray:
    """256 times the probabilities, in float64."""
    powers = np.exp(np.float64(np.float32(scale)) * (codes - codes.max(axis=1, keepdims=True)))
    return np.asarray(256 * powers / powers.sum(axis=1, keepdims=True))


def adversarial(channels: int, number: IntegerType, seed: int) -> IntArray:
    """Codes near each other, one far above, all alike, and any."""
    random = np.random.default_rng(seed)
    low, high = number.minimum, number.maximum
    rows = max(8, 40_000 // channels)
    codes = random.integers(low, high, (rows, channels), endpoint=True)
    near = rows // 2
    codes[:near] = np.clip(
        random.integers(low, high, (near, 1)) + random.integers(-9, 9, (near, channels)), low, high
    )
    codes[:8] = [[low], [high], [0], [1], [low], [high - 1], [high], [low + 1]]
    codes[4:8, 0] = [high, high, high - 1, low]
    return codes


def check(codes: IntArray, scale: float, number: IntegerType) -> int:
    """Hold codes to onnxruntime's and to the real ones; return how many are not onnxruntime's."""
    element = element_of(codes.shape[1], scale, number)
    got = got_of(element, codes)
    assert got.min() >= number.minimum
    assert got.max() <= number.maximum
    differences = np.abs(got - onnxruntime_of(codes, scale, number))
    assert differences.max() <= tolerance(element) == 1
    real = np.minimum(real_of(codes, scale), 255) + number.minimum
    assert np.abs(got - real).max() <= 0.5 + error_bound(codes.shape[1])
    return int(np.count_nonzero(differences))


@pytest.mark.parametrize("scale", SCALES)
def test_every_pair_of_codes(scale: float) -> None:
    pairs = np.stack(np.meshgrid(np.arange(256), np.arange(256)), axis=-1).reshape(-1, 2)
    assert check(pairs, scale, UINT8) < 1000


def test_every_triple_of_differences() -> None:
    """Only differences count: one of three codes is the largest."""
    a, b = np.meshgrid(np.arange(256), np.arange(256))
    triples = np.stack([a, b, np.full_like(a, 255)], axis=-1).reshape(-1, 3)
    assert check(triples, 0.031, UINT8) < 1000


@pytest.mark.parametrize("number", [UINT8, INT8], ids=str)
@pytest.mark.parametrize("channels", [1, 5, 10, 64, 129, 1000, MOST_CHANNELS])
def test_adversarial_codes(channels: int, number: IntegerType) -> None:
    for seed, scale in enumerate(SCALES):
        check(adversarial(channels, number, seed), scale, number)


def test_bound() -> None:
    """A quarter of a code at most; a coarser table would pass it."""
    assert max(error_bound(channels) for channels in range(1, MOST_CHANNELS + 1)) == 0.25
    assert error_bound(10) < 0.02


def test_a_table_of_few_bits_is_seen() -> None:
    """The check fails if the exponentials are too coarse."""
    codes = adversarial(64, UINT8, 0)
    element = element_of(64, 0.02)
    coarse = Softmax("s", "s", element.source, element.output, element.exponentials >> 11)
    assert np.abs(got_of(coarse, codes) - onnxruntime_of(codes, 0.02, UINT8)).max() > 1


@pytest.mark.parametrize("axis", [1, 2, 3])
def test_any_axis(axis: int) -> None:
    chain = QdqChain((3, 4, 5))
    value = chain.node("Softmax", [chain.dequantize()], axis=axis)
    result = lower(fuse(chain.requantize(value, 1 / 256, 0).conv(2).model()))
    (element,) = (e for e in result.graph if isinstance(e, Softmax))
    assert element.output.shape.channels == (3, 4, 5)[axis - 1]


def test_softmax_over_the_last_of_three_axes() -> None:
    """As in attention: the values along the axis are the fastest, whatever the axes are."""
    chain = QdqChain((24,)).gemm(24).reshape(2, 3, 4)
    value = chain.node("Softmax", [chain.dequantize()], axis=3)
    result = lower(fuse(chain.requantize(value, 1 / 256, 0).reshape(24).gemm(3).model()))
    (element,) = (e for e in result.graph if isinstance(e, Softmax))
    assert element.output.shape == Shape(1, 6, 4)
    assert Softmax in kinds(result)


def test_too_many_channels_are_refused() -> None:
    chain = QdqChain((MOST_CHANNELS + 1,))
    value = chain.node("Softmax", [chain.dequantize()], axis=1)
    with pytest.raises(CompileError) as caught:
        lower(fuse(chain.requantize(value, 1 / 256, 0).model()))
    assert str(caught.value) == (
        "softmax_3: a Softmax must have at most 4096 channels, not 4097; leave it to the host"
    )


def test_in_the_middle_and_at_the_end(tmp_path: Path) -> None:
    """Exact behind the Softmax, whatever its codes are; in GHDL with stalls."""
    L = start_tensorflow().layers
    layers = [L.Conv2D(6, 2, activation="softmax"), L.Conv2D(3, 2), L.Flatten(), L.Dense(4)]
    sequential((5, 4, 4), *layers, L.Softmax()).save(tmp_path / "m.h5")
    options = CompileOptions(quantization=QuantizeOptions(softmax=True))
    compilation = compile_model(tmp_path / "m.h5", options)
    graph = compilation.graph
    found = [e for e in graph if isinstance(e, Softmax)]
    assert len(found) == len(graph.approximations) == len(compilation.approximations) == 2
    assert graph.host_operators == ()
    result = simulate_compilation(compilation, SimulationRequest(4), tmp_path / "sim")
    assert result.fault is None


def test_attention(tmp_path: Path) -> None:
    """Products of streams, a Softmax over the steps, a normalization behind the residual sum."""
    keras = start_tensorflow()
    L = keras.layers
    source = keras.Input((3, 2))
    query, key, value = (L.Conv1D(2, 1)(source) for _ in range(3))
    weights = L.Softmax()(L.Dot(axes=2)([query, key]))
    mixed = L.Add()([source, L.Dot(axes=(2, 1))([weights, value])])
    model = randomized(keras.Model(source, L.LayerNormalization()(mixed)))
    model.save(tmp_path / "m.keras")
    compilation = compile_model(tmp_path / "m.keras")
    assert len(compilation.approximations) == 2
    result = simulate_compilation(compilation, SimulationRequest(1), tmp_path / "sim")
    assert result.fault is None


def test_golden_codes_follow_the_hardware(tmp_path: Path) -> None:
    """With a Softmax that is wrong by a code, the layers behind it are compared with its codes."""
    L = start_tensorflow().layers
    keras = start_tensorflow()
    source = keras.Input((6,))
    weights = L.Softmax(name="weights")(L.Dense(6)(source))
    model = randomized(keras.Model(source, L.Multiply()([weights, L.Dense(6)(source)])))
    model.save(tmp_path / "m.keras")
    compilation = compile_model(tmp_path / "m.keras")
    golden, frames = compilation.golden, compilation.test.inputs
    before = golden.output_codes(frames)["m_axis"]
    element = next(e for e in compilation.graph if isinstance(e, Softmax))
    coarse = element.exponentials >> 8 << 8
    coarse.setflags(write=False)
    object.__setattr__(element, "exponentials", coarse)
    after = golden.output_codes(frames)["m_axis"]
    assert np.any(before != after)
    errors = golden.approximation_errors(frames)[element.name]
    assert errors.max() >= 1


def test_report_tells_how_many_codes_are_not_equal(tmp_path: Path) -> None:
    L = start_tensorflow().layers
    sequential((6,), L.Dense(7), L.LayerNormalization(), L.Softmax()).save(tmp_path / "m.keras")
    options = CompileOptions(quantization=QuantizeOptions(softmax=True))
    compilation = compile_model(tmp_path / "m.keras", options)
    written = write_output(compilation, tmp_path / "out")
    told = [c.what for c in written.comparisons]
    assert len(told) == 5
    for line, kind in zip(told[1:3], ("LayerNormalization", "Softmax"), strict=True):
        assert re.match(
            rf"{kind} \w+ within 1 code of onnxruntime, \d+ of its codes not equal$", line
        )
    assert re.search(r"; \d+ codes of those that approximate differ by one$", told[3])
    names = {b.name for e in compilation.graph for b in buffers_of(e)}
    assert names >= {"pixel FIFO", "exponential FIFO"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (QuantizeOptions(softmax=True), "--softmax needs a Softmax, which the model does not have; "
         "leave --softmax out"),
        (QuantizeOptions(softmax=True, argmax=True), "--softmax and --argmax must not be given "
         "together; the class needs no probabilities: choose one"),
    ],
    ids=["no softmax", "argmax"],
)  # fmt: skip
def test_options_refused(options: QuantizeOptions, message: str, tmp_path: Path) -> None:
    sequential((6,), start_tensorflow().layers.Dense(3)).save(tmp_path / "m.keras")
    with pytest.raises(CompileError) as caught:
        compile_model(tmp_path / "m.keras", CompileOptions(quantization=options))
    assert str(caught.value).endswith(f": {message}")
