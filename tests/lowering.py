"""Lowering in tests: run both sides and compare."""

from __future__ import annotations

import numpy as np
import onnx
from onnx.utils import Extractor

from ir.elements import (
    Element,
    Input,
    Output,
)
from ir.graph import HostTensor, StreamGraph
from ir.interpreter import evaluate
from ir.numbers import IntArray
from rewrite.lower import Lowered, lower
from rewrite.onnx import fuse, random_inputs
from rewrite.onnx.execution import run
from tests.qdq import Array, QdqChain


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
        graph,
        {
            "s_axis": streamed(
                input_codes(model, inputs).astype(np.int64) + entering.shift,
                entering,
                graph.inputs[0],
            )
        },
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


def kinds(result: Lowered) -> list[type[Element]]:
    return [type(e) for e in result.graph if not isinstance(e, Input | Output)]


def flat(chain: QdqChain) -> QdqChain:
    return chain.same("Flatten", axis=1)
