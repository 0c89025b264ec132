"""LayerNormalizations that are matrices, since epsilon is all that is under their roots."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest

from frontend.compiler import compile_model
from frontend.onnx_reference import onnx_run
from frontend.onnx_source import load_onnx
from frontend.vanishing_variance import without_vanished_variances
from ir.elements import LayerNormalization
from rewrite.onnx.float import canonicalize
from tests.onnx_models import Graph

FRAMES = {"x": np.random.default_rng(0).uniform(-1, 1, (8, 3, 4)).astype(np.float32)}


def normalized(factor: float, epsilon: float = 1e-3) -> onnx.ModelProto:
    """A LayerNormalization of 4 channels of numbers from -factor to factor."""
    g = Graph()
    matrix = g.constant(np.eye(4) * factor)
    y = g("MatMul", "x", matrix)
    y = g("LayerNormalization", y, g.weights(4), g.weights(4), axis=-1, epsilon=epsilon)
    return g.model(y, inputs={"x": ["N", 3, 4]}, opset=17)


@pytest.mark.parametrize("factor", [1e-9, 1e-5])
def test_variance_that_vanishes(factor: float) -> None:
    before = canonicalize(load_onnx(normalized(factor), name="m").model)
    after = without_vanished_variances(before, FRAMES)
    assert after is not None
    operators = [node.op_type for node in after.graph.node]
    assert "LayerNormalization" not in operators
    assert operators.count("MatMul") == 1
    expected, got = onnx_run(before)(FRAMES)[0], onnx_run(after)(FRAMES)[0]
    assert np.abs(got - expected).max() <= 2e-5 * np.abs(expected).max()
    assert without_vanished_variances(canonicalize(after), FRAMES) is None


def test_variance_that_counts() -> None:
    model = canonicalize(load_onnx(normalized(1e-4), name="m").model)
    assert without_vanished_variances(model, FRAMES) is None


@pytest.mark.parametrize(("factor", "kept"), [(1e-9, False), (1e-5, False), (1e-3, True)])
def test_compiles(factor: float, kept: bool, tmp_path: Path) -> None:
    """Between the two, the result's scale keeps the score's bits."""
    onnx.save(normalized(factor), tmp_path / "m.onnx")
    graph = compile_model(tmp_path / "m.onnx").graph
    assert any(isinstance(element, LayerNormalization) for element in graph) == kept
