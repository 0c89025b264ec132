"""ConvInteger and MatMulInteger with constant scales: steps of an integer sum, exactly."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import pytest

from ir.elements import ProcessingElement, Reshape
from ir.errors import CompileError
from ir.numbers import IntegerType
from ir.requantize import GoldenScaledSum
from rewrite.lower import lower
from rewrite.onnx import fuse
from tests.integer_products import product
from tests.lowering import kinds
from tests.onnx_models import Graph
from tests.third_party import check_interpreter

CASES: dict[str, dict[str, Any]] = {
    "matrix": {"operator": "MatMulInteger"},
    "matrix, per channel": {"operator": "MatMulInteger", "per_channel": True},
    "matrix, no bias": {"operator": "MatMulInteger", "bias": False},
    "matrix, product of scales": {"operator": "MatMulInteger", "scales": "product"},
    "matrix, uint8": {"operator": "MatMulInteger", "weights": "uint8", "weight_zero": 100},
    "matrix, int8": {"operator": "MatMulInteger", "codes": "int8"},
    "convolution": {"operator": "ConvInteger"},
    "convolution, per channel": {"operator": "ConvInteger", "per_channel": True},
    "convolution, int8": {"operator": "ConvInteger", "codes": "int8", "scales": "product"},
    "convolution, pads and strides": {
        "operator": "ConvInteger", "pads": [1, 1, 0, 1], "strides": [2, 2]
    },
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_equals_onnxruntime(name: str) -> None:
    matrix = CASES[name]["operator"] == "MatMulInteger"
    expected = [Reshape, ProcessingElement] if matrix else [ProcessingElement]
    assert kinds(check_interpreter(product(**CASES[name]), 64)) == expected


REFUSED: dict[str, tuple[Callable[[], onnx.ModelProto], str]] = {
    "negative factor": (
        lambda: product("ConvInteger", scales="negative"),
        "convinteger_1: what scales a layer must be positive; change the Conv",
    ),
    "activation inside": (
        lambda: product("ConvInteger", activation="Tanh"),
        "convinteger_1: Conv must be read by one QuantizeLinear, behind nothing but a ReLU or Clip "
        "that ends where its codes end, not by Mul; quantize its result, or take it off the end of "
        "the model",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_by_what_is_wrong(name: str) -> None:
    build, message = REFUSED[name]
    with pytest.raises(CompileError) as refusal:
        lower(fuse(build()))
    assert str(refusal.value) == message


def test_sums_that_float32_does_not_hold_are_refused() -> None:
    g = Graph()
    x = [g.constant(0.02), g.constant(0, np.uint8)]
    w = g.constant(np.full((1024, 2), 127), np.int8)
    sums = g("MatMulInteger", g("QuantizeLinear", "x", *x), w, x[1])
    value = g("Mul", g("Cast", sums, to=onnx.TensorProto.FLOAT), g.constant(1e-5))
    y = [g.constant(2.0), g.constant(3, np.uint8)]
    result = g("DequantizeLinear", g("QuantizeLinear", value, *y), *y)
    with pytest.raises(CompileError) as refusal:
        fuse(g.model(result, inputs={"x": ["N", 1024]}))
    assert str(refusal.value) == (
        "t1_0: MatMulInteger must have constant weights and zero points, products that add up to "
        "2^24 at most, and one Cast to float32 behind it; quantize the model in QDQ form, or with "
        "QLinearMatMul"
    )


def test_golden_sum_rounds_after_each_operation() -> None:
    golden = GoldenScaledSum(
        np.array([0.1], np.float32),
        np.array([3]),
        7,
        IntegerType(8, False),
        np.array([-1000]),
        np.array([1000]),
        np.array([0.3], np.float32),
        np.float32(0.7),
    )
    sums = np.arange(-1000, 1001)[:, None]
    scaled = (sums + 3).astype(np.float32) * np.float32(0.1) + np.float32(0.3)
    assert scaled.dtype == np.float32
    wanted = np.clip(np.rint(scaled / np.float32(0.7)) + 7, 0, 255)
    assert np.array_equal(golden(sums), wanted)
    steps = golden.steps()[0]
    for level, step in enumerate(steps.tolist(), 1):
        inside = sums[:, 0][wanted[:, 0] >= level]
        assert step == (inside.min() if len(inside) else 1001)
