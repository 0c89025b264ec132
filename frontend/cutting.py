"""Cutting quantized.onnx where the hardware approximates.

An element that approximates (``ir.elements.tolerance``) may differ from onnxruntime by a code.
What follows it is compared exactly all the same: with what onnxruntime makes of the very codes that
the element sends.  So its tensor becomes an input of the graph, as numbers that are quantized at
once, for operators between codes and codes are run in integers only then.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from frontend.frames import FloatArray
from ir.graph import HostTensor
from ir.numbers import IntArray, IntegerType


def numbers_name(host: HostTensor) -> str:
    """Return the name of the input that stands for a tensor of codes."""
    return f"{host.onnx_tensor}/numbers"


def as_numbers(host: HostTensor, streamed: IntArray) -> FloatArray:
    """Return codes in stream layout, frames x NHWC, as the numbers of an ONNX tensor.

    They are products of a code and the scale in float32, which quantize to the same codes again.
    """
    order = host.stream_order
    ordered = streamed.reshape(len(streamed), *(host.shape[axis] for axis in order))
    back = [0, *(1 + order.index(axis) for axis in range(len(order)))]
    numbers = (ordered.transpose(back) - host.zero_point).astype(np.float32)
    scaled: FloatArray = numbers * np.float32(host.scale)
    return scaled


def cut_at(
    model: onnx.ModelProto,
    hosts: Iterable[tuple[HostTensor, IntegerType]],
    outputs: Sequence[str] | None = None,
) -> onnx.ModelProto:
    """Return ``model`` with the tensors of ``hosts`` given as numbers instead of computed.

    ``outputs``: tensors to put out, by default its own.
    """
    cut = onnx.ModelProto()
    cut.CopyFrom(model)
    graph = cut.graph
    for host, number in hosts:
        tensor, source = host.onnx_tensor, numbers_name(host)
        computed = next(node for node in graph.node if tensor in node.output)
        graph.node.remove(computed)
        parameters = [f"{tensor}/scale", f"{tensor}/zero_point"]
        values = np.array(host.scale, np.float32), np.array(host.zero_point, str(number))
        graph.initializer.extend(map(numpy_helper.from_array, values, parameters))
        graph.node.insert(0, helper.make_node("QuantizeLinear", [source, *parameters], [tensor]))
        shape = [None, *host.shape]
        graph.input.append(helper.make_tensor_value_info(source, TensorProto.FLOAT, shape))
    if outputs is not None:
        del graph.output[:]
        values_out = (helper.make_tensor_value_info(o, TensorProto.FLOAT, None) for o in outputs)
        graph.output.extend(values_out)
    _prune(graph)
    return cut


def _prune(graph: onnx.GraphProto) -> None:
    """Remove the nodes on which no output depends."""
    needed = {output.name for output in graph.output}
    kept = []
    for node in reversed(graph.node):
        if needed & set(node.output):
            needed.update(node.input)
            kept.append(node)
    del graph.node[:]
    graph.node.extend(reversed(kept))
