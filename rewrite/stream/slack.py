"""Slack: line-buffer rows and branch FIFOs, the least with which no frame waits.

Line buffers hold span + stride rows at least.  Some need more: senders are uneven (a pool sends
only while every other row comes in), and at the border of two frames a window needs many rows at
once.  A FIFO behind a fork holds what its branch must keep while the other branch fills its
windows.  The cycle model says how much it takes until the frames follow each other at the pace of
the slowest element, and then what can be taken back without losing that pace.

Less room never makes any beat earlier, so the least value of each buffer, the others given, is
found by bisection.  That a graph runs without a deadlock in the model means that it does under any
stalls: the elements wait for beats and for room and never choose by arrival (a Kahn network).
"""

from __future__ import annotations

from dataclasses import replace

from ir.cycles import fifo_demands, predict
from ir.elements import Consumer, Element, Fifo, ProcessingElement, Reorder
from ir.graph import StreamGraph
from ir.maxplus import DeadlockError

Slack = dict[str, int]
"""Extra rows of a processing element, extra blocks of a Reorder, depth of a Fifo, by name."""

EXTRA_ROWS = (0, 1, 2, 4, 8, 16)
MINIMUM_DEPTH = 2
FRAMES = 4
"""Frames that are looked at while searching; the result is then checked until it is steady."""


def add_slack(graph: StreamGraph) -> StreamGraph:
    """Return ``graph`` with the least extra rows and branch FIFOs that let it run at full pace."""
    ample, pace = _ample(graph)
    for frames in (FRAMES, None):
        slack = ample
        for name, least in _least(graph).items():
            slack = _reduced(graph, slack, name, least, pace, frames)
        if _keeps(_with(graph, slack), pace, None):
            break
    return _with(graph, slack)


def _ample(graph: StreamGraph) -> tuple[Slack, int]:
    """Return a slack with which the graph is as fast as it gets, and its cycles per frame."""
    least = _least(graph)
    unlimited = {e.name: e.output.beats * FRAMES for e in graph if isinstance(e, Fifo)}
    best: tuple[int, Slack] | None = None
    for rows in EXTRA_ROWS:
        slack = {name: unlimited.get(name, rows) for name in least}
        pace = predict(_with(graph, slack), FRAMES)
        if best is None or pace.cycles_per_frame < best[0]:
            best = (pace.cycles_per_frame, slack)
        if best[0] <= pace.lower_bound:
            break
    assert best is not None
    pace_reached, slack = best
    demands = fifo_demands(_with(graph, slack), FRAMES)
    ample = slack | {name: max(MINIMUM_DEPTH, depth) for name, depth in demands.items()}
    return ample, pace_reached


def _least(graph: StreamGraph) -> Slack:
    """Return the smallest legal value of each buffer that slack can be added to."""
    return {e.name: MINIMUM_DEPTH if isinstance(e, Fifo) else 0 for e in graph if _has_slack(e)}


def _has_slack(element: Element) -> bool:
    if isinstance(element, ProcessingElement):
        return not element.is_direct
    return isinstance(element, Fifo | Reorder)


def _reduced(
    graph: StreamGraph, slack: Slack, name: str, least: int, pace: int, frames: int | None
) -> Slack:
    """Return ``slack`` with the smallest value for ``name`` that keeps ``pace``."""
    enough = slack[name]
    while least < enough:
        middle = (least + enough) // 2
        if _keeps(_with(graph, slack | {name: middle}), pace, frames):
            enough = middle
        else:
            least = middle + 1
    return slack | {name: enough}


def _keeps(graph: StreamGraph, pace: int, frames: int | None) -> bool:
    try:
        return predict(graph, frames).cycles_per_frame <= pace
    except DeadlockError:
        return False


def _with(graph: StreamGraph, slack: Slack) -> StreamGraph:
    def rule(element: Consumer) -> Consumer:
        match element:
            case ProcessingElement(name=name) if name in slack:
                return replace(element, extra_rows=slack[name])
            case Reorder(name=name) if name in slack:
                return replace(element, extra_blocks=slack[name])
            case Fifo(name=name) if name in slack:
                return replace(element, depth=slack[name])
            case _:
                return element

    return graph.rebuild(rule)
