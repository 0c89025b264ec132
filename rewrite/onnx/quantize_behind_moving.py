"""Quantize again what was only moved or chosen, where another tool goes on with the numbers.

    f(MaxPool(Dequantize(x, s, z))) -> f(Dequantize(Quantize(MaxPool(Dequantize(x, s, z)), s, z)))

and the same for GlobalMaxPool, Slice, Transpose, Reshape, Flatten, Squeeze and Unsqueeze: their
results are among the numbers of the codes, and Quantize(Dequantize(c)) = c.  onnxruntime does so
itself (its QDQPropagationTransformer).  Conditions: not all readers quantize the result, and all
that follows is quantized in the end: what leaves the core are codes that the model names.  Done in
onnx-ir: the condition is one on all that follows.
"""

from __future__ import annotations

import onnx_ir as ir

from rewrite.onnx.fuse_layout import MOVING
from rewrite.onnx.fusion_rule import codes_refusal
from rewrite.onnx.graphs import is_operator, node_label

CHOOSING = ("MaxPool", "GlobalMaxPool", "Slice")


def quantize_behind_moving(model: ir.Model) -> int:
    """Apply to ``model``; return how many results were quantized."""
    changed = 0
    for node in list(model.graph):
        if _matches(node):
            _quantize(model.graph, node)
            changed += 1
    return changed


def _matches(node: ir.Node) -> bool:
    if not is_operator(node, *CHOOSING, *MOVING) or node.inputs[0] is None:
        return False
    entry, result = node.inputs[0].producer(), node.outputs[0]
    if entry is None or not is_operator(entry, "DequantizeLinear") or len(node.outputs) > 1:
        return False
    if codes_refusal("codes", *entry.inputs[1:3]):
        return False
    quantized = all(is_operator(user, "QuantizeLinear") for user, _ in result.uses())
    return not quantized and _feeds_core_alone(result)


def _feeds_core_alone(value: ir.Value) -> bool:
    """True if all ways from ``value`` lead to a QuantizeLinear."""
    pending, seen = [value], {value}
    for current in pending:
        if current.is_graph_output():
            return False
        for user, _ in current.uses():
            if not is_operator(user, "QuantizeLinear"):
                pending += [v for v in user.outputs if v not in seen]
                seen.update(user.outputs)
    return True


def _quantize(graph: ir.Graph, node: ir.Node) -> None:
    entry = node.inputs[0].producer() if node.inputs[0] is not None else None
    assert entry is not None
    parameters, result, label = list(entry.inputs[1:3]), node.outputs[0], node_label(node)
    readers = list(result.uses())
    codes = ir.node("QuantizeLinear", [result, *parameters])
    codes.outputs[0].shape = result.shape
    codes.outputs[0].type = None if entry.inputs[0] is None else entry.inputs[0].type
    codes.name = codes.outputs[0].name = f"{label}/codes"
    added = [codes]
    for number, (reader, index) in enumerate(readers):
        numbers = ir.node("DequantizeLinear", [codes.outputs[0], *parameters])
        numbers.name = numbers.outputs[0].name = f"{label}/numbers_{number}"
        numbers.outputs[0].type, numbers.outputs[0].shape = result.type, result.shape
        reader.replace_input_with(index, numbers.outputs[0])
        added.append(numbers)
    graph.insert_after(node, added)
