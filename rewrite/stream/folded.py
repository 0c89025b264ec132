"""A graph with the foldings that were chosen: what each element becomes, and what it reads."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from ir.elements import (
    Consumer,
    Element,
    Fifo,
    Fork,
    Input,
    Output,
    Reshape,
    Shape,
    StreamType,
    WidthConverter,
    sources,
    with_sources,
)
from ir.graph import StreamGraph
from ir.identifiers import Identifiers
from rewrite.stream.adapters import without_reshapes
from rewrite.stream.choices import Choice, takes_any_lanes
from rewrite.stream.counts import with_lanes


def folded(graph: StreamGraph, foldings: Mapping[str, Choice]) -> StreamGraph:
    """Return ``graph`` with ``foldings``, by the names of elements; lanes may still disagree.

    Where an element reads other pixels than are sent, there is a Reshape: wires.
    """
    parts = {part.name for choice in foldings.values() for part in choice.parts}
    names = Identifiers(frozenset({element.name for element in graph} | parts))
    inputs = {i.name: replace(i, output=foldings[i.name].element.output) for i in graph.inputs}
    builder = _Builder(foldings, names, inputs)
    outputs = graph.rebuild(builder.rule).outputs
    return replace(graph, inputs=tuple(inputs.values()), outputs=outputs)


@dataclass(frozen=True, slots=True)
class _Builder:
    foldings: Mapping[str, Choice]
    names: Identifiers
    inputs: Mapping[str, Input]

    def rule(self, element: Consumer) -> Consumer:
        """Return what becomes of ``element``, which reads what others have become already."""
        if isinstance(element, Reshape):
            return element  # Its readers look through it.
        choice = self.foldings[element.name]
        *others, first = (part for part in choice.parts if not isinstance(part, Input))
        streams = tuple(
            self._stream(element, stream, wanted.output, beat.lanes)
            for stream, wanted, beat in zip(
                sources(element), sources(first), choice.reads, strict=True
            )
        )
        if isinstance(element, Fork | Fifo | Output):
            return replace(element, source=streams[0], output=streams[0].output)
        built = with_sources(first, streams)
        for other in others:
            built = with_sources(other, (built,))
        return built

    def _stream(
        self, element: Consumer, stream: Element, wanted: StreamType, lanes: int
    ) -> Element:
        """Return ``stream`` in the pixels in which ``element`` reads it, which are ``wanted``."""
        plain = without_reshapes(stream)
        if isinstance(plain, Input):
            plain = self.inputs[plain.name]
        common = math.gcd(plain.output.lanes, lanes)
        shape = _pixels(element, wanted.shape, plain.output.shape, lanes)
        if plain.output.shape != shape:
            is_there = isinstance(stream, Reshape)
            name = stream.name if is_there else self.names.new(f"{element.name}_blocks")
            layer = stream.layer if is_there else element.layer
            plain = Reshape(name, layer, plain, StreamType(shape, plain.output.number, common))
        if not takes_any_lanes(element):
            return plain
        for adapted in (common, lanes):
            if plain.output.lanes != adapted:
                name = self.names.new(f"{element.name}_lanes")
                output = with_lanes(plain.output, adapted)
                plain = WidthConverter(name, element.layer, plain, output)
        return plain


def _pixels(element: Consumer, wanted: Shape, sent: Shape, lanes: int) -> Shape:
    """Return the pixels in which ``element`` reads what is ``sent`` in others.

    Forks and outputs take any: their own, those that are sent, or the frame as one pixel.
    """
    match element:
        case Fifo():
            return sent
        case Fork() | Output():
            shapes = (element.output.shape, sent, Shape(1, 1, sent.size))
            return next(shape for shape in shapes if shape.channels % lanes == 0)
        case _:
            return wanted
