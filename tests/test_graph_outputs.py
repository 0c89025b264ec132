"""Outputs of every kind: another output again, an input, what inner layers read, moved values."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from frontend.golden import GoldenModel
from frontend.onnx_reference import onnx_run
from frontend.onnx_source import load_onnx
from frontend.quantize import quantize
from frontend.stand_in import stand_in_frames
from ir.elements import Output
from ir.interpreter import evaluate
from rewrite.lower import lower
from rewrite.onnx import fuse
from rewrite.onnx.float import canonicalize
from rewrite.stream import schedule
from sim import SimulationOptions, simulate
from tests.onnx_graphs import conv, dense_of, ints, pooled
from tests.onnx_models import Graph

Build = Callable[[Graph], tuple[str, ...]]


def again(g: Graph, y: str) -> tuple[str, str]:
    return y, g("Identity", y)


def read_inside(g: Graph, y: str) -> tuple[str, str]:
    return y, conv(g, y, 4, 4)


def moved(g: Graph, y: str) -> tuple[str, str, str]:
    return y, g("Flatten", y), g("Transpose", y, perm=[0, 2, 3, 1])


def probabilities(g: Graph, y: str) -> tuple[str, str, str]:
    p = g("Softmax", y, axis=1)
    return y, p, g("Identity", p)


BUILDS: dict[str, tuple[Build, int]] = {
    "one tensor under one name": (lambda g: (conv(g),) * 2, 2),
    "one tensor under two names": (lambda g: again(g, conv(g)), 2),
    "one tensor through what does nothing": (
        lambda g: (y := conv(g), g("Dropout", y), g("Reshape", y, ints(g, 0, 4, 8, 8))), 3
    ),
    "an input": (lambda g: (conv(g), "x"), 2),
    "an input under another name": (lambda g: (g("Identity", "x"), conv(g)), 2),
    "nothing but an input": (lambda g: (g("Identity", "x"),), 1),
    "nothing but an input, twice": (lambda g: ("x", "x"), 2),
    "a map and its mean": (lambda g: (y := conv(g), g("GlobalAveragePool", y)), 2),
    "read inside": (lambda g: read_inside(g, conv(g)), 2),
    "before and behind an activation": (lambda g: (y := conv(g), g("Relu", y)), 2),
    "moved": (lambda g: moved(g, conv(g)), 3),
    "moved input": (lambda g: moved(g, "x"), 3),
    "a host operator's": (lambda g: probabilities(g, dense_of(g, pooled(g))), 3),
}  # fmt: skip


@pytest.mark.parametrize("name", BUILDS)
def test_every_output_is_that_of_the_file(name: str) -> None:
    """Float and quantized, in onnxruntime and in the interpreter, output for output."""
    build, count = BUILDS[name]
    g = Graph(1)
    source = load_onnx(g.model(*build(g)), name="m")
    frames = {n: stand_in_frames(s, source.input_ranges[n]) for n, s in source.input_shapes.items()}
    canonical = canonicalize(source.model)
    quantized = quantize(canonical, frames).model
    floats = source.run(frames), onnx_run(canonical)(frames), onnx_run(quantized)(frames)
    assert [len(outputs) for outputs in floats] == [count] * 3
    for expected, exact, rounded in zip(*floats, strict=True):
        largest = np.abs(expected).max()
        assert np.abs(exact - expected).max() <= 1e-5 * largest
        assert np.abs(rounded - expected).max() <= 0.1 * largest
    graph = lower(fuse(quantized)).graph
    golden = GoldenModel(quantized, graph)
    sent, codes = evaluate(graph, golden.input_codes(frames)), golden.output_codes(frames)
    for output in graph.outputs:
        assert np.array_equal(sent[output.name], codes[output.port])


def test_in_hardware(tmp_path: Path) -> None:
    """The input, and one tensor at two ports, each under stalls."""
    g = Graph(1)
    y = g("Conv", "x", g.weights(2, 3, 1, 1))
    model = g.model(y, "x", g("Identity", y), inputs={"x": ["N", 3, 2, 2]})
    source = load_onnx(model, name="m")
    frames = {"x": stand_in_frames((3, 2, 2), source.input_ranges["x"])[:4]}
    quantized = quantize(canonicalize(source.model), frames).model
    graph = schedule(lower(fuse(quantized)).graph)
    assert sum(isinstance(element, Output) for element in graph) == 3
    golden = GoldenModel(quantized, graph)
    inputs, expected = golden.input_codes(frames), golden.output_codes(frames)
    sent = {output.name: expected[output.port] for output in graph.outputs}
    result = simulate(
        graph, inputs, evaluate(graph, inputs) | sent, tmp_path, SimulationOptions(seed=3)
    )
    assert result.passed, result.fault
