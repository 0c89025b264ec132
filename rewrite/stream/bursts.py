"""Buffers between a join and an operand that comes, or is taken, in bursts.

    pool -> join   becomes   pool -> Fifo -> join
    a -> Concatenate   becomes   a -> Fifo -> Concatenate
    a -> GlobalAverage   becomes   a -> Fifo -> GlobalAverage

A pool sends a row of values while the last row of its windows comes in, and nothing meanwhile.  A
join that takes them together with another, even stream would hold the pool up, and with it what
sends to the pool, so that the network were slower than its slowest element.  A concatenation takes
all channels of an operand's pixel in a row, and none while the others have their turns; an element
that makes them evenly has no room for that beyond its own pipeline.  A global average that
requantizes bit by bit takes the last pixel of a frame slowly.  How deep the FIFO must
be is decided with the other buffers (slack).  Where the pace is kept without, there is none.
"""

from __future__ import annotations

from fractions import Fraction

from ir.cycles import own_cycles
from ir.elements import (
    AveragePool,
    Border,
    Concatenate,
    Consumer,
    Element,
    Fifo,
    GlobalAverage,
    Join,
    MaxPool,
    ProcessingElement,
    Reorder,
    Reshape,
    WidthConverter,
    sources,
    with_sources,
)
from ir.graph import StreamGraph
from ir.identifiers import Identifiers
from rewrite.stream.slack import full_pace

DEPTH = 2


def buffer_bursts(graph: StreamGraph) -> tuple[StreamGraph, Fraction]:
    """Return ``graph``, with a FIFO for each uneven operand if that is faster, and its pace."""
    pace = full_pace(graph)
    if pace > max(own_cycles(element) for element in graph):
        buffered = _buffered(graph)
        faster = full_pace(buffered)
        if faster < pace:
            return buffered, faster
    return graph, pace


def _buffered(graph: StreamGraph) -> StreamGraph:
    names = Identifiers(frozenset(element.name for element in graph))

    def buffered(source: Element, element: Consumer) -> Element:
        if not (_is_uneven(source) or _is_taken_in_bursts(source, element)):
            return source
        return buffer(source, element)

    def buffer(source: Element, element: Consumer) -> Fifo:
        name = names.new(f"{element.name}_burst")
        return Fifo(name, element.layer, source, source.output, DEPTH)

    def rule(element: Consumer) -> Consumer:
        if isinstance(element, Join):
            streams = tuple(buffered(source, element) for source in sources(element))
            return with_sources(element, streams)
        if isinstance(element, GlobalAverage) and element.beat_edges > 1:
            return with_sources(element, (buffer(element.source, element),))
        return element

    return graph.rebuild(rule)


def _is_uneven(source: Element) -> bool:
    """True if the stream comes row by row, faster than in the frame's mean."""
    while isinstance(source, WidthConverter | Reshape):
        source = source.source
    if isinstance(source, ProcessingElement):
        return source.pool is not None
    return isinstance(source, MaxPool | AveragePool | Reorder | Border)


def _is_taken_in_bursts(source: Element, reader: Consumer) -> bool:
    """True if ``reader`` takes several beats of a pixel, then those of other operands."""
    stream = source.output
    several = stream.shape.channels > stream.lanes
    return isinstance(reader, Concatenate) and several and not isinstance(source, Fifo)
