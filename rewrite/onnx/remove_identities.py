"""Identity(x) -> x, wherever the names of the model's inputs and outputs allow it.

Where x is an input or output of the model and its Identity is another output, the node stays: each
output has a name and a node of its own.
"""

from __future__ import annotations

import onnx_ir as ir

from rewrite.onnx.graphs import is_operator


def remove_identities(model: ir.Model) -> None:
    """Apply to ``model`` in place."""
    for node in list(model.graph):
        source, result = node.inputs[0] if node.inputs else None, node.outputs[0]
        if source is None or not is_operator(node, "Identity"):
            continue
        if result.is_graph_output():
            if source.is_graph_input() or source.is_graph_output() or source.is_initializer():
                continue
            source.name, result.name = result.name, None
            source.type, source.shape = source.type or result.type, source.shape or result.shape
        ir.convenience.replace_all_uses_with(result, source, replace_graph_outputs=True)
        model.graph.remove(node, safe=True)
