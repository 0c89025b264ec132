"""Fuse a function of single values into a table.

    Quantize(f(Dequantize(x, ...)), ...) -> Table(x, ...)

where f is any region of elementwise operators and scalar constants that reads nothing but x, and
holds at least one operator: two quantizations in a row are merged by onnxruntime into a third one,
with other integers (its DoubleQDQPairsRemover), so a bare change of scale is refused.  Each output
code then depends on one input code, so the region is a table of 2**bits entries; the function's
body keeps the region itself, and running it on every code makes the table.  Done in onnx-ir:
patterns cannot state a region of any size.
"""

from __future__ import annotations

import onnx_ir as ir

from rewrite.onnx.fusion_rule import codes_refusal
from rewrite.onnx.graphs import constant, extract_function, is_operator

FUNCTION = "Table"

ELEMENTWISE = frozenset(
    """Abs Add And Cast Ceil Celu Clip Div Elu Equal Erf Exp Floor Gelu Greater GreaterOrEqual
    HardSigmoid HardSwish LeakyRelu Less LessOrEqual Log Max Mean Min Mish Mul Neg Not Or
    PRelu Pow Reciprocal Relu Round Selu Sigmoid Sign Softplus Softsign Sqrt Sub Sum Swish Tanh
    ThresholdedRelu Where Xor""".split()
)
"""Operators that work on each value alone."""


def fuse_table(model: ir.Model) -> int:
    """Apply to ``model``; return how many tables were fused."""
    fused = 0
    for node in list(model.graph):
        if not is_operator(node, "QuantizeLinear"):
            continue
        region = _region(node)
        if region is None or codes_refusal("result", node.inputs[1], node.inputs[2]):
            continue
        nodes, source = region
        named = [n for n in nodes if is_operator(n, *ELEMENTWISE)]
        if not named:
            continue
        ordered = [n for n in model.graph if n in nodes]
        inputs = [source]
        for member in ordered:
            inputs += [v for v in member.inputs if v is not None and constant(v) is not None]
        last = [n for n in ordered if n in named][-1]
        extract_function(model, FUNCTION, ordered, list(dict.fromkeys(inputs)), last.name or "")
        fused += 1
    return fused


def _region(quantize: ir.Node) -> tuple[set[ir.Node], ir.Value] | None:
    """Return the region's nodes and the codes it reads, or None if it is no function of one."""
    nodes: set[ir.Node] = {quantize}
    sources: set[ir.Value] = set()
    pending = [quantize.inputs[0]]
    while pending:
        value = pending.pop()
        node = None if value is None else value.producer()
        if value is None or node in nodes or _is_scalar(value):
            continue
        if node is None or not is_operator(node, "DequantizeLinear", *ELEMENTWISE):
            return None
        nodes.add(node)
        if node.op_type != "DequantizeLinear":
            pending += node.inputs
        elif codes_refusal("input", node.inputs[1], node.inputs[2]) or node.inputs[0] is None:
            return None
        else:
            sources.add(node.inputs[0])
    if len(sources) != 1 or _leaks(nodes, quantize):
        return None
    return nodes, sources.pop()


def _is_scalar(value: ir.Value) -> bool:
    array = constant(value)
    return array is not None and array.size == 1


def _leaks(nodes: set[ir.Node], quantize: ir.Node) -> bool:
    """True if a value inside the region is read outside of it."""
    outside = [
        v
        for n in nodes
        if n is not quantize
        for v in n.outputs
        if v.is_graph_output() or any(user not in nodes for user, _ in v.uses())
    ]
    return bool(outside)
