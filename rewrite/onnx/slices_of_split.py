"""Take each part of a Split by itself.

    Split(x; sizes) -> Slice(x; 0, s1), Slice(x; s1, s1 + s2), ...

The definition of the operator, on numbers and on codes.  Condition: parts of known sizes.  Done in
onnx-ir: a pattern cannot state the number of parts.
"""

from __future__ import annotations

from itertools import accumulate

import numpy as np
import onnx_ir as ir

from rewrite.onnx.graphs import add_initializer, is_operator, node_label


def slices_of_split(model: ir.Model) -> int:
    """Apply to ``model``; return how many Splits became Slices."""
    changed = 0
    for node in list(model.graph):
        sizes = _sizes(node) if is_operator(node, "Split") else None
        if sizes is None:
            continue
        slices = _slices(model.graph, node, sizes)
        results = [new.outputs[0] for new in slices]
        ir.convenience.replace_nodes_and_values(
            model.graph, node, [node], slices, list(node.outputs), results
        )
        changed += 1
    return changed


def _sizes(node: ir.Node) -> list[int] | None:
    """Return how long each part is along the axis of a Split, None if one is not known."""
    sizes = []
    for part in node.outputs:
        if part.shape is None:
            return None
        size = part.shape[_axis(node, part.shape.rank())]
        if not isinstance(size, int):
            return None
        sizes.append(size)
    return sizes


def _axis(node: ir.Node, rank: int) -> int:
    axis: int = node.attributes.get_int("axis", 0) % rank
    return axis


def _slices(graph: ir.Graph, node: ir.Node, sizes: list[int]) -> list[ir.Node]:
    shape, label = node.outputs[0].shape, node_label(node)
    assert shape is not None
    ends = list(accumulate(sizes))
    slices = []
    for number, (part, size, end) in enumerate(zip(node.outputs, sizes, ends, strict=True)):
        bounds = {"begin": end - size, "end": end, "axis": _axis(node, shape.rank())}
        operands = [
            add_initializer(graph, f"{label}/{kind}_{number}", np.array([value], np.int64))
            for kind, value in bounds.items()
        ]
        new = ir.node("Slice", [node.inputs[0], *operands], name=f"{label}/{number}")
        new.outputs[0].name, new.outputs[0].type = part.name, part.type
        new.outputs[0].shape = part.shape
        slices.append(new)
    return slices
