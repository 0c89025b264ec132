"""Cycle model: exact times of every beat for a core that is always fed and never stalled.

Each element's rules stand on docs/elements.md, under the same heading; tests compare the times
with simulation, beat for beat.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from ir.cycles import chain, joins, normalizing, plumbing, pointwise, pools, processing, shaping
from ir.cycles.own import own_cycles
from ir.cycles.processing import buffered_rows
from ir.cycles.system import EventSystem, element_events
from ir.elements import Element, Fifo, Input, sources
from ir.graph import StreamGraph
from ir.maxplus import DeadlockError, EventGraph
from ir.numbers import IntArray

__all__ = [
    "Cycles",
    "buffered_rows",
    "estimate_fifo_depths",
    "lateness",
    "own_cycles",
    "predict",
    "steady_period",
]

ELEMENTS = (chain, joins, normalizing, plumbing, pointwise, pools, processing, shaping)
"""Importing them teaches ``element_events`` the elements."""

FRAMES = 3
"""Frames whose times are told unless asked for more."""


@dataclass(frozen=True, slots=True)
class Cycles:
    """Predicted times, in clock edges.

    ``completions``: for successive frames, edges from the one that takes the first input beat of
    frame 0 to the one that takes the frame's last output beat.  ``cycles_per_frame``: in the long
    run, rounded up.  ``lower_bound``: cycles per frame of the slowest element, ``bottleneck``; no
    schedule of these elements can be faster.  ``element_cycles``: each element's own cycles per
    frame, by name.
    """

    completions: tuple[int, ...]
    cycles_per_frame: int
    lower_bound: int
    bottleneck: str
    element_cycles: dict[str, int]

    @property
    def latency_cycles(self) -> int:
        """First input beat taken to last output beat taken, for the first frame after reset."""
        return self.completions[0]


def predict(graph: StreamGraph, frames: int = FRAMES) -> Cycles:
    """Return the exact times of the first ``frames`` frames, and the pace that the core settles at.

    Raises:
        maxplus.DeadlockError: a buffer is so small that the streams wait for each other forever.
    """
    own = {element.name: own_cycles(element) for element in graph}
    bottleneck = max(own, key=lambda name: own[name])
    system, events = _events(graph)
    times = events.times(frames)
    ends = [events.of(system.streams[id(output)], times)[:, -1] for output in graph.outputs]
    completions = tuple(int(time) for time in np.max(ends, axis=0))
    interval = math.ceil(events.period(own[bottleneck]))
    return Cycles(completions, interval, own[bottleneck], bottleneck, own)


def steady_period(graph: StreamGraph) -> Fraction:
    """Return the exact cycles per frame in the long run.

    Raises:
        maxplus.DeadlockError: a buffer is so small that the streams wait for each other forever.
    """
    _, events = _events(graph)
    return events.period(max(own_cycles(element) for element in graph))


def lateness(elements: Iterable[Element], period: Fraction) -> Fraction | None:
    """Return the edges by which a circuit of waits is too long for ``period``; None for a deadlock.

    0: the frames can follow each other at that pace.  ``elements``: a graph or a part of one, each
    after those that it reads.  What is not in the part sends and takes beats whenever that suits,
    so that the graph keeps no pace that a part does not.
    """
    try:
        _, events = _events(elements)
    except DeadlockError:
        return None
    return events.lateness(period)


def estimate_fifo_depths(
    elements: Sequence[Element], period: Fraction, element: Element
) -> dict[str, int] | None:
    """Return how deep the Fifos are used, by name, in a schedule of ``period``; None without one.

    It is that in which ``element`` sends its beats as early as it can, and everything else happens
    as late as is early enough for that.  ``elements``: as for ``lateness``.
    """
    try:
        system, events = _events(elements)
    except DeadlockError:
        return None
    schedule = events.schedule(period)
    if schedule is None:
        return None
    late = events.late_schedule(schedule, period, system.streams[id(element)])
    return {
        fifo.name: _depth(
            events.of(system.streams[id(fifo.source)], late),
            events.of(system.streams[id(fifo)], late),
            period,
        )
        for fifo in elements
        if isinstance(fifo, Fifo)
    }


def _depth(pushes: IntArray, pops: IntArray, period: Fraction) -> int:
    """Return the depth with which no push waits: a pop frees its place one edge later.

    Times are those of one frame, in units of 1/denominator of the period.
    """
    latest = pushes - period.denominator
    frames = (latest - pops[0]) // period.numerator
    within = np.searchsorted(pops, latest - frames * period.numerator, side="right") - 1
    freed = frames * len(pops) + within
    return int(np.max(np.arange(len(pushes)) - freed))


def _events(elements: Iterable[Element]) -> tuple[EventSystem, EventGraph]:
    system = EventSystem()
    for element in elements:
        for source in () if isinstance(element, Input) else sources(element):
            if id(source) not in system.streams:
                system.streams[id(source)] = system.events(source.output.beats)
        element_events(element, system)
    return system, EventGraph(system.lists)
