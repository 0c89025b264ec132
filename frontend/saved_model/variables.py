"""Where the values of variables come from: the part of the graph that restores them.

Each SavedModel holds the graph that fills its variables from the checkpoint beside it: an
assignment of a result of ``RestoreV2``, whose constant inputs name the entries of the checkpoint.
That graph is read, never run. It is the same for TensorFlow 1 and 2, and does not depend on the
Python objects that a file describes: optimizers and their slots do not matter.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from frontend import rules
from frontend.limits import check_parameters
from frontend.saved_model.inline import FlatGraph, damaged, flatten
from frontend.saved_model.objects import OBJECT_GRAPH_KEY
from frontend.saved_model.operators import TYPES
from ir.errors import CompileError

VARIABLES = ("VarHandleOp", "VariableV2", "Variable")
_ASSIGNMENTS = ("AssignVariableOp", "Assign")


def through_identities(graph: FlatGraph, tensor: str) -> str:
    """Return the tensor that ``tensor`` is a copy of."""
    seen: set[str] = set()
    while True:
        name, _, output = tensor.rpartition(":")
        node = graph.get(name)
        if node is None or node.operator != "Identity" or output != "0" or not node.inputs:
            return tensor
        if name in seen:
            raise damaged(name, "is computed from itself")
        seen.add(name)
        tensor = node.inputs[0]


def identity_of(graph: FlatGraph, variable: str) -> tuple[bytes, bytes]:
    """Return what two nodes of the same variable have in common: container and name."""
    attributes = graph[variable].attributes
    shared = attributes["shared_name"].s
    return attributes["container"].s, shared or variable.encode()


def checkpoint_keys(graph: Any, restore: str) -> dict[tuple[bytes, bytes], str]:
    """Return the checkpoint's key of each variable, by ``identity_of``.

    Args:
        graph: GraphDef with its function library.
        restore: name of the operation that restores the variables.
    """
    if not restore:
        return {}
    flat, _ = flatten(graph, [restore.split(":")[0]])
    keys: dict[tuple[bytes, bytes], str] = {}
    for node in flat.values():
        if node.operator not in _ASSIGNMENTS or len(node.inputs) < 2:
            continue
        target = through_identities(flat, node.inputs[0]).rpartition(":")[0]
        source, _, number = through_identities(flat, node.inputs[1]).rpartition(":")
        if (
            target in flat
            and flat[target].operator in VARIABLES
            and source in flat
            and flat[source].operator == "RestoreV2"
            and len(flat[source].inputs) == 3
        ):
            names = _texts(flat, flat[source].inputs[1])
            slices = _texts(flat, flat[source].inputs[2])
            if int(number) >= min(len(names), len(slices)) or slices[int(number)]:
                raise CompileError(
                    "load", target, "the variable is stored in parts",
                    "save the model again without partitions",
                )  # fmt: skip
            keys[identity_of(flat, target)] = names[int(number)]
    return keys


def _texts(graph: FlatGraph, tensor: str) -> list[str]:
    """Return the strings of a constant."""
    node = graph.get(through_identities(graph, tensor).rpartition(":")[0])
    if node is None or node.operator != "Const":
        raise damaged(tensor, "names the variables' values in a way that can't be read")
    constant = node.attributes["value"].tensor
    size = math.prod(dim.size for dim in constant.tensor_shape.dim)
    values = [value.decode("utf-8", "replace") for value in constant.string_val]
    if len(values) == 1 and 1 < size <= 2**20:
        values *= size
    return values


class Checkpoint:
    """The values of variables, each read when it is asked for and held to the limits."""

    __slots__ = ("_parameters", "_path", "_reader", "_shapes", "_types")

    def __init__(self, path: Path) -> None:
        """Open the checkpoint whose files begin with ``path``."""
        import tensorflow

        self._path, self._parameters = path, 0
        if not path.with_name(f"{path.name}.index").exists():
            raise CompileError(
                "load", str(path.parent), "has no variables.index, which the variables need",
                "copy the whole folder",
            )  # fmt: skip
        try:
            self._reader = tensorflow.train.load_checkpoint(str(path))
            self._shapes = self._reader.get_variable_to_shape_map()
            self._types = self._reader.get_variable_to_dtype_map()
        except (tensorflow.errors.OpError, RuntimeError, ValueError, TypeError) as error:
            raise self._broken() from error

    def _broken(self) -> CompileError:
        return CompileError(
            "load", str(self._path.parent), "is truncated or damaged", "copy or save it again"
        )

    def objects(self) -> bytes:
        """Return the serialized TrackableObjectGraph; nothing in files of TensorFlow 1."""
        if OBJECT_GRAPH_KEY not in self._shapes or self._types[OBJECT_GRAPH_KEY].name != "string":
            return b""
        value = self._tensor(OBJECT_GRAPH_KEY)
        return value if isinstance(value, bytes) else b""

    def _tensor(self, key: str) -> Any:
        import tensorflow

        try:
            return self._reader.get_tensor(key)
        except (tensorflow.errors.OpError, RuntimeError, ValueError, IndexError) as error:
            raise self._broken() from error

    def value(self, variable: str, key: str, shape: tuple[int, ...] | None) -> NDArray[Any]:
        """Return the value of ``variable``, which has to have ``shape`` where that is known."""
        if key not in self._shapes:
            raise CompileError(
                "load", variable, f"its value {rules.show(key)} is missing", "save the model again"
            )
        stored = tuple(self._shapes[key])
        if shape is not None and shape != stored:
            raise CompileError(
                "load", variable,
                f"its value in the file has the shape {list(stored)}, not {list(shape)}",
                "give the variables that were saved with this graph",
            )  # fmt: skip
        if self._types[key].name not in TYPES:
            raise CompileError(
                "load", variable,
                f"its value must be of type {' or '.join(TYPES)}, not {self._types[key].name}",
                "save the model in float32",
            )  # fmt: skip
        self._parameters = check_parameters(variable, {key: stored}, self._parameters)
        values = np.asarray(self._tensor(key))
        bad = int(np.count_nonzero(~np.isfinite(values)))
        if bad:
            raise CompileError(
                "load", variable, f"{bad} of its {values.size} values are NaN or infinite",
                "train the model again",
            )  # fmt: skip
        return values
