"""What lowering makes of ranges, layouts, names and ports, and what it refuses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import onnx
import onnx_ir
import pytest

from ir.elements import (
    ProcessingElement,
)
from ir.errors import CompileError
from ir.numbers import IntegerType
from ir.requantize import ScaleRequantization
from rewrite.lower import lower
from rewrite.lower.reading import stages
from rewrite.lower.sampling import sample
from rewrite.lower.streams import Stream
from rewrite.onnx import fuse, random_inputs
from tests.lowering import flat, lowered
from tests.qdq import QdqChain

IMAGE = (3, 8, 7)

Build = Callable[[], QdqChain]


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
    x = chain.constant("low", np.float32(1)), chain.constant("high", np.float32(2))
    chain.requantize(chain.node("Clip", [chain.dequantize(), *x]), 0.2, 100)
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
}


def overflowing() -> QdqChain:
    chain = QdqChain((12,)).gemm(5, per_channel=False)
    name = next(n for n in chain.constants if n.startswith("b_"))
    chain.constants[name] = np.full(5, 2**31 - 1, np.int32)
    return chain


def test_a_constant_model_is_refused() -> None:
    fused = fuse(QdqChain((3,)).same("Relu").model())
    constant = onnx.helper.make_tensor_value_info("fixed", onnx.TensorProto.FLOAT, [2])
    del fused.proto.graph.output[:]
    fused.proto.graph.output.append(constant)
    fused.proto.graph.initializer.append(
        onnx.numpy_helper.from_array(np.ones(2, np.float32), "fixed")
    )
    with pytest.raises(CompileError) as refusal:
        lower(fused, "top")
    assert str(refusal.value) == (
        "top: an output of the model must depend on its inputs, and none does; give it an output "
        "that is computed from an input"
    )


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
    assert sample(parts, (before,), right).values > 0
    wrong = replace(right, element=replace(element, weights=element.weights + 1))
    with pytest.raises(CompileError, match="gemm: onnxruntime must compute what the element"):
        sample(parts, (before,), wrong)


@pytest.mark.parametrize("codes", ["uint8", "int8"])
def test_layers_on_sequences(codes: str) -> None:
    chain = QdqChain((3, 12), codes)
    chain.conv(4, (3,), pads=[2, 1], dilations=[2])  # type: ignore[arg-type]
    chain.same("MaxPool", kernel_shape=[2], strides=[2])
    lowered(chain.average().model())


@pytest.mark.parametrize("values", [[[[0.5]], [[-1.0]], [[0.7]]], [[[0.5]], [[0.0]], [[2.0]]]])
def test_functions_with_constants_for_each_channel(values: list[list[list[float]]]) -> None:
    """Lines where they are equal on every code, else tables; both are onnxruntime's function."""
    chain = QdqChain(IMAGE).binary("Mul", values, 0.07)
    lowered(chain.model())
    summands = chain.constant("summand", np.array([[[1]], [[2]], [[-1]]], np.float32))
    y = chain.node("Abs", [chain.node("Add", [chain.dequantize(), summands])])
    lowered(chain.requantize(y, 0.05).model())


def test_batch_normalization_in_float() -> None:
    chain = QdqChain(IMAGE)
    statistics = [chain.random.uniform(0.5, 2, 3).astype(np.float32) for _ in range(4)]
    operands = [chain.constant("statistic", values) for values in statistics]
    y = chain.node("BatchNormalization", [chain.dequantize(), *operands])
    lowered(chain.requantize(y, 0.05).model())
