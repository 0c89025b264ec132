"""When the cycle model says that an element's beats are taken, fed always and never stalled."""

from __future__ import annotations

from ir.cycles.system import EventSystem, element_events
from ir.elements import Element, Input, sources
from ir.maxplus import EventGraph


def output_edges_of(element: Element, frames: int) -> list[int]:
    """Return the edges at which the output beats of ``frames`` frames are taken.

    ``element`` reads ``Input`` elements; edge 0 takes the first input beat.
    """
    system = EventSystem()
    entering = []
    for source in sources(element):
        assert isinstance(source, Input)
        entering.append(system.events(source.output.beats))
        system.streams[id(source)] = entering[-1]
    element_events(element, system)
    events = EventGraph(system.lists)
    times = events.times(frames)
    first = min(int(events.of(taken, times)[0, 0]) for taken in entering)
    sent = events.of(system.streams[id(element)], times).reshape(-1)
    return [int(edge) - first for edge in sent]
