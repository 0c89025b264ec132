"""The event lists of a whole graph, and what adds an element's events to them.

``element_events`` is taught its elements by the modules beside this one.
"""

from __future__ import annotations

from functools import singledispatch

import numpy as np

from ir import maxplus
from ir.elements import Element
from ir.maxplus import EventList
from ir.numbers import IntArray


class EventSystem:
    """Event lists of a graph under construction; ``streams``: transfers by sending element.

    Events are numbered within a frame; negative numbers are those of the frames before.
    """

    def __init__(self) -> None:
        self.lists: list[EventList] = []
        self.streams: dict[int, EventList] = {}

    def events(self, per_frame: int, gap: int = 1) -> EventList:
        """Return a new event list with ``per_frame`` events in each frame."""
        events = EventList(per_frame, gap)
        self.lists.append(events)
        return events

    def only(self, events: EventList, at: IntArray, index: IntArray) -> IntArray:
        """Return an index for ``events`` that waits at the positions ``at`` only."""
        full = np.full(events.count, maxplus.NEVER)
        full[at] = index
        return full


def before(count: int, depth: int) -> IntArray:
    """Return, for each of ``count`` events, the number of the event ``depth`` earlier."""
    return np.arange(count) - depth


def add_fifo(source: EventList, sink: EventList, depth: int) -> None:
    """Let ``sink`` take what ``source`` pushes into a FIFO of ``depth`` beats."""
    each = np.arange(sink.count)
    sink.after(source, each, 1)
    source.after(sink, before(source.count, depth), 1)


def gated(
    system: EventSystem,
    steps: EventList,
    yields: IntArray,
    latency: int,
    depth: int,
    interval: int = 1,
) -> EventList:
    """Return the transfers out of a reserving FIFO.

    Output n is reserved at event ``yields[n]`` of ``steps``, ``interval`` edges after the one
    before at the earliest, and pushed ``latency`` edges later.
    """
    taken = system.events(len(yields))
    taken.after(steps, yields, latency + 1)
    steps.after(taken, system.only(steps, yields, before(len(yields), depth)), 1)
    if interval > 1:
        previous = np.concatenate([yields[-1:] - steps.count, yields[:-1]])
        steps.after(steps, system.only(steps, yields, previous), interval)
    return taken


@singledispatch
def element_events(element: Element, system: EventSystem) -> None:
    """Add ``element``'s events, the transfers of its output stream last."""
    raise NotImplementedError(type(element).__name__)
