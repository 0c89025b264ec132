"""Float ONNX graphs of every age and spelling, to the interpreter; the rest refused by name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from frontend.golden import GoldenModel
from frontend.onnx_reference import onnx_run
from frontend.onnx_source import load_onnx
from frontend.quantize import quantize
from frontend.stand_in import stand_in_frames
from ir.errors import CompileError
from ir.interpreter import evaluate
from rewrite.lower import lower
from rewrite.onnx import fuse
from rewrite.onnx.float import canonicalize
from rewrite.stream import schedule
from sim import SimulationOptions, simulate
from tests.onnx_graphs import GRAPHS, Entry, conv, ints
from tests.onnx_models import Graph

TOLERANCE = 1e-5
WORST = 0.2
"""Largest share of the largest output by which quantization may move any: random weights."""


def compiled(model: onnx.ModelProto) -> None:
    source = load_onnx(model, name="m")
    canonical = canonicalize(source.model)
    frames = {n: stand_in_frames(s, source.input_ranges[n]) for n, s in source.input_shapes.items()}
    (expected, *_), (got, *_) = source.run(frames), onnx_run(canonical)(frames)
    largest = np.abs(expected).max()
    assert np.abs(got - expected).max() <= TOLERANCE * largest
    quantized = quantize(canonical, frames)
    graph = lower(fuse(quantized.model)).graph
    golden = GoldenModel(quantized.model, graph)
    sent, codes = evaluate(graph, golden.input_codes(frames)), golden.output_codes(frames)
    for output in graph.outputs:
        assert np.array_equal(sent[output.name], codes[output.port])
    assert np.abs(golden.run(frames) - expected).max() <= WORST * largest


def every_other(g: Graph) -> str:
    result: str = g("Slice", "x", ints(g, 1, 0), ints(g, 9, 9), ints(g, 2, 3), ints(g, 2, 3))
    return result


def surrounded(g: Graph) -> str:
    """Reflected columns, then averages that reach beyond the last row and column."""
    y = g("Pad", "x", ints(g, 0, 0, 0, 2, 0, 0, 0, 0), mode="reflect")
    result: str = g("AveragePool", y, kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1)
    return result


def sums_of_rows(g: Graph) -> str:
    result: str = g("ReduceSum", g("Mul", "x", g.weights(1, 2, 5, 4)), ints(g, 1, 2), keepdims=0)
    return result


@pytest.mark.parametrize("build", [every_other, surrounded, sums_of_rows])
def test_in_hardware(build: Callable[[Graph], str], tmp_path: Path) -> None:
    """What is made of selections, reductions and positions, in GHDL under stalls."""
    g = Graph(1)
    model = g.model(build(g), inputs={"x": ["N", 2, 5, 4]})
    source = load_onnx(model, name="m")
    frames = {"x": stand_in_frames((2, 5, 4), source.input_ranges["x"])[:4]}
    quantized = quantize(canonicalize(source.model), frames).model
    graph = schedule(lower(fuse(quantized)).graph)
    golden = GoldenModel(quantized, graph)
    inputs, codes = golden.input_codes(frames), golden.output_codes(frames)
    expected = evaluate(graph, inputs) | {o.name: codes[o.port] for o in graph.outputs}
    result = simulate(graph, inputs, expected, tmp_path, SimulationOptions(seed=3))
    assert result.passed, result.fault


@pytest.mark.parametrize("name", GRAPHS)
def test_compiles(name: str) -> None:
    compiled(GRAPHS[name].model())


def test_weights_that_are_quantized_alone_make_a_float_file() -> None:
    g = Graph()
    codes = g.constant(g.random.integers(-127, 127, (4, 3, 3, 3)), np.int8)
    scales = g.constant(g.random.uniform(0.001, 0.01, 4))
    weights = g("DequantizeLinear", codes, scales, axis=0)
    model = g.model(g("Conv", "x", weights, kernel_shape=[3, 3]))
    assert not load_onnx(model, name="m").is_quantized
    compiled(model)


def refused(operator: str, **attributes: Any) -> Entry:
    return Entry(lambda g: g(operator, conv(g), **attributes))


REFUSED: dict[str, tuple[Entry, str]] = {
    "LRN": (
        refused("LRN", size=3), "LRN_1: operator LRN is not supported; replace the layer"
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_refused_by_name(name: str) -> None:
    entry, message = REFUSED[name]
    with pytest.raises(CompileError) as caught:
        compiled(entry.model())
    assert str(caught.value) == message
