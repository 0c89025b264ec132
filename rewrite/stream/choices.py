"""The foldings that each element can have, with their cycles, their lanes and what they cost.

All of them compute the same integers; they differ in time and area.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from operator import le
from typing import NamedTuple, TypeAlias

from ir.cycles import own_cycles
from ir.elements import (
    AdderChain,
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
    FloatMean,
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
    ProcessingElement,
    Product,
    Rectifier,
    Reorder,
    Reshape,
    SideBySide,
    Softmax,
    StreamType,
    WidthConverter,
    input_lanes,
    sources,
    with_sources,
)
from ir.goal import Amounts
from ir.requantize import ScaleRequantization, Scaling, can_be_serial
from ir.resources import Resources
from rewrite.stream.buffers import sized
from rewrite.stream.counts import divisors, with_lanes
from rewrite.stream.processing_choices import processing_elements

Cost: TypeAlias = Callable[[Element], Resources]
"""What an element needs of the FPGA."""


def counted(resources: Resources, products: int = 0) -> Amounts:
    """Return the amounts that a folding is judged by."""
    luts = resources.lut + resources.lut_memory
    return luts, resources.ff, resources.dsp, resources.bram18, products


class Beat(NamedTuple):
    """How an element reads or sends a stream: what both sides of it have to agree on.

    ``lanes``: values at a time, which may be adapted; ``padding``: channels that are appended to
    each pixel, which must be the same (``rewrite/stream/padding``).
    """

    lanes: int
    padding: int = 0


@dataclass(frozen=True, slots=True)
class Choice:
    """One folding of an element, which reads stand-ins (``Input``) of its streams.

    ``reads``: beats of each stream that it reads; ``sends``: of its own; ``cycles`` per frame that
    it needs by itself; ``cost`` of the element alone, without what adapts its streams;
    ``products`` of values of streams, or of values and weights, per cycle.  Over blocks of pixels
    it may be two elements, of which ``element`` is the last.
    """

    element: Element
    reads: tuple[Beat, ...]
    sends: Beat
    cycles: int
    cost: Resources
    products: int = 0

    @property
    def parts(self) -> tuple[Element, ...]:
        """The elements that it is, the last one first."""
        (first, *others) = sources(self.element) or (self.element,)
        return (self.element,) if others or isinstance(first, Input) else (self.element, first)

    @property
    def slowest(self) -> Element:
        """The element that is why it needs so many cycles."""
        return max(self.parts, key=own_cycles)

    @property
    def amounts(self) -> Amounts:
        """What a folding is judged by."""
        return counted(self.cost, self.products)


def _products(element: Element) -> int:
    match element:
        case ProcessingElement():
            return element.products
        case Product() | DotProduct():
            return element.multipliers
        case _:
            return 0


def choices(element: Element, cost: Cost) -> list[Choice]:
    """Return what ``element`` can be, without what is beaten by another with the same streams."""
    return undominated([choice_of(folded, cost) for folded in foldings(element)])


def choice_of(folded: Element, cost: Cost) -> Choice:
    """Return ``folded`` as a choice, reading stand-ins."""
    sends = folded.output.lanes
    if isinstance(folded, Input):
        return Choice(folded, (), Beat(sends), folded.output.beats, cost(folded))
    follows = isinstance(folded, Fork | Fifo | Output)
    streams = sources(folded)
    reads = tuple(sends if follows else input_lanes(folded, stream) for stream in streams)
    alone = _alone(folded, reads)
    beats = tuple(map(Beat, reads)), Beat(sends)
    return Choice(alone, *beats, own_cycles(alone), cost(alone), _products(alone))


def _alone(element: Consumer, reads: tuple[int, ...]) -> Consumer:
    """Return ``element`` with streams of so many lanes and FIFOs as deep as it needs."""
    streams = tuple(
        stand_in(source.output, lanes)
        for source, lanes in zip(sources(element), reads, strict=True)
    )
    return sized(with_sources(element, streams))


@lru_cache(1024)
def stand_in(stream: StreamType, lanes: int) -> Input:
    """Return what sends ``stream`` in ``lanes``."""
    return Input("source", "", "s", with_lanes(stream, lanes), 0)


def takes_any_lanes(element: Element) -> bool:
    """True if ``element`` reads a stream in the lanes in which it comes."""
    return isinstance(element, Fork | Fifo | Output | ArgMax)


def foldings(element: Element) -> Iterator[Element]:
    """Yield ``element`` with every folding it can have."""
    match element:
        case ProcessingElement():
            yield from processing_elements(element)
        case GlobalAverage():
            yield from _averages(element)
        case DotProduct():
            for simd in divisors(element.sources[0].output.shape.channels):
                yield replace(element, simd=simd)
        case Reorder():
            yield from _with_lanes(element, element.most_lanes)
        case ArgMax():
            # It reads what it gets.
            for lanes in divisors(element.source.output.shape.channels):
                source = stand_in(element.source.output, lanes)
                yield replace(element, source=source, output=with_lanes(element.output, 1))
        case Merge() | Product() | Extremum() | PairLookup() | Concatenate():
            channels = (source.output.shape.channels for source in sources(element))
            yield from _with_lanes(element, math.gcd(*channels))
            if isinstance(element, Concatenate):
                output = with_lanes(element.output, element.output.shape.channels)
                yield SideBySide(element.name, element.layer, element.sources, output)
        case WidthConverter() | SideBySide() | AdderChain() | Reshape():
            yield element
        case _:
            yield from _with_lanes(element, element.output.shape.channels)


def _averages(element: GlobalAverage) -> Iterator[GlobalAverage]:
    """Yield ``element`` with all lanes, and with multipliers or none."""
    for lanes in divisors(element.output.shape.channels):
        folded = replace(element, output=with_lanes(element.output, lanes))
        yield folded
        if isinstance(element.requantization, ScaleRequantization):
            yield replace(folded, scaling=Scaling.IN_LOGIC)
        if can_be_serial(element.requantization):
            yield replace(folded, scaling=Scaling.SERIAL)


_Uniform: TypeAlias = (
    Input
    | MaxPool
    | AveragePool
    | FloatMean
    | Affine
    | Lookup
    | Rectifier
    | GlobalMaximum
    | Border
    | Softmax
    | LayerNormalization
    | Merge
    | Product
    | Extremum
    | PairLookup
    | Concatenate
    | Reorder
    | Fork
    | Fifo
    | Output
)


def _with_lanes(element: _Uniform, channels: int) -> Iterator[Element]:
    for lanes in divisors(channels):
        yield replace(element, output=with_lanes(element.output, lanes))


def undominated(found: list[Choice]) -> list[Choice]:
    """Keep, for each pair of lanes, what no other choice beats in cycles and every resource."""
    kept: dict[tuple[tuple[Beat, ...], Beat], list[tuple[Choice, Amounts]]] = {}
    numbered = [(choice, choice.amounts) for choice in found]
    for choice, amounts in sorted(numbered, key=lambda pair: (pair[0].cycles, pair[1])):
        rivals = kept.setdefault((choice.reads, choice.sends), [])
        # Those before are no slower.
        if not any(all(map(le, other, amounts)) for _, other in rivals):
            rivals.append((choice, amounts))
    return [choice for rivals in kept.values() for choice, _ in rivals]
