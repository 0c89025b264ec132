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

from ir.cycles import estimate_fifo_depths, keeps_pace, steady_period
from ir.elements import (
    AveragePool,
    Border,
    Consumer,
    Element,
    Fifo,
    MaxPool,
    ProcessingElement,
    Reorder,
)
from ir.graph import StreamGraph

Slack = dict[str, int]
"""By name: extra rows of a processing element, blocks of a Reorder, beats of a Border or of a
pool; depth of a Fifo."""

MINIMUM_DEPTH = 2
UNLIMITED = 2**28
"""Room that no buffer of a legal graph can use up."""


def add_slack(graph: StreamGraph) -> StreamGraph:
    """Return ``graph`` with the least extra rows and branch FIFOs that let it run at full pace."""
    least = _least(graph)
    pace = steady_period(_with(graph, dict.fromkeys(least, UNLIMITED)))
    return _with(graph, _Search(graph, pace, least).smallest())


@dataclass(frozen=True, slots=True)
class _Search:
    """The search for the least slack with which ``graph`` keeps ``pace``.

    ``least``: the smallest legal value of each buffer.
    """

    graph: StreamGraph
    pace: Fraction
    least: Slack

    def smallest(self) -> Slack:
        """Return the slack: rows, which are large, before Fifos, and those that seem easy first."""
        slack = self._ample()
        graph = _with(self.graph, slack)
        used = estimate_fifo_depths(graph, self.pace, graph.outputs[0])
        slack = self._reduced(slack, [name for name in self.least if name not in used])
        slack = self._reduced(slack, [name for name in used if used[name] <= self.least[name]])
        for name in used:
            if slack[name] > self.least[name]:
                slack[name] = self._bisected(slack, name)
        return slack

    def _ample(self) -> Slack:
        """Return unlimited Fifos and the same, few extra rows everywhere."""
        fifos = {e.name: UNLIMITED for e in self.graph if isinstance(e, Fifo)}
        rows = 0
        while not self._keeps(slack := dict.fromkeys(self.least, rows) | fifos):
            rows = 2 * rows or 1
        return slack

    def _reduced(self, slack: Slack, names: Sequence[str]) -> Slack:
        """Return ``slack`` with each of ``names`` in turn as small as it can be at full pace."""
        if not names:
            return slack
        smallest = slack | {name: self.least[name] for name in names}
        if self._keeps(smallest):
            return smallest
        if len(names) == 1:
            return slack | {names[0]: self._bisected(slack, names[0])}
        half = len(names) // 2
        return self._reduced(self._reduced(slack, names[:half]), names[half:])

    def _bisected(self, slack: Slack, name: str) -> int:
        """Return the smallest value of ``name`` at full pace.

        It is looked for from an estimate in growing steps, then in the middle.
        """
        too_small, enough = self.least[name] - 1, slack[name]
        value, step = self._estimate(slack, name), 1
        while enough - too_small > 1:
            value = min(max(value, too_small + 1), enough - 1)
            if self._keeps(slack | {name: value}):
                enough, following = value, value - step
            else:
                too_small, following = value, value + step
            on_both_sides = too_small >= self.least[name] and enough < slack[name]
            value = (too_small + enough) // 2 if on_both_sides else following
            step *= 2
        return enough

    def _estimate(self, slack: Slack, name: str) -> int:
        graph = _with(self.graph, slack)
        element = next(element for element in graph if element.name == name)
        if not isinstance(element, Fifo):
            return self.least[name] + 1
        return estimate_fifo_depths(graph, self.pace, element)[name]

    def _keeps(self, slack: Slack) -> bool:
        return keeps_pace(_with(self.graph, slack), self.pace)


def _least(graph: StreamGraph) -> Slack:
    """Return the smallest legal value of each buffer that slack can be added to."""
    return {e.name: MINIMUM_DEPTH if isinstance(e, Fifo) else 0 for e in graph if _has_slack(e)}


def _has_slack(element: Element) -> bool:
    if isinstance(element, ProcessingElement):
        return not element.is_direct
    return isinstance(element, Fifo | Reorder | Border | MaxPool | AveragePool)


def _with(graph: StreamGraph, slack: Slack) -> StreamGraph:
    def rule(element: Consumer) -> Consumer:
        match element:
            case ProcessingElement(name=name) if name in slack:
                return replace(element, extra_rows=slack[name])
            case Reorder(name=name) if name in slack:
                return replace(element, extra_blocks=slack[name])
            case MaxPool(name=name) | AveragePool(name=name) if name in slack:
                return replace(element, extra_beats=slack[name])
            case Border(name=name) if name in slack:
                return replace(element, extra_beats=slack[name])
            case Fifo(name=name) if name in slack:
                return replace(element, depth=slack[name])
            case _:
                return element

    return graph.rebuild(rule)
