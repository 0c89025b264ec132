"""Streams with several readers: a fork, and a FIFO in front of each reader.

    x -> f, x -> g   becomes   x -> Fork -> Fifo -> f, Fork -> Fifo -> g

Lowering lets elements share their sources; here every stream gets one reader.  Depth 2 makes it
work for streams that do not meet again; where they do, the buffers are sized from the cycle model.
"""

from __future__ import annotations

from dataclasses import replace

from ir.elements import Element, Fifo, Fork, Input, Output, sources, with_sources
from ir.graph import StreamGraph
from ir.identifiers import Identifiers

DEPTH = 2


def fork_streams(graph: StreamGraph, names: Identifiers) -> StreamGraph:
    """Return ``graph`` with a fork behind every element that has several readers."""
    reads: dict[int, int] = {}
    for element in graph:
        for source in sources(element):
            reads[id(source)] = reads.get(id(source), 0) + 1
    built: dict[int, Element] = {}
    forks: dict[int, Fork] = {}

    def stream(source: Element) -> Element:
        sender = built[id(source)]
        if reads[id(source)] == 1:
            return sender
        fork = forks.get(id(source))
        if fork is None:
            name = names.new(f"{sender.name}_fork")
            fork = forks[id(source)] = Fork(name, sender.layer, sender, sender.output)
        return Fifo(names.new(f"{sender.name}_branch"), sender.layer, fork, fork.output, DEPTH)

    for element in graph:
        if isinstance(element, Input):
            built[id(element)] = element
        else:
            streams = tuple(stream(source) for source in sources(element))
            built[id(element)] = with_sources(element, streams)
    outputs = [built[id(output)] for output in graph.outputs]
    return replace(graph, outputs=tuple(o for o in outputs if isinstance(o, Output)))
