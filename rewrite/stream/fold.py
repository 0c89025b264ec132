"""Folding: how many output channels and window values each element handles per cycle.

``element -> element(pe, simd, lanes)``.  Exact for any divisor: folding orders the same integer
additions differently in time.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import TypeAlias

from ir.cycles import own_cycles
from ir.elements import (
    Affine,
    ArgMax,
    AveragePool,
    Border,
    Concatenate,
    Consumer,
    DotProduct,
    Element,
    Extremum,
    Fifo,
    Fork,
    GlobalAverage,
    GlobalMaximum,
    Input,
    LayerNormalization,
    Lookup,
    MaxPool,
    Merge,
    Output,
    PairLookup,
    Pairwise,
    ProcessingElement,
    Product,
    Rectifier,
    Reorder,
    Reshape,
    Shape,
    Softmax,
    WidthConverter,
    sources,
    with_sources,
)
from ir.errors import CompileError
from ir.graph import StreamGraph
from rewrite.stream.counts import divisors, narrowest, with_lanes
from rewrite.stream.taps import parallel_taps

DEFAULT_MULTIPLIERS = 128
"""Multipliers that the default folding may use: what the smallest boards' DSP blocks hold."""


def fold_to_multipliers(graph: StreamGraph, budget: int = DEFAULT_MULTIPLIERS) -> StreamGraph:
    """Return ``graph`` with the fewest cycles per frame that need at most ``budget`` multipliers.

    If even one multiplier per element is more than the budget, that is what it gets.
    """
    slowest = max(own_cycles(element) for element in graph)
    low, high = 1, slowest
    best = _fold(graph, slowest)
    while low < high:
        middle = (low + high) // 2
        candidate = _fold(graph, middle)
        reached = max(own_cycles(element) for element in candidate)
        if reached <= middle and multipliers(candidate) <= budget:
            best, high = candidate, middle
        else:
            low = middle + 1
    return best


def fold_to_cycles(graph: StreamGraph, cycles: int) -> StreamGraph:
    """Return ``graph`` with the fewest multipliers that need at most ``cycles`` per frame.

    Raises:
        CompileError: no folding of some element is that fast.
    """
    folded = _fold(graph, cycles, parallel=True)
    for element in folded:
        if own_cycles(element) > cycles:
            raise CompileError(
                "fold",
                element.layer,
                f"needs at least {own_cycles(element)} cycles per frame, not {cycles}",
                f"ask for --cycles {max(own_cycles(e) for e in folded)} or more",
            )
    return folded


def multipliers(graph: StreamGraph) -> int:
    """Return the products per cycle of all elements that multiply streams."""
    return sum(
        e.multipliers for e in graph if isinstance(e, ProcessingElement | Product | DotProduct)
    )


def _fold(graph: StreamGraph, cycles: int, parallel: bool = False) -> StreamGraph:
    """Fold each element for ``cycles``, or as fast as it can be; lanes may still disagree.

    ``parallel``: with several taps per cycle where one is too slow.
    """
    inputs = {id(i): _fold_input(i, cycles) for i in graph.inputs}

    def rule(element: Consumer) -> Element:
        streams = tuple(inputs.get(id(source), source) for source in sources(element))
        return _fold_element(with_sources(element, streams), cycles, parallel)

    outputs = graph.rebuild(rule).outputs
    return replace(graph, inputs=tuple(inputs.values()), outputs=outputs)


def _fold_input(element: Input, cycles: int) -> Input:
    return replace(element, output=with_lanes(element.output, _lanes(element.output.shape, cycles)))


def _fold_element(element: Consumer, cycles: int, parallel: bool) -> Consumer:
    match element:
        case ProcessingElement():
            return _fold_processing_element(element, cycles, parallel)
        case MaxPool() | GlobalAverage() | Affine() | Lookup() | Rectifier():
            return _fold_lanes(element, cycles)
        case GlobalMaximum() | Border() | AveragePool() | Softmax() | LayerNormalization():
            return _fold_lanes(element, cycles)
        case ArgMax():
            return replace(element, output=with_lanes(element.output, 1))
        case Reshape():
            # Wires: a beat stays within a pixel on both sides.
            lanes = math.gcd(element.source.output.lanes, element.output.shape.channels)
            return replace(element, output=with_lanes(element.output, lanes))
        case Fork() | Fifo() | Output():
            return replace(element, output=element.source.output)
        case Merge() | Product() | Extremum() | PairLookup() | Concatenate():
            return _fold_join(element, cycles)
        case DotProduct():
            return _fold_dot_product(element, cycles)
        case Reorder():
            return _fold_reorder(element, cycles)
        case WidthConverter():
            return element


