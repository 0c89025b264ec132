"""Slack: line-buffer rows and branch FIFOs, the least with which no frame waits.

Line buffers hold span + stride rows at least.  Some need more: senders are uneven (a pool sends
only while every other row comes in), and at the border of two frames a window needs many rows at
once.  A FIFO behind a fork holds what its branch must keep while the other branch fills its
windows.  Whether buffers suffice is decided exactly: the core keeps a pace if and only if there is
a schedule of its events that repeats with that period (``ir/maxplus``).

Less room never makes any beat earlier.  So the least value of each buffer, those before it at their
least and those after it ample, is found by bisection, and many buffers are settled at once where
the smallest legal values of all of them keep the pace.  That no circuit of waits lies within one
frame means that the graph runs under any stalls: the elements wait for beats and for room and
never choose by arrival (a Kahn network, and a live marked graph).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from ir.cycles import fifo_demands, steady_period
from ir.elements import Border, Consumer, Element, Fifo, ProcessingElement, Reorder
from ir.graph import StreamGraph
from ir.maxplus import DeadlockError

Slack = dict[str, int]
"""By name: extra rows of a processing element, blocks of a Reorder, beats of a Border; depth of a
Fifo, by name."""

Demands = Callable[[Slack], Slack | None]
"""Tells how deep the Fifos are used at full pace with a given slack; None if that is too slow."""

MINIMUM_DEPTH = 2
UNLIMITED = 2**28
"""Room that no buffer of a legal graph can use up."""


def add_slack(graph: StreamGraph) -> StreamGraph:
    """Return ``graph`` with the least extra rows and branch FIFOs that let it run at full pace."""
    least = _least(graph)
    pace = steady_period(_with(graph, dict.fromkeys(least, UNLIMITED)))

    def demands(slack: Slack) -> Slack | None:
        try:
            return fifo_demands(_with(graph, slack), pace)
        except DeadlockError:
            return None

    ample = next(found for found in _levels(graph, least, demands) if found is not None)
    return _with(graph, _reduced(ample, least, list(least), demands))


def _levels(graph: StreamGraph, least: Slack, demands: Demands) -> Iterator[Slack | None]:
    """Yield slacks with unlimited Fifos and ever more extra rows, None where they are too slow."""
    fifos = {e.name: UNLIMITED for e in graph if isinstance(e, Fifo)}
    rows = 0
    while True:
        slack = dict.fromkeys(least, rows) | fifos
        used = demands(slack)
        yield None if used is None else _used(slack, used, least)
        rows = 2 * rows or 1


def _used(slack: Slack, used: Slack, least: Slack) -> Slack:
    """Return ``slack`` with the Fifos no deeper than they are ``used``."""
    return slack | {name: max(least[name], min(slack[name], used[name])) for name in used}


def _reduced(slack: Slack, least: Slack, names: Sequence[str], demands: Demands) -> Slack:
    """Return ``slack`` with each of ``names`` in turn as small as it can be at full pace."""
    if not names:
        return slack
    smallest = slack | {name: least[name] for name in names}
    if demands(smallest) is not None:
        return smallest
    if len(names) > 1:
        half = len(names) // 2
        first = _reduced(slack, least, names[:half], demands)
        return _reduced(first, least, names[half:], demands)
    return _bisected(slack, least, names[0], demands)


def _bisected(slack: Slack, least: Slack, name: str, demands: Demands) -> Slack:
    """Return ``slack`` with the smallest value of ``name`` at full pace; its least is too small."""
    too_small = least[name]
    while slack[name] - too_small > 1:
        middle = (too_small + slack[name]) // 2
        used = demands(slack | {name: middle})
        if used is None:
            too_small = middle
        else:
            slack = slack | {name: max(too_small + 1, min(middle, used.get(name, middle)))}
    return slack


def _least(graph: StreamGraph) -> Slack:
    """Return the smallest legal value of each buffer that slack can be added to."""
    return {e.name: MINIMUM_DEPTH if isinstance(e, Fifo) else 0 for e in graph if _has_slack(e)}


def _has_slack(element: Element) -> bool:
    if isinstance(element, ProcessingElement):
        return not element.is_direct
    return isinstance(element, Fifo | Reorder | Border)


def _with(graph: StreamGraph, slack: Slack) -> StreamGraph:
    def rule(element: Consumer) -> Consumer:
        match element:
            case ProcessingElement(name=name) if name in slack:
                return replace(element, extra_rows=slack[name])
            case Reorder(name=name) if name in slack:
                return replace(element, extra_blocks=slack[name])
            case Border(name=name) if name in slack:
                return replace(element, extra_beats=slack[name])
            case Fifo(name=name) if name in slack:
                return replace(element, depth=slack[name])
            case _:
                return element

    return graph.rebuild(rule)
