"""Events of the elements that work on each value, pixel or frame of one stream in turn."""

from __future__ import annotations

import numpy as np

from ir import timing
from ir.cycles.system import EventSystem, element_events, gated
from ir.elements import Affine, ArgMax, GlobalAverage, GlobalMaximum, Lookup, Rectifier


def _pointwise(element: Affine | Lookup | Rectifier, system: EventSystem, latency: int) -> None:
    source = system.streams[id(element.source)]
    each = np.arange(source.count)
    system.streams[id(element)] = gated(system, source, each, latency, element.fifo_depth)


@element_events.register
def _affine(element: Affine, system: EventSystem) -> None:
    _pointwise(element, system, timing.affine_latency(element))


@element_events.register
def _lookup(element: Lookup, system: EventSystem) -> None:
    _pointwise(element, system, timing.pointwise_latency(timing.LOOKUP_LATENCY))


@element_events.register
def _rectifier(element: Rectifier, system: EventSystem) -> None:
    _pointwise(element, system, timing.RECTIFIER_LATENCY)


@element_events.register
def _global_average(element: GlobalAverage, system: EventSystem) -> None:
    _global(element, system, timing.global_average_latency(element), element.beat_edges)


@element_events.register
def _global_maximum(element: GlobalMaximum, system: EventSystem) -> None:
    _global(element, system, timing.GLOBAL_MAXIMUM_LATENCY)


def _global(
    element: GlobalAverage | GlobalMaximum, system: EventSystem, latency: int, interval: int = 1
) -> None:
    source, stream = system.streams[id(element.source)], element.source.output
    yields = np.arange(stream.beats - element.output.beats, stream.beats)
    depth = element.fifo_depth
    system.streams[id(element)] = gated(system, source, yields, latency, depth, interval)


@element_events.register
def _arg_max(element: ArgMax, system: EventSystem) -> None:
    source, stream = system.streams[id(element.source)], element.source.output
    per_pixel = stream.shape.channels // stream.lanes
    yields = np.arange(per_pixel - 1, source.count, per_pixel)
    latency = timing.arg_max_latency(stream.lanes)
    system.streams[id(element)] = gated(system, source, yields, latency, element.fifo_depth)
