"""Quantize in front of what moves numbers or takes the largest, where another tool does it behind.

    Quantize(MaxPool(y), s, z) -> Quantize(MaxPool(Dequantize(Quantize(y, s, z), s, z)), s, z)

and the same for Transpose, Reshape, Flatten, Squeeze and Unsqueeze, where y is no dequantized
tensor but what a function of one computes in float.  Quantization never falls where its operand
rises, so the code of the largest number is the largest code; and a moved number has a moved code.
Condition: nothing else reads the moved numbers.  Done in onnx-ir: the condition is on what y is
not.
"""

from __future__ import annotations

import onnx_ir as ir

from rewrite.onnx.entry import input_of
from rewrite.onnx.fuse_layout import MOVING
from rewrite.onnx.fusion_rule import codes_refusal
from rewrite.onnx.graphs import is_operator


def quantize_before_moving(model: ir.Model) -> int:
    """Apply to ``model``; return how many operators changed."""
    changed = 0
    for node in reversed(list(model.graph)):
        source, result = node.inputs[0] if node.inputs else None, node.outputs[0]
        if source is None or not is_operator(node, "MaxPool", *MOVING) or len(node.outputs) > 1:
            continue
        quantize = next((user for user, _ in result.uses()), None)
        if quantize is None or not is_operator(quantize, "QuantizeLinear"):
            continue
        if len(list(result.uses())) > 1 or result.is_graph_output():
            continue
        if codes_refusal("result", *quantize.inputs[1:3]) or not _is_computed(source):
            continue
        parameters = list(quantize.inputs[1:3])
        inner = ir.node("QuantizeLinear", [source, *parameters])
        outer = ir.node("DequantizeLinear", [inner.outputs[0], *parameters])
        for new, kind in ((inner, "quantized"), (outer, "dequantized")):
            new.name = f"{node.name}/{kind}" if node.name else None
            new.outputs[0].name = f"{result.name}_operand_{kind}"
            new.outputs[0].shape = source.shape
        outer.outputs[0].type, inner.outputs[0].type = source.type, quantize.outputs[0].type
        model.graph.insert_before(node, [inner, outer])
        node.replace_input_with(0, outer.outputs[0])
        changed += 1
    return changed


def _is_computed(value: ir.Value) -> bool:
    """True for numbers that an operator of the core computes in float."""
    node = value.producer()
    if node is None or is_operator(node, "DequantizeLinear") or input_of(value) is not None:
        return False
    return value.dtype is ir.DataType.FLOAT
