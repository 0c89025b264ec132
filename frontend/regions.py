"""Elementwise regions: functions of one value that stay in float and become tables."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from math import prod

import onnx

from ir.elementwise import ELEMENTWISE
from ir.errors import CompileError


@dataclass(frozen=True, slots=True)
class Region:
    """Nodes (by name) that compute tensor ``output`` from tensor ``source``, element by element."""

    source: str
    output: str
    nodes: tuple[str, ...]


def find_regions(graph: onnx.GraphProto, excluded: Collection[str]) -> tuple[Region, ...]:
    """Return the maximal single-input single-output regions of unary elementwise nodes.

    A node is a member if all it reads are scalar constants and values that depend on one and the
    same tensor only; a PRelu may have a slope for each channel or element.  A value that a
    non-member reads ends a region, and starts the next one if all that follows depends on it.
    ``excluded``: names of nodes that are no members whatever they are.  Regions come in graph
    order.
    """
    constants = {i.name: prod(i.dims) for i in graph.initializer}
    origins = _origins(graph, constants, excluded)
    members = {n.output[0]: n for n in graph.node if n.output[0] in origins}
    ends = {o.name for o in graph.output} & set(members)
    for node in graph.node:
        for name in node.input:
            if name in members and origins.get(node.output[0]) != origins[name]:
                ends.add(name)
    regions = []
    for value in members:
        if value in ends:
            nodes, sources = _slice(value, members, ends, constants)
            if len(sources) > 1:
                raise CompileError(
                    "quantize",
                    members[value].name,
                    f"the function has two inputs, {' and '.join(sorted(sources))}",
                    "use the inner value in this function only",
                )
            regions.append(Region(sources.pop(), value, tuple(n.name for n in nodes)))
    return tuple(regions)


def _origins(
    graph: onnx.GraphProto, constants: dict[str, int], excluded: Collection[str]
) -> dict[str, str]:
    """Return, for each output of a member, the one tensor that it is a function of."""
    origins: dict[str, str] = {}
    for node in graph.node:
        if node.op_type not in ELEMENTWISE or node.name in excluded:
            continue
        scalars = node.input[:1] if node.op_type == "PRelu" else node.input
        if any(constants.get(name, 1) != 1 for name in scalars):
            continue
        read = {origins.get(name, name) for name in node.input if name and name not in constants}
        if len(read) == 1:
            origins[node.output[0]] = read.pop()
    return origins


def _slice(
    value: str,
    members: dict[str, onnx.NodeProto],
    ends: Collection[str],
    constants: Collection[str],
) -> tuple[list[onnx.NodeProto], set[str]]:
    """Return the members between ``value`` and the ends or origins above it, and those."""
    wanted, sources, open_ = set(), set(), [value]
    while open_:
        current = open_.pop()
        wanted.add(current)
        for name in members[current].input:
            if name in members and name not in ends:
                if name not in wanted:
                    open_.append(name)
            elif name and name not in constants:
                sources.add(name)
    return [node for output, node in members.items() if output in wanted], sources
