"""Names of nodes in ONNX files may be missing, doubled or endless: here each gets its own."""

from __future__ import annotations

import onnx

from frontend.limits import MAX_NAME_LENGTH


def name_nodes(graph: onnx.GraphProto, *, unnamed: bool = True) -> None:
    """Give each node of ``graph`` a unique name, in place: its own where that is possible.

    ``unnamed``: also those without a name, which onnxruntime takes as they are.
    """
    taken: set[str] = set()
    for node in graph.node:
        if not (node.name or unnamed):
            continue
        base = node.name[:MAX_NAME_LENGTH] or node.op_type
        name, number = base, 1
        while name in taken or (name == base and not node.name):
            name, number = f"{base}_{number}", number + 1
        taken.add(name)
        node.name = name
