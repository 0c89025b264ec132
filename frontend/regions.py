"""Elementwise regions: functions of one value that stay in float and become tables."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from math import prod

import onnx

from ir.elementwise import ELEMENTWISE


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
    non-member reads, or from which the ends of several regions follow, ends a region, and what
    follows starts from it: a node that reads such a value beside the tensor that it depends on has
    two sources and is no member.  ``excluded``: names of nodes that are no members whatever they
    are.  Regions come in graph order.
    """
    constants = {i.name: prod(i.dims) for i in graph.initializer}
    outputs = {o.name for o in graph.output}
    ends: set[str] = set()
    while True:  # a region that ends may leave a node behind it with two sources, and so on
        origins = _origins(graph, constants, excluded, ends)
        members = {n.output[0]: n for n in graph.node if n.output[0] in origins}
        found = ends | (outputs & set(members))
        for node in graph.node:
            for name in node.input:
                inside = name in members and name not in ends
                if inside and origins.get(node.output[0]) != origins[name]:
                    found.add(name)
        found |= _shared(members, found)
        if found == ends:
            break
        ends = found
    regions = []
    for value in members:
        if value in ends:
            nodes, source = _slice(value, members, ends, constants)
            regions.append(Region(source, value, tuple(n.name for n in nodes)))
    return tuple(regions)


def _shared(members: dict[str, onnx.NodeProto], ends: Collection[str]) -> set[str]:
    """Return the values from which several ends follow: each belongs to one region only."""
    following: dict[str, set[str]] = {}
    shared: set[str] = set()
    for value, node in reversed(members.items()):
        reached = following.get(value, set())
        if value in ends or len(reached) > 1:
            shared |= {value} - set(ends)
            reached = {value}
        for name in node.input:
            following.setdefault(name, set()).update(reached)
    return shared


def _origins(
    graph: onnx.GraphProto,
    constants: dict[str, int],
    excluded: Collection[str],
    ends: Collection[str],
) -> dict[str, str]:
    """Return, for each output of a member, the one tensor or end that it is a function of."""
    origins: dict[str, str] = {}
    for node in graph.node:
        if node.op_type not in ELEMENTWISE or node.name in excluded:
            continue
        scalars = node.input[:1] if node.op_type == "PRelu" else node.input
        if any(constants.get(name, 1) != 1 for name in scalars):
            continue
        read = {
            name if name in ends else origins.get(name, name)
            for name in node.input
            if name and name not in constants
        }
        if len(read) == 1:
            origins[node.output[0]] = read.pop()
    return origins


def _slice(
    value: str,
    members: dict[str, onnx.NodeProto],
    ends: Collection[str],
    constants: Collection[str],
) -> tuple[list[onnx.NodeProto], str]:
    """Return the members between ``value`` and the one end or origin above it, and that."""
    wanted: set[str] = set()
    sources: set[str] = set()
    open_ = [value]
    while open_:
        current = open_.pop()
        wanted.add(current)
        for name in members[current].input:
            if name in members and name not in ends:
                if name not in wanted:
                    open_.append(name)
            elif name and name not in constants:
                sources.add(name)
    (source,) = sources
    return [node for output, node in members.items() if output in wanted], source
