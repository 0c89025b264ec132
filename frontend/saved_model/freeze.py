"""A served function as one flat, frozen graph: what computes the outputs, and nothing else.

Variables become constants, and all that the outputs do not need is dropped: optimizers, training
steps, other signatures. What is left is checked against the list of operators, types and sizes, so
that a graph that passes can be given to TensorFlow.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from frontend import rules
from frontend.limits import MAX_PARAMETERS
from frontend.saved_model.folder import SavedModel
from frontend.saved_model.inline import FlatGraph, FlatNode, damaged, flatten
from frontend.saved_model.objects import captured_keys
from frontend.saved_model.operators import ALLOWED, TYPES, check_operator
from frontend.saved_model.variables import (
    VARIABLES,
    Checkpoint,
    checkpoint_keys,
    identity_of,
    through_identities,
)
from ir.errors import CompileError

HANDLE = "VarHandleOp"
_HANDLE_READERS = ("ReadVariableOp", "Identity", "DisableCopyOnRead", "VarIsInitializedOp")


@dataclass(frozen=True, slots=True)
class Frozen:
    """A frozen GraphDef; ``inputs`` and ``outputs`` are tensors of it by their public names."""

    graph: Any
    inputs: dict[str, str]
    outputs: dict[str, str]


def freeze(saved: SavedModel) -> Frozen:
    """Return the GraphDef of the served function, without functions, variables or control edges.

    Its inputs are ``Placeholder`` nodes.

    Raises:
        CompileError: an operator is not supported, or a variable is missing or changed.
    """
    from tensorflow.core.framework import graph_pb2

    signature = saved.signature
    ends = [*signature.inputs.values(), *signature.outputs.values()]
    flat, tensors = flatten(saved.graph, [end.rpartition(":")[0] for end in ends], ends)
    result = Frozen(
        graph_pb2.GraphDef(),
        dict(zip(signature.inputs, tensors, strict=False)),
        dict(zip(signature.outputs, tensors[len(signature.inputs) :], strict=True)),
    )
    inputs = {_node(tensor): name for name, tensor in result.inputs.items()}
    needed = _needed(flat, result.outputs, inputs)
    _check_unchanged(flat, needed)
    frozen = result.graph
    frozen.versions.CopyFrom(saved.graph.versions)
    values = _Values(saved, flat)
    for node in flat.values():
        if node.name in inputs:
            _add_input(frozen, node, signature.shapes[inputs[node.name]])
        elif node.name not in needed or _is_handle(flat, node):
            continue
        elif node.operator == "ReadVariableOp":
            values.add(frozen, node, node.inputs[0])
        elif node.operator in VARIABLES:
            values.add(frozen, node, f"{node.name}:0")
        elif node.operator == "Erfc":
            _add_complement(frozen, node)
        else:
            _add(frozen, node)
    return result


def _node(tensor: str) -> str:
    return tensor.rpartition(":")[0]


def _needed(flat: FlatGraph, outputs: Mapping[str, str], inputs: Mapping[str, str]) -> set[str]:
    needed: set[str] = set()
    pending = [_node(tensor) for tensor in outputs.values()]
    while pending:
        name = pending.pop()
        if name in needed:
            continue
        if name not in flat:
            raise damaged(name, "is a node that the graph does not have")
        needed.add(name)
        if name not in inputs:
            pending.extend(_node(tensor) for tensor in flat[name].inputs)
    return needed


def _is_handle(flat: FlatGraph, node: FlatNode) -> bool:
    """Tell whether a node is a handle of a variable, or passes one on."""
    source = flat.get(_node(through_identities(flat, f"{node.name}:0")))
    return source is not None and source.operator == HANDLE


def _check_unchanged(flat: FlatGraph, needed: set[str]) -> None:
    """Refuse a function that changes one of its variables, or does not only read it."""
    variables = {
        node.name: identity_of(flat, node.name)
        for node in flat.values()
        if node.operator in VARIABLES
    }
    read = {variables[name] for name in needed & variables.keys()}
    for node in flat.values():
        for tensor in node.inputs:
            source = _node(through_identities(flat, tensor))
            if variables.get(source) not in read:
                continue
            allowed = _HANDLE_READERS if flat[source].operator == HANDLE else ALLOWED
            if node.operator not in allowed:
                raise CompileError(
                    "load", node.name,
                    f"uses the variable {rules.show(source)} with the operator "
                    f"{rules.show(node.operator)} while the network runs",
                    "save the model for inference only",
                )  # fmt: skip


def _add_input(frozen: Any, node: FlatNode, shape: tuple[int | None, ...]) -> None:
    from tensorflow.core.framework import types_pb2

    added = frozen.node.add(name=node.name, op="Placeholder")
    added.attr["dtype"].type = types_pb2.DT_FLOAT
    for size in shape:
        added.attr["shape"].shape.dim.add(size=-1 if size is None else size)


def _add(frozen: Any, node: FlatNode) -> None:
    """Add an operation whose operator, types and constants are on the list and within limits."""
    from tensorflow.python.framework import dtypes, op_def_registry

    check_operator(node.name, node.operator)
    if node.operator == "Placeholder":
        raise damaged(node.name, "is an input that the signature does not name")
    definition = op_def_registry.get(node.operator)
    added = frozen.node.add(name=node.name, op=node.operator)
    added.input.extend(node.inputs)
    for attribute in definition.attr:
        if attribute.name not in node.attributes:
            continue
        value = node.attributes[attribute.name]
        for kind in (value.type, *value.list.type) if attribute.type.endswith("type") else ():
            name = dtypes.as_dtype(kind).name if kind else "unknown"
            if kind and name not in TYPES:
                raise CompileError(
                    "load", node.name, f"must compute in {' or '.join(TYPES)}, not {name}",
                    "save the model in float32",
                )  # fmt: skip
        if attribute.type == "tensor":
            check_constant(node.name, value.tensor)
        added.attr[attribute.name].CopyFrom(value)


def _add_complement(frozen: Any, node: FlatNode) -> None:
    """Add ``1 - Erf(x)`` for ``Erfc(x)``, which ONNX does not have."""
    import tensorflow

    one, inner = f"{node.name}/one", f"{node.name}/erf"
    kind = tensorflow.float32.as_datatype_enum
    constant = frozen.node.add(name=one, op="Const")
    constant.attr["dtype"].type = kind
    constant.attr["value"].tensor.CopyFrom(tensorflow.make_tensor_proto(np.float32(1)))
    frozen.node.add(name=inner, op="Erf", input=node.inputs).attr["T"].type = kind
    frozen.node.add(name=node.name, op="Sub", input=[one, inner]).attr["T"].type = kind


def check_constant(name: str, tensor: Any) -> None:
    """Refuse a constant that is absurdly large; a few bytes can stand for many equal values."""
    sizes = [dim.size for dim in tensor.tensor_shape.dim]
    if min(sizes, default=0) < 0 or math.prod(sizes) > MAX_PARAMETERS:
        raise CompileError(
            "load", name,
            f"is a constant of the shape {rules.show(sizes)}, more than the limit of "
            f"{MAX_PARAMETERS} values",
            "use a smaller layer",
        )  # fmt: skip


class _Values:
    """Constants in place of variables. The checkpoint is opened when the first is asked for."""

    def __init__(self, saved: SavedModel, flat: FlatGraph) -> None:
        self._saved, self._flat = saved, flat
        self._checkpoint: Checkpoint | None = None
        self._restored: dict[tuple[bytes, bytes], str] = {}
        self._captured: dict[str, str] = {}
        self._known: dict[str, Any] = {}

    def add(self, frozen: Any, node: FlatNode, tensor: str) -> None:
        """Add, under the name of ``node``, the value of the variable ``tensor`` that it reads."""
        from tensorflow.python.framework import tensor_util

        variable = _node(through_identities(self._flat, tensor))
        if variable not in self._flat or self._flat[variable].operator not in VARIABLES:
            raise damaged(node.name, "reads a variable that is not there")
        if variable not in self._known:
            self._known[variable] = tensor_util.make_tensor_proto(self._value(variable))
        value = self._known[variable]
        added = frozen.node.add(name=node.name, op="Const")
        added.attr["dtype"].type = value.dtype
        added.attr["value"].tensor.CopyFrom(value)

    def _value(self, variable: str) -> Any:
        if self._checkpoint is None:
            self._checkpoint = Checkpoint(self._saved.checkpoint)
            self._restored = checkpoint_keys(self._saved.graph, self._saved.restore)
            stored = self._checkpoint.objects()
            self._captured = captured_keys(self._saved.graph, self._saved.objects, stored)
        restored = self._restored.get(identity_of(self._flat, variable))
        key = restored or self._captured.get(variable)
        if key is None:
            raise CompileError(
                "load", variable, "the variable is restored from nowhere", "save the model again"
            )
        stated = self._flat[variable].attributes["shape"].shape
        sizes = tuple(dim.size for dim in stated.dim)
        known = not stated.unknown_rank and min(sizes, default=0) >= 0
        return self._checkpoint.value(variable, key, sizes if known else None)
