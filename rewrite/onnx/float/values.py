"""What the float rewrites ask of values: constants, static shapes, single users."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx_ir as ir

TO_NHWC = (0, 2, 3, 1)
TO_NCHW = (0, 3, 1, 2)


def constant(value: ir.Value | None) -> npt.NDArray[Any] | None:
    """Return the constant that ``value`` holds, or None."""
    if value is None:
        return None
    tensor = ir.convenience.get_const_tensor(value)
    return None if tensor is None else np.asarray(tensor.numpy())


def static_shape(value: ir.Value | None) -> tuple[int, ...] | None:
    """Return the shape if every dimension is known (the batch is 1 while rewriting)."""
    if value is None or value.shape is None:
        return None
    dims = tuple(value.shape)
    return tuple(int(d) for d in dims) if all(isinstance(d, int) for d in dims) else None


def only_user(value: ir.Value) -> ir.Node | None:
    """Return the one node that reads ``value``; None if several do or a graph output shows it."""
    uses = list(value.uses())
    if len(uses) != 1 or value.is_graph_output():
        return None
    return uses[0].node


def ints(node: ir.Node, name: str, default: Sequence[int]) -> tuple[int, ...]:
    """Return an attribute that is a list of integers."""
    attribute = node.attributes.get(name)
    return tuple(default) if attribute is None else tuple(attribute.as_ints())


def integer(node: ir.Node, name: str, default: int) -> int:
    """Return an attribute that is an integer."""
    attribute = node.attributes.get(name)
    return default if attribute is None else int(attribute.as_int())


def floating(node: ir.Node, name: str, default: float) -> float:
    """Return an attribute that is a number."""
    attribute = node.attributes.get(name)
    return default if attribute is None else float(attribute.as_float())


def permutation(node: ir.Node | None) -> tuple[int, ...] | None:
    """Return the permutation of a Transpose, None for any other node."""
    if node is None or node.op_type != "Transpose" or node.inputs[0] is None:
        return None
    shape = node.inputs[0].shape
    default = () if shape is None else tuple(reversed(range(len(shape))))
    return ints(node, "perm", default)


def float_initializer(op: Any, near: ir.Node, kind: str, values: npt.ArrayLike) -> ir.Value:
    """Add a float32 initializer named after the node it belongs to; rounds once, here."""
    return initializer(op, near, kind, np.asarray(values).astype(np.float32))


def initializer(op: Any, near: ir.Node, kind: str, values: npt.NDArray[Any]) -> ir.Value:
    """Add an initializer named after the node it belongs to."""
    assert near.graph is not None
    taken = {*near.graph.initializers, *(value.name for value in op.initializers)}
    name, number = f"{near.name}.{kind}", 0
    while name in taken:
        number += 1
        name = f"{near.name}.{kind}.{number}"
    value: ir.Value = op.initializer(ir.tensor(np.asarray(values, order="C"), name=name), name=name)
    return value


def take_name(node: ir.Node) -> str:
    """Return the name for the node that replaces this one, which has another until it is gone."""
    name = str(node.name or node.op_type)
    node.name = f"{name}.replaced"
    return name


def clone(op: Any, node: ir.Node, inputs: Sequence[ir.Value | None], **changed: Any) -> ir.Value:
    """Return a copy of ``node`` with its name and attributes, other inputs, changed attributes."""
    attributes = {k: v for k, v in node.attributes.items() if k not in changed}
    value: ir.Value = op.op(
        node.op_type, *inputs, _domain=node.domain, _name=take_name(node), **attributes, **changed
    )
    return value


def reshape(op: Any, near: ir.Node, value: ir.Value, shape: Sequence[int]) -> ir.Value:
    """Return ``value`` reshaped to (batch, *shape)."""
    target = initializer(op, near, "shape", np.array([-1, *shape], np.int64))
    result: ir.Value = op.Reshape(value, target, _name=f"{near.name}.reshape")
    return result
