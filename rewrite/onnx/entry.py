"""How numbers enter: what stands between a graph's inputs and the first codes.

A graph input may hold codes itself, or a QuantizeLinear makes codes of its numbers.  Operators in
front of that one work on numbers that only the host has, so the host computes them: a layer that
another tool left in float because it came first, such as a Rescaling.
"""

from __future__ import annotations

import onnx_ir as ir

from ir.elementwise import ELEMENTWISE
from rewrite.onnx.fuse_layout import MOVING
from rewrite.onnx.graphs import CODE_TYPES, constant, is_operator

HOSTED = (*ELEMENTWISE, *MOVING, "BatchNormalization", "Pad", "Slice", "Identity")
"""Operators that the host may compute in front of the core; what multiplies matrices is none."""


def code_inputs(graph: ir.Graph) -> list[ir.Value]:
    """Return the graph inputs that hold codes."""
    return [v for v in graph.inputs if v.dtype in CODE_TYPES and list(v.uses())]


def input_of(value: ir.Value | None) -> ir.Value | None:
    """Return the graph input of numbers from which ``value`` is computed, None if it is another."""
    found = _sources(value)
    return next(iter(found[0])) if found is not None and len(found[0]) == 1 else None


def operators_before(quantize: ir.Node) -> tuple[str, ...]:
    """Return the operators between a graph input and the QuantizeLinear, in order."""
    found = _sources(quantize.inputs[0])
    assert quantize.graph is not None
    members = set() if found is None else found[1]
    return tuple(node.op_type for node in quantize.graph if node in members)


def nodes_before(graph: ir.Graph) -> set[ir.Node]:
    """Return all nodes that the host computes in front of the core."""
    nodes: set[ir.Node] = set()
    for node in graph:
        if is_operator(node, "QuantizeLinear") and input_of(node.inputs[0]) is not None:
            found = _sources(node.inputs[0])
            nodes |= set() if found is None else found[1]
    return nodes


def _sources(value: ir.Value | None) -> tuple[set[ir.Value], set[ir.Node]] | None:
    """Return the inputs that ``value`` is computed from, and the nodes; None if not by the host."""
    inputs: set[ir.Value] = set()
    nodes: set[ir.Node] = set()
    pending = [value]
    while pending:
        current = pending.pop()
        if current is None or constant(current) is not None:
            continue
        node = current.producer()
        if node is None:
            if current.dtype in CODE_TYPES:
                return None
            inputs.add(current)
        elif not is_operator(node, *HOSTED):
            return None
        elif node not in nodes:
            nodes.add(node)
            pending += node.inputs
    return inputs, nodes
