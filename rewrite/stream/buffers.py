"""Buffer depths: as deep as it takes to run without a bubble, and no deeper.

Output FIFOs are just deep enough for a beat as often as the element can make one.

An element reserves FIFO room when it starts an output and gives it back one edge after the output
is taken.  With one output every ``period`` cycles, ``latency`` edges from reservation to push,
the place of output n is free again for output n + depth iff ``depth * period >= latency + 2``.

Line buffers hold span + stride rows, and as many more as the cycle model says it takes until the
frames follow each other at the pace of the slowest element: senders are uneven (a pool sends only
while every other row comes in) and at the border of two frames a window needs many rows at once.
"""

from __future__ import annotations

import math
from dataclasses import replace

from ir import timing
from ir.cycles import predict
from ir.elements import (
    Affine,
    ArgMax,
    Consumer,
    GlobalAverage,
    Lookup,
    MaxPool,
    ProcessingElement,
)
from ir.graph import StreamGraph

MINIMUM_DEPTH = 2
MAXIMUM_EXTRA_ROWS = 16


def size_buffers(graph: StreamGraph) -> StreamGraph:
    """Return ``graph`` with output FIFOs and line buffers as deep as they need to be."""
    return _extend_line_buffers(graph.rebuild(_sized))


def _extend_line_buffers(graph: StreamGraph) -> StreamGraph:
    """Add the same number of rows everywhere until no frame waits, then take back what can go."""
    names = [e.name for e in graph if isinstance(e, ProcessingElement) and _buffers_rows(e)]
    extra = dict.fromkeys(names, 0)
    pace = predict(graph)
    while pace.cycles_per_frame > pace.lower_bound:
        if extra[names[0]] == MAXIMUM_EXTRA_ROWS:
            return graph
        extra = {name: rows + 1 for name, rows in extra.items()}
        pace = predict(_with_extra_rows(graph, extra))
    for name in names:
        while extra[name] > 0:
            fewer = {**extra, name: extra[name] - 1}
            if predict(_with_extra_rows(graph, fewer)).cycles_per_frame > pace.lower_bound:
                break
            extra = fewer
    return _with_extra_rows(graph, extra)


def _with_extra_rows(graph: StreamGraph, extra: dict[str, int]) -> StreamGraph:
    def rule(element: Consumer) -> Consumer:
        if isinstance(element, ProcessingElement) and element.name in extra:
            return replace(element, extra_rows=extra[element.name])
        return element

    return graph.rebuild(rule)


def _buffers_rows(element: ProcessingElement) -> bool:
    return not element.is_direct


def _sized(element: Consumer) -> Consumer:
    match element:
        case ProcessingElement():
            latency = element.steps - 1 + timing.processing_latency(element)
            depth = _depth(latency, element.steps)
            return replace(element, fifo_depth=depth, pool_fifo_depth=_pool_depth(element))
        case MaxPool():
            kernel = element.kernel
            latency = timing.sliding_maximum_latency(max(kernel.height, kernel.width))
            return replace(element, fifo_depth=_depth(latency, 1))
        case GlobalAverage():
            latency = timing.global_average_latency(element.requantization)
            return replace(element, fifo_depth=_depth(latency, 1))
        case Affine():
            inner = timing.requantization_latency(element.requantization)
            return replace(element, fifo_depth=_depth(timing.pointwise_latency(inner), 1))
        case Lookup():
            latency = timing.pointwise_latency(timing.LOOKUP_LATENCY)
            return replace(element, fifo_depth=_depth(latency, 1))
        case ArgMax():
            stream = element.source.output
            latency = timing.arg_max_latency(stream.lanes)
            return replace(
                element, fifo_depth=_depth(latency, stream.shape.channels // stream.lanes)
            )
        case _:
            return element


def _pool_depth(element: ProcessingElement) -> int:
    if element.pool is None:
        return MINIMUM_DEPTH
    kernel = max(element.pool.height, element.pool.width)
    return _depth(timing.sliding_maximum_latency(kernel), element.steps)


def _depth(latency: int, period: int) -> int:
    return max(MINIMUM_DEPTH, math.ceil((latency + 2) / period))
