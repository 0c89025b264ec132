"""Lowered graphs compute onnxruntime's integers; what cannot be exact is refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import onnx
import onnx_ir
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx.utils import Extractor

from ir.elements import (
    Affine,
    ArgMax,
    Element,
    GlobalAverage,
    Input,
    Lookup,
    MaxPool,
    Output,
    ProcessingElement,
    Reshape,
)
from ir.errors import CompileError
from ir.graph import HostTensor, StreamGraph
from ir.interpreter import evaluate
from ir.numbers import IntArray, IntegerType
from ir.requantize import ScaleRequantization
from rewrite.lower import Lowered, lower
from rewrite.lower.layout import Stream
from rewrite.lower.reading import stages
from rewrite.lower.sampling import sample
from rewrite.onnx import fuse, random_inputs
from rewrite.onnx.execution import run
from tests.qdq import Array, QdqChain

IMAGE = (3, 8, 7)


def lowered(model: onnx.ModelProto) -> Lowered:
    """Lower ``model`` and require the interpreter to equal onnxruntime on the original."""
    result = lower(fuse(model))
    assert_equals_onnxruntime(model, result.graph, random_inputs(model, 24, seed=5))
    return result


def assert_equals_onnxruntime(
    model: onnx.ModelProto, graph: StreamGraph, inputs: dict[str, Array]
) -> None:
    entering, leaving = graph.host_tensors["s_axis"], graph.host_tensors["m_axis"]
    got = evaluate(
        graph, {"s_axis": streamed(input_codes(model, inputs), entering, graph.inputs[0])}
    )[graph.outputs[0].name]
    expected = output_codes(run(model, None, inputs)[0], leaving)
    assert np.array_equal(got, streamed(expected, leaving, graph.outputs[0]))


def input_codes(model: onnx.ModelProto, inputs: dict[str, Array]) -> Array:
    quantize = model.graph.node[0]
    assert quantize.op_type == "QuantizeLinear"
    part = Extractor(onnx.shape_inference.infer_shapes(model)).extract_model(
        ["x"], [quantize.output[0]]
    )
    return run(part, None, inputs)[0]


def output_codes(numbers: Array, host: HostTensor) -> IntArray:
    """Return the codes that became ``numbers``: onnxruntime runs the plain model, so that nothing
    that is put out keeps it from an optimization."""
    codes: IntArray = np.rint(numbers / host.scale).astype(np.int64) + host.zero_point
    return codes


def streamed(tensor: Array, host: HostTensor, element: Input | Output) -> IntArray:
    assert tensor.shape[1:] == host.shape
    moved = tensor.transpose(0, *(axis + 1 for axis in host.stream_order))
    shape = element.output.shape
    result: IntArray = moved.reshape(-1, shape.height, shape.width, shape.channels)
    return result.astype(np.int64)


def test_output_varies() -> None:
    """The comparisons above would mean little if all codes were the same."""
    model = QdqChain(IMAGE).conv(5).model()
    assert len(np.unique(run(model, None, random_inputs(model, 4))[0])) > 50


def kinds(result: Lowered) -> list[type[Element]]:
    return [type(e) for e in result.graph if not isinstance(e, Input | Output)]


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
    "affine": (lambda: QdqChain(IMAGE).conv(3, (1, 1), group=3, scale=0.5), [Affine]),
    "affine with ties": (
        lambda: ties(QdqChain(IMAGE).conv(3, (1, 1), group=3)),
        [ProcessingElement],
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


def flat(chain: QdqChain) -> QdqChain:
    return chain.same("Flatten", axis=1)


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


def test_weights_are_in_stream_order_and_narrow() -> None:
    chain = QdqChain((2, 1, 2)).transpose(0, 3, 1, 2)
    codes = np.arange(4, dtype=np.int8).reshape(4, 1)
    chain = flat(chain).gemm(1, size=4, per_channel=False)
    chain.constants[next(n for n in chain.constants if n.startswith("w_"))] = codes
    element = next(e for e in lower(fuse(chain.model())).graph if isinstance(e, ProcessingElement))
    assert element.weights.reshape(-1).tolist() == [0, 2, 1, 3]
    assert element.weight_number == IntegerType(2, False)
    assert not element.weights.flags.writeable


def test_accumulator_spans_what_the_weights_reach() -> None:
    chain = QdqChain((3,)).gemm(1, bias=None, per_channel=False)
    weights = np.array([[2], [-1], [100]], np.int8)
    chain.constants[next(n for n in chain.constants if n.startswith("w_"))] = weights
    result = lower(fuse(chain.model()))
    (proof,) = result.proofs
    assert (proof.low, proof.high, proof.covered) == (-255, 102 * 255, 103 * 255 + 1)
    element = next(e for e in result.graph if isinstance(e, ProcessingElement))
    assert element.accumulator == IntegerType(16, True)


def test_ranges_of_tables_narrow_the_next_accumulator() -> None:
    narrow = QdqChain((3,)).clip(0.0, 0.001).gemm(1, bias=None)
    (proof,) = lower(fuse(narrow.model())).proofs
    assert proof.low == proof.high


def test_padding_counts_as_reachable() -> None:
    """Codes 105 to 110 come in, but padding is the zero point, 100."""
    chain = QdqChain(IMAGE)
    x = chain.constant("low", np.float32(5)), chain.constant("high", np.float32(10))
    chain.requantize(chain.node("Clip", [chain.dequantize(), *x]), 1.0, 100)
    chain.conv(1, (1, 1), pads=[1, 1, 1, 1], bias=None, per_channel=False)
    weights = np.array([1, 0, 0], np.int8).reshape(1, 3, 1, 1)
    chain.constants[next(n for n in chain.constants if n.startswith("w_"))] = weights
    (proof,) = lowered(chain.model()).proofs
    assert (proof.low, proof.high) == (100, 110)


def test_clamp_is_folded() -> None:
    chain = QdqChain(IMAGE).conv(4)
    low, high = -20 * chain.scale, 31 * chain.scale
    (element,) = (
        e for e in lowered(chain.clip(low, high).model()).graph if isinstance(e, ProcessingElement)
    )
    assert element.table is None
    assert isinstance(element.requantization, ScaleRequantization)
    zero = chain.zero_point
    bounds = max(0, zero - 20), min(255, zero + 31)
    assert (element.requantization.low, element.requantization.high) == bounds


def test_host_side() -> None:
    chain = QdqChain((8, 7, 3)).transpose(0, 3, 1, 2).conv(4)
    graph = lower(fuse(chain.model("Softmax"))).graph
    entering, leaving = graph.host_tensors["s_axis"], graph.host_tensors["m_axis"]
    assert graph.host_operators == ("Softmax",)
    assert (entering.shape, entering.stream_order) == ((8, 7, 3), (0, 1, 2))
    assert (leaving.shape, leaving.stream_order) == ((4, 6, 5), (1, 2, 0))
    assert (entering.onnx_name, entering.onnx_tensor) == ("x", "t1")
    assert (leaving.scale, leaving.zero_point) == (chain.scale, chain.zero_point)
    assert graph.inputs[0].pad_value == entering.zero_point


def test_names_are_legal_and_layers_keep_theirs() -> None:
    model = QdqChain(IMAGE).conv(4).conv(2, (1, 1)).model()
    hostile = iter(['"; rm -rf / --', "entity"])
    for node in model.graph.node:
        if node.op_type == "Conv":
            node.name = next(hostile)
    graph = lower(fuse(model), name="architecture").graph
    found = [(e.name, e.layer) for e in graph if isinstance(e, ProcessingElement)]
    assert found == [("rm_rf", '"; rm -rf / --'), ("entity_2", "entity")]
    assert graph.name == "architecture_2"


REFUSED: dict[str, tuple[Build, str]] = {
    "overflow": (
        lambda: overflowing(),
        "gemm_5: accumulator needs 33 bits, but onnxruntime's int32 wraps; use smaller biases or "
        "fewer inputs",
    ),
    "mixed layout": (
        lambda: QdqChain((4, 6, 6)).conv(4, pads=[1, 1, 1, 1]).reshape(6, 4, 6).conv(2),
        "conv_13: values must arrive row by row, channel fastest; the layout changes in front of "
        "the layer put them into another order; keep the channels last when reshaping",
    ),
    "output in no order of axes": (
        lambda: flat(QdqChain(IMAGE).conv(4)),
        "t10: the output must be streamed in an order of its axes; a layout change in front of it "
        "mixes them; flatten with the channels last",
    ),
}


def overflowing() -> QdqChain:
    chain = QdqChain((12,)).gemm(5, per_channel=False)
    name = next(n for n in chain.constants if n.startswith("b_"))
    chain.constants[name] = np.full(5, 2**31 - 1, np.int32)
    return chain


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case: str) -> None:
    build, message = REFUSED[case]
    with pytest.raises(CompileError) as refusal:
        lower(fuse(build().model()))
    assert str(refusal.value) == message


def test_unknown_sizes_are_refused() -> None:
    model = QdqChain(IMAGE).conv(4).model()
    model.graph.input[0].type.tensor_type.shape.dim[2].dim_param = "height"
    with pytest.raises(CompileError, match="the shape of t1 must be known but for the batch"):
        lower(fuse(model, random_inputs(QdqChain(IMAGE).conv(4).model(), 2)))


def test_sampling_finds_a_wrong_element() -> None:
    fused = fuse(QdqChain((6,)).gemm(4).model())
    model = onnx_ir.from_proto(onnx.shape_inference.infer_shapes(fused.proto))
    graph = lower(fused).graph
    source, element = graph.inputs[0], graph.outputs[0].source
    assert isinstance(element, ProcessingElement)
    parts = stages(model, next(n for n in model.graph if n.domain == "millrace"))
    ends = np.zeros(6, np.int64), np.full(6, 255)
    before = Stream(source, np.arange(6), *ends, "x")
    right = Stream(element, np.arange(4), ends[0][:4], ends[1][:4], "gemm")
    assert sample(parts, before, right).values > 0
    wrong = replace(right, element=replace(element, weights=element.weights + 1))
    with pytest.raises(CompileError, match="gemm: onnxruntime must compute what the element"):
        sample(parts, before, wrong)
