"""Small questions about an onnx-ir graph that the rewrites share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx_ir as ir

DOMAIN = "millrace"
"""Domain of the model-local functions, one per fused processing element."""

MICROSOFT = "com.microsoft"
"""Domain of the operators that onnxruntime adds to the standard."""

CODE_TYPES = frozenset(
    {
        ir.DataType.UINT8,
        ir.DataType.INT8,
        ir.DataType.UINT16,
        ir.DataType.INT16,
        ir.DataType.UINT4,
        ir.DataType.INT4,
    }
)
"""Element types of quantized tensors."""


def constant(value: ir.Value | None) -> npt.NDArray[Any] | None:
    """Return the array of a constant ``value``, or None if it is computed or a graph input."""
    tensor = None if value is None else value.const_value
    return None if tensor is None else np.asarray(tensor.numpy())


def same_constant(a: ir.Value | None, b: ir.Value | None) -> bool:
    """True if both are constants with the same type and values."""
    if a is b and a is not None:
        return True
    left, right = constant(a), constant(b)
    if left is None or right is None:
        return False
    return left.dtype == right.dtype and bool(np.array_equal(left.reshape(-1), right.reshape(-1)))


def is_operator(node: ir.Node | None, *names: str) -> bool:
    """True if ``node`` is one of the standard ONNX operators ``names``."""
    return node is not None and node.domain in ("", "ai.onnx") and node.op_type in names


def is_fused(node: ir.Node | None, *names: str) -> bool:
    """True if ``node`` calls one of our functions ``names`` (any of them without names)."""
    return node is not None and node.domain == DOMAIN and (not names or node.op_type in names)


def node_label(node: ir.Node) -> str:
    """Return the name of ``node`` for an error message."""
    label: str = node.name or (node.outputs[0].name if node.outputs else None) or node.op_type
    return label


def code_type(zero_point: ir.Value | None) -> ir.DataType | None:
    """Return the element type of codes with this constant zero point, None if it is no code."""
    tensor = None if zero_point is None else zero_point.const_value
    return tensor.dtype if tensor is not None and tensor.dtype in CODE_TYPES else None


def add_initializer(graph: ir.Graph, name: str, array: npt.NDArray[np.generic]) -> ir.Value:
    """Register ``array`` under a free name that starts with ``name``."""
    free, number = name, 1
    while free in graph.initializers:
        number += 1
        free = f"{name}_{number}"
    tensor = ir.tensor(array, name=free)
    value = ir.Value(
        name=free,
        type=ir.TensorType(tensor.dtype),
        shape=ir.Shape(tensor.shape),
        const_value=tensor,
    )
    graph.register_initializer(value)
    return value


def extract_function(
    model: ir.Model, kind: str, nodes: Sequence[ir.Node], inputs: Sequence[ir.Value], name: str
) -> ir.Node:
    """Replace ``nodes``, in topological order, by one call of a new function ``kind``.

    ``inputs`` become the function's parameters; the last node's first output is the result.  Calls
    of our own functions among ``nodes`` are inlined: onnxruntime does not run nested overloads.
    """
    parameters = [ir.Value(name=v.name, type=v.type, shape=v.shape) for v in inputs]
    copies: dict[ir.Value, ir.Value] = dict(zip(inputs, parameters, strict=True))
    body: list[ir.Node] = []
    for node in nodes:
        body += _inlined(model, node, copies)
    domains = {n.domain for n in body}
    imports = {d: v for d, v in model.graph.opset_imports.items() if d in domains}
    last = nodes[-1]
    graph = ir.Graph(parameters, [copies[last.outputs[0]]], nodes=body, opset_imports=imports)
    number = 1 + sum(f.domain == DOMAIN and f.name == kind for f in model.functions.values())
    function = ir.Function(DOMAIN, kind, str(number), graph=graph, attributes=())
    model.functions[function.identifier()] = function
    model.graph.opset_imports.setdefault(DOMAIN, 1)
    call = ir.Node(DOMAIN, kind, list(inputs), overload=str(number), name=name)
    ir.convenience.replace_nodes_and_values(
        model.graph, last, list(nodes), [call], [last.outputs[0]], call.outputs
    )
    return call


def _inlined(model: ir.Model, node: ir.Node, copies: dict[ir.Value, ir.Value]) -> list[ir.Node]:
    """Return a copy of ``node``, or of the body it calls; ``copies`` learns the new values."""
    if not is_fused(node):
        return [_copied(node, copies)]
    function = model.functions[node.op_identifier()]
    for parameter, operand in zip(function.inputs, node.inputs, strict=True):
        if operand is not None:
            copies[parameter] = copies[operand]
    body = [_copied(inner, copies) for inner in function]
    for inner, outer in zip(function.outputs, node.outputs, strict=True):
        copies[outer] = copies[inner]
        copies[outer].name = outer.name
    return body


def _copied(node: ir.Node, copies: dict[ir.Value, ir.Value]) -> ir.Node:
    copy = ir.Node(
        node.domain,
        node.op_type,
        [None if v is None else copies[v] for v in node.inputs],
        list(node.attributes.values()),
        num_outputs=len(node.outputs),
        name=node.name,
    )
    for old, new in zip(node.outputs, copy.outputs, strict=True):
        new.name = old.name
        copies[old] = new
    return copy