def _fold_processing_element(
    element: ProcessingElement, cycles: int, parallel: bool
) -> ProcessingElement:
    shape, incoming = element.input.shape, element.input.lanes

    def paced(folded: ProcessingElement) -> int:
        """Return its cycles, those of a converter in front that is slower than the stream, too."""
        beats = converter_beats(shape, incoming, folded.input_lanes)
        slow = beats > max(cycles, shape.size // incoming)
        return max(own_cycles(folded), cycles, beats if slow else 0)

    candidates = list(_foldings(element))
    if parallel and all(own_cycles(folded) > cycles for folded in candidates):
        candidates += [f for each in parallel_taps(element) for f in _output_foldings(each)]
    return min(candidates, key=lambda e: (paced(e), e.multipliers, e.input_lanes != incoming, e.pe))


def _foldings(element: ProcessingElement) -> Iterator[ProcessingElement]:
    """Yield ``element`` with every folding it can have."""
    channels = element.input.shape.channels
    for simd in divisors(channels if element.depthwise else channels // element.groups):
        yield from _output_foldings(replace(element, simd=simd))


def _output_foldings(element: ProcessingElement) -> Iterator[ProcessingElement]:
    """Yield ``element`` with every ``pe`` that goes with its ``simd``."""
    outputs = element.depth_multiplier
    together = [element.simd // element.taps * outputs]
    for pe in together if element.depthwise else divisors(outputs):
        folded = replace(element, pe=pe)
        yield replace(folded, output=with_lanes(element.output, narrowest(pe, folded.steps)))


_Uniform: TypeAlias = (
    MaxPool
    | AveragePool
    | GlobalAverage
    | Affine
    | Lookup
    | Rectifier
    | GlobalMaximum
    | Border
    | Softmax
    | LayerNormalization
)
"""Elements that send as many channels at a time as they read."""


def _fold_lanes(element: _Uniform, cycles: int) -> _Uniform:
    """Keep the incoming lanes where they are fast enough, else widen."""
    incoming = element.source.output.lanes
    for lanes in divisors(element.output.shape.channels):
        widened = replace(element, output=with_lanes(element.output, lanes))
        if lanes % incoming == 0 and own_cycles(widened) <= cycles:
            return widened
    return widened


def _fold_reorder(element: Reorder, cycles: int) -> Reorder:
    """Take the fewest lanes that are fast enough; those of a beat must stay neighbours."""
    for lanes in divisors(element.most_lanes):
        widened = replace(element, output=with_lanes(element.output, lanes))
        if own_cycles(widened) <= cycles:
            break
    return widened


def _fold_dot_product(element: DotProduct, cycles: int) -> DotProduct:
    """Multiply as few channels per cycle as are fast enough."""
    for simd in divisors(element.sources[0].output.shape.channels):
        widened = replace(element, simd=simd)
        if own_cycles(widened) <= cycles:
            break
    return widened


def _fold_join(element: Pairwise | Concatenate, cycles: int) -> Pairwise | Concatenate:
    """Take the fewest lanes that are fast enough and divide the channels of every source."""
    channels = math.gcd(*(source.output.shape.channels for source in element.sources))
    for lanes in divisors(channels):
        widened = replace(element, output=with_lanes(element.output, lanes))
        if own_cycles(widened) <= cycles:
            break
    return widened


def _lanes(shape: Shape, cycles: int) -> int:
    """Return the fewest lanes that carry a frame within ``cycles``, or all channels."""
    fast = (lanes for lanes in divisors(shape.channels) if shape.size // lanes <= cycles)
    return next(fast, shape.channels)


def converter_beats(shape: Shape, incoming: int, outgoing: int) -> int:
    """Return the beats per frame at the narrowest point between two lane counts."""
    return shape.size // math.gcd(incoming, outgoing)
