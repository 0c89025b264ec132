"""Output FIFOs: just deep enough for a beat as often as the element can make one.

An element reserves FIFO room when it starts an output and gives it back one edge after the output
is taken.  With one output every ``period`` cycles, ``latency`` edges from reservation to push,
the place of output n is free again for output n + depth iff ``depth * period >= latency + 2``.
"""

from __future__ import annotations

import math
from dataclasses import replace

from ir import timing
from ir.elements import (
    AdderChain,
    Affine,
    ArgMax,
    AveragePool,
    Border,
    Concatenate,
    Consumer,
    DotProduct,
    Extremum,
    FloatMean,
    GlobalAverage,
    GlobalMaximum,
    LayerNormalization,
    Lookup,
    MaxPool,
    Merge,
    PairLookup,
    ProcessingElement,
    Product,
    Rectifier,
    Reorder,
    SideBySide,
    Softmax,
)
from ir.graph import StreamGraph
from ir.layer_normalization import element_half_width

MINIMUM_DEPTH = 2


def size_outputs(graph: StreamGraph) -> StreamGraph:
    """Return ``graph`` with every output FIFO as deep as its pipeline needs."""
    return graph.rebuild(sized)


def sized(element: Consumer) -> Consumer:
    """Return ``element`` with its output FIFO as deep as its pipeline needs."""
    match element:
        case ProcessingElement():
            latency = element.steps - 1 + timing.processing_latency(element)
            pace = element.group_edges, element.parts, element.beat_edges
            depth = max(MINIMUM_DEPTH, _reserved(latency, *pace))
            if element.parts > 1:
                # A join behind it takes the beats of a group not at once but at its other pace.
                depth += element.parts
            return replace(element, fifo_depth=depth, pool_fifo_depth=_pool_depth(element))
        case AdderChain():
            return replace(element, fifo_depth=_depth(element.edges, 1))
        case MaxPool():
            kernel = element.kernel
            latency = timing.sliding_maximum_latency(max(kernel.height, kernel.width))
            return replace(element, fifo_depth=_depth(latency, 1))
        case GlobalAverage():
            latency = timing.global_average_latency(element)
            return replace(element, fifo_depth=_depth(latency, element.beat_edges))
        case Affine():
            return replace(element, fifo_depth=_depth(timing.affine_latency(element), 1))
        case Lookup():
            latency = timing.pointwise_latency(timing.LOOKUP_LATENCY)
            return replace(element, fifo_depth=_depth(latency, 1))
        case Rectifier():
            return replace(element, fifo_depth=_depth(timing.RECTIFIER_LATENCY, 1))
        case LayerNormalization():
            latency = timing.score_latency(element_half_width(element))
            return replace(element, fifo_depth=_depth(latency, 1))
        case Softmax():
            return replace(element, fifo_depth=_depth(timing.SOFTMAX_QUOTIENT_LATENCY, 1))
        case ArgMax():
            stream = element.source.output
            latency = timing.arg_max_latency(stream.lanes)
            return replace(
                element, fifo_depth=_depth(latency, stream.shape.channels // stream.lanes)
            )
        case AveragePool():
            return replace(element, fifo_depth=_depth(timing.AVERAGE_POOL_LATENCY, 1))
        case FloatMean():
            return replace(element, fifo_depth=_depth(timing.float_mean_latency(element), 1))
        case GlobalMaximum():
            return replace(element, fifo_depth=_depth(timing.GLOBAL_MAXIMUM_LATENCY, 1))
        case Reorder():
            return replace(element, fifo_depth=_depth(timing.REORDER_LATENCY, 1))
        case Merge() | Product() | Extremum() | PairLookup():
            return replace(element, fifo_depth=_depth(timing.pairwise_latency(element), 1))
        case DotProduct():
            latency = timing.dot_product_latency(element)
            return replace(element, fifo_depth=_depth(latency, element.steps))
        case Concatenate() | SideBySide() | Border():
            return replace(element, fifo_depth=MINIMUM_DEPTH)
        case _:
            return element


def _pool_depth(element: ProcessingElement) -> int:
    if element.pool is None:
        return MINIMUM_DEPTH
    kernel = max(element.pool.height, element.pool.width)
    period = element.group_edges if element.parts == 1 else element.beat_edges
    return _depth(timing.sliding_maximum_latency(kernel), period)


def _reserved(latency: int, period: int, parts: int, apart: int) -> int:
    """Return the places taken at once by outputs of ``parts`` beats, ``apart`` edges apart.

    When output n + i reserves, beat number j of output n is under way if
    ``i * period < latency + 2 + j * apart``.
    """
    ends = [latency + 2 + part * apart for part in range(parts)]
    return sum(age < end for end in ends for age in range(0, ends[-1], period))


def _depth(latency: int, period: int) -> int:
    return max(MINIMUM_DEPTH, math.ceil((latency + 2) / period))
