"""State the sizes that a graph computes of its batch.

    Reshape(x, f(Shape(x))) -> Reshape(x, sizes)        Expand likewise

Exporters that keep the batch free write such graphs.  onnxruntime runs f for one frame and for two:
what it makes of both alike is a constant, what is the number of frames is that of x (0 for a
Reshape, 1 for an Expand).  Condition: there is nothing else, and the frames come first.  Done in
onnx-ir: the constant is computed.
"""

from __future__ import annotations

import numpy as np
import onnx
import onnx_ir as ir
import onnx_ir.passes.common as passes
from onnx import TensorProto, helper

from ir.numbers import IntArray
from rewrite.onnx.execution import random_inputs, run
from rewrite.onnx.graphs import add_initializer, constant, is_operator, node_label

_BATCH = {"Reshape": 0, "Expand": 1}
"""What stands for the batch of the operand."""


def constant_shapes(model: ir.Model) -> int:
    """Apply to ``model``; return how many operators got constant sizes."""
    nodes = [n for n in model.graph if is_operator(n, *_BATCH) and _is_computed(n.inputs[1])]
    if not nodes:
        return 0
    one, two = _computed_sizes(model, nodes)
    changed = 0
    for node, single, double in zip(nodes, one, two, strict=True):
        sizes = _stated(single, double, _BATCH[node.op_type])
        if sizes is not None and not node.attributes.get_int("allowzero", 0):
            name = f"{node_label(node)}/sizes"
            node.replace_input_with(1, add_initializer(model.graph, name, sizes))
            changed += 1
    if changed:
        passes.ShapeInferencePass(check_type=False, strict_mode=False, data_prop=True)(model)
    return changed


def _is_computed(value: ir.Value | None) -> bool:
    return value is not None and constant(value) is None and value.producer() is not None


def _computed_sizes(model: ir.Model, nodes: list[ir.Node]) -> tuple[list[IntArray], ...]:
    """Return the sizes that each node is given for one frame, and for two."""
    proto: onnx.ModelProto = ir.to_proto(model)
    names = [value.name or "" for node in nodes if (value := node.inputs[1]) is not None]
    own = {output.name for output in proto.graph.output}
    proto.graph.output.extend(
        helper.make_tensor_value_info(name, TensorProto.INT64, None)
        for name in dict.fromkeys(names)
        if name not in own
    )
    return tuple(
        [np.asarray(a, np.int64) for a in run(proto, names, random_inputs(proto, frames))]
        for frames in (1, 2)
    )


def _stated(one: IntArray, two: IntArray, batch: int) -> IntArray | None:
    """Return the constant sizes, None if they depend on the batch in another way."""
    if one.shape != two.shape or one.ndim != 1 or not one.size:
        return None
    if np.array_equal(one, two):
        return one
    alone = one[0] == 1 and two[0] == 2 and np.array_equal(one[1:], two[1:])
    return np.concatenate([[batch], one[1:]]) if alone else None
