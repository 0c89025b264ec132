"""Fuse a concatenation of codes.

    Quantize(Concat(Dequantize(a, s, z), Dequantize(b, s, z)), s, z) -> Concatenation(a, b, ...)

for any number of operands.  Quantize(Dequantize(c)) = c for every code c if both use the same scale
and zero point; where an operand has others, each of its codes still becomes one output code, a
table.  Done in onnx-ir: a pattern cannot state the number of operands.
"""

from __future__ import annotations

import onnx_ir as ir

from rewrite.onnx.fusion_rule import codes_refusal
from rewrite.onnx.graphs import extract_function, is_operator, node_label

FUNCTION = "Concatenation"


def fuse_concatenation(model: ir.Model) -> int:
    """Apply to ``model``; return how many concatenations were fused."""
    fused = 0
    for quantize in list(model.graph):
        nodes = _region(quantize)
        if nodes is None:
            continue
        *dequantizes, concat = nodes
        codes = [n.inputs[0] for n in dequantizes]
        parameters = [v for n in (*dequantizes, quantize) for v in n.inputs[1:]]
        inputs = list(dict.fromkeys(v for v in (*codes, *parameters) if v is not None))
        extract_function(model, FUNCTION, [*nodes, quantize], inputs, node_label(concat))
        fused += 1
    return fused


def _region(quantize: ir.Node) -> list[ir.Node] | None:
    """Return the DequantizeLinear nodes and the Concat in front of ``quantize``, or None."""
    value = quantize.inputs[0] if is_operator(quantize, "QuantizeLinear") else None
    concat = None if value is None else value.producer()
    if value is None or concat is None or not is_operator(concat, "Concat") or _shared(value):
        return None
    nodes: list[ir.Node] = []
    for operand in concat.inputs:
        node = None if operand is None else operand.producer()
        if operand is None or node is None or not is_operator(node, "DequantizeLinear"):
            return None
        if _shared(operand) or codes_refusal("operand", node.inputs[1], node.inputs[2]):
            return None
        nodes.append(node)
    if codes_refusal("result", quantize.inputs[1], quantize.inputs[2]):
        return None
    return [*nodes, concat]


def _shared(value: ir.Value) -> bool:
    return value.is_graph_output() or len(value.uses()) != 1
