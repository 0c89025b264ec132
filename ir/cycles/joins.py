"""Events of the elements that read several streams."""

from __future__ import annotations

import numpy as np

from ir import timing
from ir.cycles.system import EventSystem, add_fifo, element_events, gated
from ir.elements import (
    Concatenate,
    DotProduct,
    Extremum,
    Merge,
    PairLookup,
    Pairwise,
    Product,
    SideBySide,
)


@element_events.register(Merge)
@element_events.register(Product)
@element_events.register(Extremum)
@element_events.register(PairLookup)
def _pairwise(element: Pairwise, system: EventSystem) -> None:
    first, second = (system.streams[id(source)] for source in element.sources)
    each = np.arange(first.count)
    first.together(second, each)
    latency = timing.pairwise_latency(element)
    system.streams[id(element)] = gated(system, second, each, latency, element.fifo_depth)


@element_events.register
def _dot_product(element: DotProduct, system: EventSystem) -> None:
    first, second = (system.streams[id(source)] for source in element.sources)
    first.together(second, np.arange(first.count))
    yields = np.arange(element.steps - 1, first.count, element.steps)
    latency = timing.dot_product_latency(element)
    system.streams[id(element)] = gated(system, second, yields, latency, element.fifo_depth)


@element_events.register
def _concatenate(element: Concatenate, system: EventSystem) -> None:
    lanes = element.output.lanes
    words = [source.output.shape.channels // lanes for source in element.sources]
    steps = system.events(element.output.beats)
    places = np.arange(steps.count).reshape(-1, sum(words))
    for source, place in zip(
        element.sources, np.split(places, np.cumsum(words[:-1]), axis=1), strict=True
    ):
        system.streams[id(source)].together(steps, place.reshape(-1))
    sink = system.streams[id(element)] = system.events(element.output.beats)
    add_fifo(steps, sink, element.fifo_depth)


@element_events.register
def _side_by_side(element: SideBySide, system: EventSystem) -> None:
    sink = system.events(element.output.beats)
    for source in element.sources:
        add_fifo(system.streams[id(source)], sink, element.fifo_depth)
    system.streams[id(element)] = sink
