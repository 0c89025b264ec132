"""Lowered graphs compute onnxruntime's integers, layer by layer and as random chains."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ir.elements import (
    Affine,
    ArgMax,
    Element,
    GlobalAverage,
    Lookup,
    MaxPool,
    ProcessingElement,
    Reshape,
)
from ir.numbers import IntegerType
from rewrite.lower import lower
from rewrite.onnx import fuse, random_inputs
from rewrite.onnx.execution import run
from tests.lowering import assert_equals_onnxruntime, flat, kinds, lowered
from tests.qdq import QdqChain

IMAGE = (3, 8, 7)


def test_output_varies() -> None:
    """The comparisons below would mean little if all codes were the same."""
    model = QdqChain(IMAGE).conv(5).model()
    assert len(np.unique(run(model, None, random_inputs(model, 4))[0])) > 50


Build = Callable[[], QdqChain]

CASES: dict[str, tuple[Build, list[type[Element]]]] = {
    "convolution": (lambda: QdqChain(IMAGE).conv(5), [ProcessingElement]),
    "signed codes": (lambda: QdqChain(IMAGE, "int8").conv(5), [ProcessingElement]),
    "per tensor": (lambda: QdqChain(IMAGE).conv(5, per_channel=False), [ProcessingElement]),
    "unsigned weights": (
        lambda: QdqChain(IMAGE).conv(5, codes="uint8", weight_zero=117, per_channel=False),
        [ProcessingElement],
    ),
    "weight zero points": (lambda: QdqChain(IMAGE).conv(5, weight_zero=-9), [ProcessingElement]),
    "no bias": (lambda: QdqChain(IMAGE).conv(5, bias=None), [ProcessingElement]),
    "strides, dilations, pads": (
        lambda: QdqChain((3, 9, 8)).conv(
            5, (2, 3), strides=[2, 1], dilations=[1, 2], pads=[1, 0, 0, 3]
        ),
        [ProcessingElement],
    ),
    "same upper": (
        lambda: QdqChain((3, 9, 8)).conv(5, strides=[2, 2], auto_pad="SAME_UPPER"),
        [ProcessingElement],
    ),
    "same lower": (
        lambda: QdqChain((3, 9, 8)).conv(5, (4, 2), strides=[2, 3], auto_pad="SAME_LOWER"),
        [ProcessingElement],
    ),
    "valid": (
        lambda: QdqChain((3, 9, 8)).conv(5, (9, 8), auto_pad="VALID"),
        [ProcessingElement],
    ),
    "Gemm": (lambda: QdqChain((12,)).gemm(5), [ProcessingElement]),
    "Gemm transposed": (lambda: QdqChain((12,)).gemm(5, transB=1), [ProcessingElement]),
    "Gemm weight zero points": (
        lambda: QdqChain((12,)).gemm(5, codes="uint8", weight_zero=200, per_channel=False),
        [ProcessingElement],
    ),
    "MatMul": (lambda: QdqChain((12,)).gemm(5, spelling="MatMul"), [ProcessingElement]),
    "MatMul without bias": (
        lambda: QdqChain((12,)).gemm(5, spelling="MatMul", bias=None),
        [ProcessingElement],
    ),
    "depthwise": (
        lambda: QdqChain((5, 8, 7)).conv(
            5, (3, 2), group=5, strides=[2, 1], dilations=[1, 2], pads=[1, 0, 0, 3]
        ),
        [ProcessingElement],
    ),
    "depthwise, signed codes": (
        lambda: QdqChain((4, 8, 7), "int8").conv(4, group=4, per_channel=False, weight_zero=3),
        [ProcessingElement],
    ),
    "depthwise with table and pool": (
        lambda: QdqChain((3, 9, 9)).conv(3, group=3).unary("LeakyRelu", alpha=0.2).max_pool(),
        [ProcessingElement],
    ),
    "groups": (
        lambda: QdqChain((6, 8, 7)).conv(
            4, group=2, strides=[1, 2], dilations=[2, 1], pads=[2, 0, 1, 1], weight_zero=5
        ),
        [ProcessingElement],
    ),
    "groups, signed codes, one pixel": (
        lambda: QdqChain((6, 8, 7), "int8").conv(9, (1, 1), group=3).unary("LeakyRelu", alpha=0.2),
        [ProcessingElement],
    ),
    "depth multiplier": (lambda: QdqChain((3, 8, 7)).conv(6, group=3), [ProcessingElement]),
    "affine": (lambda: QdqChain(IMAGE).conv(3, (1, 1), group=3, scale=0.5), [Affine]),
    "affine with ties": (
        lambda: ties(QdqChain(IMAGE).conv(3, (1, 1), group=3)),
        [Lookup],
    ),
    "max pool": (
        lambda: QdqChain((3, 9, 9)).max_pool(3, strides=[2, 2], pads=[1, 1, 1, 1]),
        [MaxPool],
    ),
    "max pool of signed codes": (
        lambda: QdqChain((3, 9, 9), "int8").max_pool(3, pads=[1, 1, 1, 1]),
        [MaxPool],
    ),
    "ceil mode": (lambda: QdqChain((3, 8, 7)).max_pool(3, strides=[2, 2], ceil_mode=1), [MaxPool]),
    "ceil mode past the end": (
        lambda: QdqChain((3, 6, 7)).max_pool(2, strides=[3, 3], ceil_mode=1, pads=[0, 0, 1, 1]),
        [MaxPool],
    ),
    "same pool": (
        lambda: QdqChain((3, 7, 6)).max_pool(3, strides=[2, 2], auto_pad="SAME_UPPER"),
        [MaxPool],
    ),
    "16-bit pool": (lambda: QdqChain((3, 9, 9), "uint16").max_pool(3), [MaxPool]),
    "global average": (lambda: QdqChain((3, 9, 7)).average(), [GlobalAverage]),
    "global average by thresholds": (
        lambda: QdqChain((2, 6, 6)).average(),
        [ProcessingElement],
    ),
    "global average of signed codes": (
        lambda: QdqChain((3, 9, 7), "int8").average(),
        [GlobalAverage],
    ),
    "table": (lambda: QdqChain((12,)).unary("Sigmoid", 1 / 256), [Lookup]),
    "table of signed codes": (
        lambda: QdqChain((12,), "int8").unary("LeakyRelu", alpha=0.3),
        [Lookup],
    ),
    "factor": (lambda: QdqChain((12,)).binary("Mul", 0.37), [Lookup]),
    "16-bit table": (lambda: QdqChain((3,), "int16").unary("Tanh", 1 / 32768), [Lookup]),
    "everything in one element": (
        lambda: QdqChain((3, 9, 9)).conv(4).unary("LeakyRelu", alpha=0.2).max_pool(),
        [ProcessingElement],
    ),
    "Relu behind a convolution": (
        lambda: QdqChain(IMAGE).conv(4).unary("Relu").conv(3),
        [ProcessingElement, ProcessingElement],
    ),
    "two convolutions with a signed table": (
        lambda: QdqChain(IMAGE, "int8").conv(4).unary("Tanh", 1 / 128).conv(3, pads=[1, 1, 1, 1]),
        [ProcessingElement, ProcessingElement],
    ),
    "flattened channels first": (
        lambda: flat(QdqChain(IMAGE).conv(4)).gemm(6, size=4 * 6 * 5),
        [ProcessingElement, Reshape, ProcessingElement],
    ),
    "flattened channels last": (
        lambda: QdqChain(IMAGE).conv(4).transpose(0, 2, 3, 1).reshape(120).gemm(6, size=120),
        [ProcessingElement, Reshape, ProcessingElement],
    ),
    "Keras layout at both ends": (
        lambda: QdqChain((8, 7, 3)).transpose(0, 3, 1, 2).conv(4).transpose(0, 2, 3, 1),
        [ProcessingElement],
    ),
    "average, flattened": (
        lambda: flat(QdqChain(IMAGE).conv(4).average()).gemm(3, size=4),
        [ProcessingElement, GlobalAverage, ProcessingElement],
    ),
    "a vector seen as a map": (
        lambda: QdqChain((24,)).gemm(24).reshape(3, 4, 2).transpose(0, 3, 1, 2).conv(2, (2, 2)),
        [ProcessingElement, Reshape, ProcessingElement],
    ),
}


def ties(chain: QdqChain) -> QdqChain:
    """Make the factors 2**-1 exactly and one channel fall: no line has these steps."""
    for name in chain.constants:
        if name.startswith("w_") and chain.constants[name].ndim == 4:
            chain.constants[name] = np.array([-3, 5, 1], np.int8).reshape(3, 1, 1, 1)
        elif "scale" in name:
            exact = 0.25 if name.startswith(("w_scale", "b_scale")) else 1.0
            last = chain.nodes[-1].input[1] == name
            chain.constants[name] = np.full_like(chain.constants[name], 0.5 if last else exact)
    for node in chain.nodes:
        for index, name in enumerate(node.input):
            if node.op_type == "QuantizeLinear" and name.startswith("zero"):
                chain.constants[name] = np.array(128, np.uint8)
                assert index == 2
            if node.op_type == "DequantizeLinear" and name.startswith("zero"):
                chain.constants[name] = np.array(128, np.uint8)
    chain.scale, chain.zero_point = np.float32(0.5), 128
    return chain


@pytest.mark.parametrize("case", CASES)
def test_equals_onnxruntime(case: str) -> None:
    build, expected = CASES[case]
    result = lowered(build().model())
    assert kinds(result) == expected
    assert all(s.values > 0 for s in result.samples)
    requantized = [
        e for e in result.graph if isinstance(e, ProcessingElement | GlobalAverage | Affine)
    ]
    assert len(result.proofs) == len(requantized)


def processing_element(chain: QdqChain) -> ProcessingElement:
    (element,) = (e for e in lowered(chain.model()).graph if isinstance(e, ProcessingElement))
    return element


def test_depthwise_elements() -> None:
    """Groups keep their own weights only; nothing is multiplied by zeros in between."""
    depthwise = processing_element(QdqChain((5, 8, 7)).conv(5, (3, 2), group=5))
    multiplied = processing_element(QdqChain((5, 8, 7)).conv(10, (3, 2), group=5))
    grouped = processing_element(QdqChain((6, 8, 7)).conv(4, (3, 2), group=2))
    assert depthwise.depthwise
    assert depthwise.weights.shape == (3, 2, 1, 5)
    assert multiplied.depthwise
    assert (multiplied.groups, multiplied.depth_multiplier) == (5, 2)
    assert multiplied.weights.shape == (3, 2, 1, 10)
    assert not grouped.depthwise
    assert (grouped.groups, grouped.weights.shape) == (2, (3, 2, 3, 4))
    assert grouped.macs == 6 * 6 * 3 * 2 * 3 * 4


@pytest.mark.parametrize("keepdims", [0, 1])
def test_arg_max(keepdims: int) -> None:
    vector = lowered(QdqChain((12,)).gemm(5).arg_max(keepdims=keepdims))
    pixels = lowered(QdqChain(IMAGE).conv(5).arg_max(keepdims=keepdims))
    assert kinds(vector) == kinds(pixels) == [ProcessingElement, ArgMax]
    assert vector.graph.outputs[0].output.number == IntegerType(3, False)


layers = st.sampled_from(["conv", "pool", "table", "clip", "affine"])


@given(st.integers(0, 2**32), st.lists(layers, max_size=4), st.sampled_from(["uint8", "int8"]))
@settings(max_examples=25, deadline=None)
def test_random_chains(seed: int, middle: list[str], codes: str) -> None:
    chain = QdqChain((2, 9, 8), codes, seed).conv(3, (2, 3), pads=[1, 0, 1, 2])
    for layer in middle:
        if layer == "conv":
            chain.conv(4, (2, 2), strides=[1, 2], pads=[1, 1, 1, 1], bias=None)
        elif layer == "pool":
            chain.max_pool(2, strides=[1, 1], pads=[1, 0, 0, 1])
        elif layer == "table":
            chain.unary("LeakyRelu", alpha=0.3)
        elif layer == "clip":
            chain.clip(-20 * chain.scale, 30 * chain.scale)
        else:
            channels = chain.shape[0]
            chain.conv(channels, (1, 1), group=channels, scale=float(chain.scale) * 0.4)
    model = flat(chain.average()).gemm(4, size=chain.shape[0]).model()
    result = lower(fuse(model))
    assert_equals_onnxruntime(model, result.graph, random_inputs(model, 8, seed))
