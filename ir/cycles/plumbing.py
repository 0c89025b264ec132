"""Events of the elements that pass streams on: ports, wires, forks, FIFOs, width converters."""

from __future__ import annotations

import numpy as np

from ir.cycles.system import EventSystem, add_fifo, before, element_events
from ir.elements import Fifo, Fork, Input, Output, Reshape, WidthConverter

AXIS_FIFO_DEPTH = 2


@element_events.register
def _input(element: Input, system: EventSystem) -> None:
    axis = system.events(element.output.beats)
    system.streams[id(element)] = axis
    if element.buffered:
        system.streams[id(element)] = inner = system.events(element.output.beats)
        add_fifo(axis, inner, AXIS_FIFO_DEPTH)


@element_events.register
def _output(element: Output, system: EventSystem) -> None:
    if not element.buffered:
        system.streams[id(element)] = system.streams[id(element.source)]
        return
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
        sink.together(source, np.arange(sink.count))
    elif source.count < sink.count:
        parts = sink.count // source.count
        sink.after(source, np.arange(sink.count) // parts, 1)
        source.after(sink, np.arange(source.count) * parts - 1, 0)
    else:
        parts = source.count // sink.count
        sink.after(source, np.arange(sink.count) * parts + parts - 1, 1)
        firsts = np.arange(sink.count) * parts
        source.after(sink, system.only(source, firsts, before(sink.count, 1)), 0)
