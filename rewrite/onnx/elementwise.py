"""Regions of elementwise operators between codes and codes."""

from __future__ import annotations

from dataclasses import dataclass

import onnx_ir as ir

from ir.elementwise import ELEMENTWISE as STANDARD
from rewrite.onnx.fusion_rule import codes_refusal
from rewrite.onnx.graphs import constant, extract_function, is_operator

ELEMENTWISE = STANDARD | {"Mean", "Sum", "Swish"}
"""Operators that work on each value alone."""
CHANNELWISE = ("BatchNormalization",)
"""Operators that work on each value alone, by its channel."""


@dataclass(frozen=True, slots=True)
class ElementwiseRegion:
    """``nodes``: from DequantizeLinear to QuantizeLinear.  ``sources``: codes read, in order."""

    nodes: frozenset[ir.Node]
    sources: tuple[ir.Value, ...]

    @property
    def computes(self) -> bool:
        """True if there is an operator besides the quantizations."""
        return any(is_operator(n, *ELEMENTWISE, *CHANNELWISE) for n in self.nodes)

    def extract(self, model: ir.Model, function: str) -> None:
        """Replace the region by a call of a new ``function``, named after its last operator."""
        ordered = [n for n in model.graph if n in self.nodes]
        inputs = list(self.sources)
        for member in ordered:
            inputs += [v for v in member.inputs if v is not None and constant(v) is not None]
        named = [n for n in ordered if is_operator(n, *ELEMENTWISE, *CHANNELWISE)] or ordered
        name = named[-1].name or ""
        extract_function(model, function, ordered, list(dict.fromkeys(inputs)), name)


def region_of(
    quantize: ir.Node, *, slopes: bool = False, scalar: bool = True
) -> ElementwiseRegion | None:
    """Return the region in front of a QuantizeLinear; None if it holds something else or leaks.

    All quantizations of what is computed are per tensor.  Constants, which may be quantized, too,
    are scalars, but for a PRelu's ``slopes`` where they are asked for; with ``scalar`` false they
    have any shape, and BatchNormalization counts as elementwise.
    """
    if codes_refusal("result", quantize.inputs[1], quantize.inputs[2]):
        return None
    nodes: set[ir.Node] = {quantize}
    sources: dict[ir.Value, None] = {}
    pending = [quantize.inputs[0]]
    while pending:
        value = pending.pop()
        node = None if value is None else value.producer()
        if value is None or node in nodes or _is_constant(value, scalar):
            continue
        operators = ELEMENTWISE if scalar else (*ELEMENTWISE, *CHANNELWISE)
        if node is None or not is_operator(node, "DequantizeLinear", *operators):
            return None
        nodes.add(node)
        if node.op_type == "DequantizeLinear" and _is_constant(node.inputs[0], scalar):
            continue
        if slopes and is_operator(node, "PRelu") and constant(node.inputs[1]) is not None:
            pending.append(node.inputs[0])
        elif node.op_type != "DequantizeLinear":
            pending += reversed(node.inputs)
        elif codes_refusal("input", node.inputs[1], node.inputs[2]) or node.inputs[0] is None:
            return None
        else:
            sources[node.inputs[0]] = None
    if _leaks(nodes, quantize):
        return None
    return ElementwiseRegion(frozenset(nodes), tuple(sources))


def _is_constant(value: ir.Value | None, scalar: bool) -> bool:
    array = constant(value)
    return array is not None and (array.size == 1 or not scalar)


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
