"""Cycle model: exact times of every beat for a core that is always fed and never stalled.

Each element's rules stand on docs/elements.md, under the same heading; tests compare the times
with simulation, beat for beat.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ir import maxplus
from ir.cycles import joins, plumbing, pointwise, pools, processing, shaping
from ir.cycles.own import own_cycles
from ir.cycles.processing import buffered_rows
from ir.cycles.system import EventSystem, element_events
from ir.elements import Fifo
from ir.graph import StreamGraph
from ir.numbers import IntArray

__all__ = ["Cycles", "buffered_rows", "fifo_demands", "own_cycles", "predict"]

ELEMENTS = (joins, plumbing, pointwise, pools, processing, shaping)
"""Importing them teaches ``element_events`` the elements."""

_LONGEST_PIPELINE = 1000
"""More edges than any element takes beside its own cycles."""


@dataclass(frozen=True, slots=True)
class Cycles:
    """Predicted times, in clock edges.

    ``completions``: for successive frames, edges from the one that takes the first input beat of
    frame 0 to the one that takes the frame's last output beat.  ``lower_bound``: cycles per frame
    of the slowest element, ``bottleneck``; no schedule of these elements can be faster.
    ``element_cycles``: each element's own cycles per frame, by name.
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


def predict(graph: StreamGraph, frames: int | None = None) -> Cycles:
    """Return the exact times of ``frames`` frames, or of as many as it takes to be steady.

    Raises:
        maxplus.DeadlockError: a buffer is so small that the streams wait for each other forever.
    """
    own = {element.name: own_cycles(element) for element in graph}
    bottleneck = max(own, key=lambda name: own[name])
    counts = [frames] if frames else [3, 6, 12, 24]
    for count in counts:
        completions = _completions(graph, count)
        intervals = np.diff(completions)
        if len(intervals) and (intervals[-1] == own[bottleneck] or _periodic(intervals)):
            break
    interval = int(intervals[-1]) if len(intervals) else own[bottleneck]
    return Cycles(tuple(completions), interval, own[bottleneck], bottleneck, own)


def _periodic(intervals: IntArray) -> bool:
    return len(intervals) >= 4 and bool(np.all(intervals[-3:] == intervals[-1]))


def fifo_demands(graph: StreamGraph, frames: int) -> dict[str, int]:
    """Return how deep each Fifo must be, by name, so that it never keeps its sender waiting."""
    system = _solved(graph, frames)
    demands = {}
    for element in graph:
        if isinstance(element, Fifo):
            pushes = system.streams[id(element.source)].times
            pops = system.streams[id(element)].times
            free_again = np.searchsorted(pops + 1, pushes, side="right")
            demands[element.name] = int(np.max(np.arange(len(pushes)) - free_again)) + 1
    return demands


def _completions(graph: StreamGraph, frames: int) -> list[int]:
    system = _solved(graph, frames)
    ends = [system.streams[id(o)].times.reshape(frames, -1)[:, -1] for o in graph.outputs]
    return [int(t) for t in np.max(ends, axis=0)]


def _solved(graph: StreamGraph, frames: int) -> EventSystem:
    system = EventSystem(frames)
    for element in graph:
        element_events(element, system)
    one_after_another = sum(own_cycles(element) + _LONGEST_PIPELINE for element in graph)
    maxplus.solve(system.lists, limit=(frames + 1) * one_after_another)
    return system
