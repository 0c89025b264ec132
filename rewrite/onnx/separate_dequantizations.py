"""Give every reader of dequantized codes a DequantizeLinear of its own.

    y = Dequantize(x); f(y), g(y) -> f(Dequantize(x)), g(Dequantize(x))

The same number computed twice.  onnxruntime does so itself before it looks for integer kernels, and
every fused function must hold the DequantizeLinear that it reads: codes branch, numbers do not.
Done in onnx-ir: a pattern cannot state the number of readers.
"""

from __future__ import annotations

from itertools import chain, count

import onnx_ir as ir

from rewrite.onnx.graphs import is_operator


def separate_dequantizations(model: ir.Model) -> int:
    """Apply to ``model``; return how many nodes were added."""
    added = 0
    taken = {v.name for v in (*model.graph.inputs, *model.graph.initializers.values())}
    taken |= {value.name for node in model.graph for value in node.outputs}
    named = {node.name for node in model.graph}
    for node in list(model.graph):
        if not is_operator(node, "DequantizeLinear"):
            continue
        result = node.outputs[0]
        uses = list(result.uses())
        for number, (reader, index) in enumerate(uses if result.is_graph_output() else uses[1:], 2):
            copy = ir.node("DequantizeLinear", list(node.inputs), node.attributes)
            copy.name = _free(f"{node.name}_{number}", named) if node.name else None
            copy.outputs[0].name = _free(f"{result.name}_{number}", taken)
            copy.outputs[0].type, copy.outputs[0].shape = result.type, result.shape
            model.graph.insert_after(node, copy)
            reader.replace_input_with(index, copy.outputs[0])
            added += 1
    return added


def _free(name: str, taken: set[str | None]) -> str:
    """Return ``name``, numbered where it is taken, and take it."""
    names = chain([name], (f"{name}_{n}" for n in count(2)))
    found = next(candidate for candidate in names if candidate not in taken)
    taken.add(found)
    return found
