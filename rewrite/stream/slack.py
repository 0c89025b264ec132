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

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from ir.cycles import fifo_demand, keeps_pace, steady_period
from ir.elements import Border, Consumer, Element, Fifo, ProcessingElement, Reorder
from ir.graph import StreamGraph

Slack = dict[str, int]
"""By name: extra rows of a processing element, blocks of a Reorder, beats of a Border; depth of a
Fifo, by name."""

MINIMUM_DEPTH = 2
UNLIMITED = 2**28
"""Room that no buffer of a legal graph can use up."""


def add_slack(graph: StreamGraph) -> StreamGraph:
    """Return ``graph`` with the least extra rows and branch FIFOs that let it run at full pace."""
    least = _least(graph)
    pace = steady_period(_with(graph, dict.fromkeys(least, UNLIMITED)))
    search = _Search(graph, pace, least)
    return _with(graph, search.reduced(search.ample(), list(least)))


@dataclass(frozen=True, slots=True)
class _Search:
    """The search for the least slack with which ``graph`` keeps ``pace``.

    ``least``: the smallest legal value of each buffer.
    """

    graph: StreamGraph
    pace: Fraction
    least: Slack

    def ample(self) -> Slack:
        """Return unlimited Fifos and the same, few extra rows everywhere."""
        fifos = {e.name: UNLIMITED for e in self.graph if isinstance(e, Fifo)}
        rows = 0
        while not self._keeps(slack := dict.fromkeys(self.least, rows) | fifos):
            rows = 2 * rows or 1
        return slack

    def reduced(self, slack: Slack, names: Sequence[str]) -> Slack:
        """Return ``slack`` with each of ``names`` in turn as small as it can be at full pace."""
        if not names:
            return slack
        smallest = slack | {name: self.least[name] for name in names}
        if self._keeps(smallest):
            return smallest
        if len(names) == 1:
            return slack | {names[0]: self._smallest(slack, names[0])}
        half = len(names) // 2
        return self.reduced(self.reduced(slack, names[:half]), names[half:])

    def _smallest(self, slack: Slack, name: str) -> int:
        """Return the smallest value of ``name`` at full pace, given that its least is too small.

        What a schedule uses is nearly that, so it is looked for from there in growing steps.
        """
        too_small, enough = self.least[name], self._used(slack, name)
        assert enough is not None
        step = 1
        while enough - too_small > 1:
            value = max(enough - step, too_small + 1)
            used = self._used(slack | {name: value}, name)
            if used is None:
                too_small = value
                step = (enough - too_small) // 2
            else:
                enough = used
                step *= 2
        return enough

    def _used(self, slack: Slack, name: str) -> int | None:
        """Return how much of ``name`` a schedule of the pace uses; None if there is none."""
        graph = _with(self.graph, slack)
        if any(element.name == name and isinstance(element, Fifo) for element in graph):
            used = fifo_demand(graph, self.pace, name)
            return None if used is None else min(used, slack[name])
        return slack[name] if keeps_pace(graph, self.pace) else None

    def _keeps(self, slack: Slack) -> bool:
        return keeps_pace(_with(self.graph, slack), self.pace)


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
