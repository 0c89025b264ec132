"""Choose one value after the other.

    Quantize(Max(a, b, c), s, z) -> Quantize(Max(m, c), s, z)
        with m = Dequantize(Quantize(Max(a, b), s, z), s, z)

and the same for Min, and for more operands.  Quantization never decreases, so the code of the
largest number is the largest of the codes: Quantize(Max(a, b)) may stand for max(a, b), whose code
it keeps.  Condition: nothing else reads the result.  Done in onnx-ir: a pattern cannot state the
number of operands.
"""

from __future__ import annotations

import onnx_ir as ir

from rewrite.onnx.fusion_rule import codes_refusal
from rewrite.onnx.graphs import is_operator, node_label

PAIR = 2


def extremum_in_pairs(model: ir.Model) -> int:
    """Apply to ``model``; return how many operators were taken apart."""
    changed = 0
    for node in list(model.graph):
        if not is_operator(node, "Max", "Min") or len(node.inputs) <= PAIR:
            continue
        uses = list(node.outputs[0].uses())
        quantize = uses[0].node if len(uses) == 1 else None
        if quantize is None or not is_operator(quantize, "QuantizeLinear"):
            continue
        if node.outputs[0].is_graph_output() or codes_refusal("result", *quantize.inputs[1:3]):
            continue
        _take_apart(model.graph, node, quantize)
        changed += 1
    return changed


def _take_apart(graph: ir.Graph, node: ir.Node, quantize: ir.Node) -> None:
    parameters, label, result = list(quantize.inputs[1:3]), node_label(node), node.outputs[0]
    chosen = node.inputs[0]
    for number, operand in enumerate(node.inputs[1:-1], PAIR):
        part = ir.node(node.op_type, [chosen, operand])
        codes = ir.node("QuantizeLinear", [part.outputs[0], *parameters])
        numbers = ir.node("DequantizeLinear", [codes.outputs[0], *parameters])
        for new, role in ((part, ""), (codes, "/codes"), (numbers, "/numbers")):
            new.name = new.outputs[0].name = f"{label}/part_{number}{role}"
        for value in (part.outputs[0], numbers.outputs[0]):
            value.type, value.shape = result.type, result.shape
        codes.outputs[0].type, codes.outputs[0].shape = quantize.outputs[0].type, result.shape
        graph.insert_before(node, [part, codes, numbers])
        chosen = numbers.outputs[0]
    last = node.inputs[-1]
    node.resize_inputs(PAIR)
    node.replace_input_with(0, chosen)
    node.replace_input_with(1, last)
