"""Constants that nodes hold, as initializers."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, numpy_helper

_TYPES = {
    "value_float": np.float32,
    "value_floats": np.float32,
    "value_int": np.int64,
    "value_ints": np.int64,
}
"""Attributes of a Constant that are numbers, and the types of what they make."""


def lift_constants(graph: onnx.GraphProto) -> None:
    """Make initializers of ``graph``'s Constant nodes, in place, as onnxruntime itself does.

    Left alone: constants that are outputs of the graph, strings and sparse tensors.
    """
    outputs = {value.name for value in graph.output}
    for node in list(graph.node):
        if node.op_type != "Constant" or node.domain not in ("", "ai.onnx"):
            continue
        tensor = None if node.output[0] in outputs else _tensor(node)
        if tensor is not None:
            tensor.name = node.output[0]
            graph.initializer.append(tensor)
            graph.node.remove(node)


def _tensor(node: onnx.NodeProto) -> TensorProto | None:
    """Return a copy of the constant that ``node`` holds."""
    if len(node.attribute) != 1:
        return None
    attribute = node.attribute[0]
    if attribute.name == "value":
        copy = TensorProto()
        copy.CopyFrom(attribute.t)
        return copy
    kind = _TYPES.get(attribute.name)
    if kind is None:
        return None
    array = np.asarray(onnx.helper.get_attribute_value(attribute), kind)
    return numpy_helper.from_array(array)
