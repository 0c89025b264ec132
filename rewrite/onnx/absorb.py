"""Compose two fused functions, ``second(first(x))``, into one processing element.

Done in onnx-ir: a pattern would have to list the two calls' inputs, whose number varies.
"""

from __future__ import annotations

import onnx_ir as ir

from rewrite.onnx.graphs import extract_function, is_fused, is_operator, same_constant

FUNCTION = "ProcessingElement"


def absorb(model: ir.Model, second: str, into: tuple[str, ...]) -> int:
    """Compose every call of ``second`` with the call of one of ``into`` that feeds it."""
    absorbed = 0
    for node in list(model.graph):
        if not is_fused(node, second) or _rescales(node):
            continue
        codes = node.inputs[0]
        first = None if codes is None else codes.producer()
        if codes is None or first is None or not is_fused(first, *into):
            continue
        if codes.is_graph_output() or len(codes.uses()) != 1 or _pools(model, first):
            continue
        operands = [*first.inputs, *node.inputs[1:]]
        inputs = list(dict.fromkeys(v for v in operands if v is not None))
        extract_function(model, FUNCTION, [first, node], inputs, first.name or "")
        absorbed += 1
    return absorbed


def _rescales(call: ir.Node) -> bool:
    """True for a max pool whose result has another scale or zero point than its input."""
    if not is_fused(call, "MaxPool"):
        return False
    before, after = call.inputs[1:3], call.inputs[3:5]
    return not all(same_constant(b, a) for b, a in zip(before, after, strict=True))


def _pools(model: ir.Model, call: ir.Node) -> bool:
    """True if the element ends in a max pool already."""
    function = model.functions.get(call.op_identifier())
    return function is not None and any(is_operator(n, "MaxPool") for n in function)
