"""Blocks of pixels where a pixel at a time is too slow."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from ir.cycles import own_cycles
from ir.elements import (
    Consumer,
    Element,
    Fifo,
    Fork,
    GlobalAverage,
    GlobalMaximum,
    Input,
    Output,
    ProcessingElement,
    Reshape,
    Shape,
    StreamType,
    sources,
    with_sources,
)
from ir.graph import StreamGraph
from ir.identifiers import Identifiers
from rewrite.stream.blocks.elements import Builder, values_of
from rewrite.stream.blocks.grid import blocked, blocks
from rewrite.stream.choices import foldings
from rewrite.stream.counts import with_lanes
from rewrite.stream.taps import parallel_taps


def in_blocks(graph: StreamGraph, cycles: int) -> StreamGraph:
    """Return ``graph`` with blocks of pixels for all elements that else exceed ``cycles``.

    Elements that have no blocks, or none that are fast enough, stay as they are.
    """
    if all(fastest(element) <= cycles for element in graph):
        return graph
    names = Identifiers(frozenset(element.name for element in graph))
    inputs = {id(i): _input(i, cycles) for i in graph.inputs}
    read = {
        element.name: tuple(source.output.shape for source in sources(element)) for element in graph
    }
    plan = _Plan(names, cycles, read)

    def rule(element: Consumer) -> Element:
        streams = tuple(inputs.get(id(source), source) for source in sources(element))
        return plan.replaced(element, streams)

    outputs = graph.rebuild(rule).outputs
    return replace(graph, inputs=tuple(inputs.values()), outputs=outputs)


def _input(element: Input, cycles: int) -> Input:
    if element.output.shape.pixels <= cycles:
        return element
    return replace(element, output=values_of(element.output))


def fastest(element: Element) -> int:
    """Return the fewest cycles per frame that ``element`` can need with a pixel at a time."""
    match element:
        case Input() | Fork() | Fifo() | Output():
            return element.output.shape.pixels
        case ProcessingElement():
            return min(own_cycles(folded) for folded in _unfolded(element))
        case _:
            *_, widest = foldings(element)
            return own_cycles(widest)


def _unfolded(element: ProcessingElement) -> Iterator[ProcessingElement]:
    """Yield ``element`` with all that a pixel at a time allows, with and without parallel taps."""
    if element.reads is not None:
        yield element
        return
    channels, outputs = element.input.shape.channels, element.depth_multiplier
    simd = channels if element.depthwise else channels // element.groups
    for reading in (replace(element, simd=simd), *parallel_taps(element)):
        pe = reading.simd // reading.taps * outputs if element.depthwise else outputs
        yield replace(reading, pe=pe, output=with_lanes(element.output, pe))


@dataclass(frozen=True, slots=True)
class _Plan:
    """What decides on the elements of a graph.

    ``read``: the shapes that elements read with a pixel at a time, by name.
    """

    names: Identifiers
    cycles: int
    read: dict[str, tuple[Shape, ...]]

    def replaced(self, element: Consumer, streams: tuple[Element, ...]) -> Element:
        """Return what takes the place of ``element``; it reads ``streams``, in any shapes."""
        match element:
            case Fork() | Fifo() | Output():
                (stream,) = streams
                if stream.output.shape.pixels > self.cycles:
                    stream = _plain(stream)
                return replace(element, source=stream, output=with_lanes(stream.output, 1))
            case Reshape():
                return self._seen(streams[0], element.output.shape, element.layer, element.name)
        sources_of = self._sources(element, streams)
        pixelwise = with_sources(
            element,
            tuple(sources_of(n, shape) for n, shape in enumerate(self.read[element.name])),
        )
        if fastest(pixelwise) <= self.cycles:
            return pixelwise
        new: dict[str, str] = {}

        def name(kind: str) -> str:
            if kind not in new:
                new[kind] = self.names.new(f"{element.name}_{kind}")
            return new[kind]

        builder = Builder(sources_of, name)
        whole = isinstance(element, GlobalAverage | GlobalMaximum)
        shape = self.read[element.name][0] if whole else element.output.shape
        for block in blocks(shape):
            if blocked(shape, block).pixels > self.cycles:
                continue
            built = builder.blocks(pixelwise, block)
            if built is not None and self._is_fast(built, streams):
                return built
        return pixelwise

    def _is_fast(self, built: Element, streams: tuple[Element, ...]) -> bool:
        """Say whether ``built``, and all that is in front of it up to ``streams``, is."""
        plain = {id(_plain(stream)) for stream in streams}
        pending = [built]
        while pending:
            element = pending.pop()
            if id(element) in plain:
                continue
            if not isinstance(element, Reshape):
                if fastest(element) > self.cycles:
                    return False
            elif self._beats(element) > self.cycles:
                return False
            pending.extend(sources(element))
        return True

    @staticmethod
    def _beats(element: Reshape) -> int:
        lanes = math.gcd(element.source.output.shape.channels, element.output.shape.channels)
        return element.output.shape.size // lanes

    def _sources(
        self, element: Consumer, streams: tuple[Element, ...]
    ) -> Callable[[int, Shape], Element]:
        """Return what gives a source of ``element`` in a shape."""
        new: dict[int, str] = {}

        def source(number: int, shape: Shape) -> Element:
            if streams[number].output.shape == shape:
                return streams[number]
            plain = _plain(streams[number])
            if plain.output.shape == shape:
                return plain
            if number not in new:
                new[number] = self.names.new(f"{element.name}_blocks")
            return self._seen(plain, shape, element.layer, new[number])

        return source

    @staticmethod
    def _seen(stream: Element, shape: Shape, layer: str, name: str) -> Element:
        """Return ``stream`` in another shape."""
        plain = _plain(stream)
        if plain.output.shape == shape:
            return plain
        return Reshape(name, layer, plain, StreamType(shape, plain.output.number, 1))


def _plain(stream: Element) -> Element:
    """Return what sends ``stream``, without changes of its shape."""
    while isinstance(stream, Reshape):
        stream = stream.source
    return stream
