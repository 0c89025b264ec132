"""Events of the elements that pass streams on: ports, wires, forks, FIFOs, width converters."""

from __future__ import annotations

import numpy as np

from ir import maxplus
from ir.cycles.system import EventSystem, add_fifo, element_events
from ir.elements import Fifo, Fork, Input, Output, Reshape, WidthConverter

AXIS_FIFO_DEPTH = 2


@element_events.register
def _input(element: Input, system: EventSystem) -> None:
    axis = system.events(element.output.beats)
    system.streams[id(element)] = inner = system.events(element.output.beats)
    add_fifo(axis, inner, AXIS_FIFO_DEPTH)


@element_events.register
def _output(element: Output, system: EventSystem) -> None:
    axis = system.events(element.output.beats)
    add_fifo(system.streams[id(element.source)], axis, AXIS_FIFO_DEPTH)
    system.streams[id(element)] = axis


@element_events.register
def _reshape(element: Reshape, system: EventSystem) -> None:
    system.streams[id(element)] = system.streams[id(element.source)]


@element_events.register
def _fork(element: Fork, system: EventSystem) -> None:
    # A beat passes when all readers take it: they share its transfers, and each may delay them.
    system.streams[id(element)] = system.streams[id(element.source)]


@element_events.register
def _stream_fifo(element: Fifo, system: EventSystem) -> None:
    sink = system.events(element.output.beats)
    add_fifo(system.streams[id(element.source)], sink, element.depth)
    system.streams[id(element)] = sink


@element_events.register
def _width_converter(element: WidthConverter, system: EventSystem) -> None:
    source = system.streams[id(element.source)]
    sink = system.streams[id(element)] = system.events(element.output.beats)
    if source.count == sink.count:
        each = np.arange(sink.count)
        sink.after(source, each, 0)
        source.after(sink, each, 0)
    elif source.count < sink.count:
        parts = sink.count // source.count
        last = np.arange(source.count) * parts + parts - 1
        sink.after(source, np.arange(sink.count) // parts, 1)
        source.after(sink, np.concatenate([[maxplus.NEVER], last[:-1]]), 0)
    else:
        parts = source.count // sink.count
        sink.after(source, np.arange(sink.count) * parts + parts - 1, 1)
        first = np.arange(1, sink.count) * parts
        source.after(sink, system.only(source, first, np.arange(sink.count - 1)), 0)
