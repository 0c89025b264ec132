"""Slack: line-buffer rows and branch FIFOs, the least with which no frame waits.

Line buffers hold span + stride rows at least.  Some need more: senders are uneven (a pool sends
only while every other row comes in), and at the border of two frames a window needs many rows at
once.  A FIFO behind a fork holds what its branch must keep while the other branch fills its
windows.  Whether buffers suffice is decided exactly: the core keeps a pace if and only if there is
a schedule of its events that repeats with that period (``ir/maxplus``).

Less room never makes any beat earlier.  So the least value of each buffer, those before it at their
least and those after it ample, is well defined.  That no circuit of waits lies within one frame
means that the graph runs under any stalls: the elements wait for beats and for room and never
choose by arrival (a Kahn network, and a live marked graph).

A part of a graph waits for less than the graph: what is too little for the elements around a buffer
(``surroundings``) is too little.  So all buffers are guessed from their surroundings, as small as
these allow, which takes time in proportion to the graph; where the whole graph keeps its pace with
that, nothing smaller does.  Where it does not, the first guess with which it does not is found by
bisection, and set right with the whole graph.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from ir.cycles import estimate_fifo_depths, lateness, steady_period
from ir.elements import (
    AveragePool,
    Border,
    Consumer,
    Element,
    Fifo,
    Input,
    MaxPool,
    ProcessingElement,
    Reorder,
    sources,
    with_sources,
)
from ir.graph import StreamGraph
from rewrite.stream.bisection import smallest
from rewrite.stream.surroundings import Surroundings

Slack = dict[str, int]
"""By name: extra rows of a processing element, blocks of a Reorder, beats of a Border or of a
pool; depth of a Fifo."""

MINIMUM_DEPTH = 2
UNLIMITED = 2**28
"""Room that no buffer of a legal graph can use up."""
NEAR = 3
"""Steps from a buffer, or from the branches that it balances, within which it is guessed."""
FAR = 4 * NEAR
"""The same, where the guess was wrong."""


def add_slack(graph: StreamGraph, pace: Fraction | None = None) -> StreamGraph:
    """Return ``graph`` with the least extra rows and branch FIFOs that let it run at full pace.

    ``pace``: that of ``full_pace``, if it is known.
    """
    pace = full_pace(graph) if pace is None else pace
    return _with(graph, _Search(Surroundings.of(graph), pace, _least(graph)).least_slack())


def full_pace(graph: StreamGraph) -> Fraction:
    """Return the cycles between frames with more room in buffers than the graph can use."""
    return steady_period(_with(graph, dict.fromkeys(_least(graph), UNLIMITED)))


@dataclass(frozen=True, slots=True)
class _Search:
    """The search for the least slack with which ``graph`` keeps ``pace``.

    ``least``: the smallest legal value of each buffer.
    """

    graph: Surroundings
    pace: Fraction
    least: Slack

    def least_slack(self) -> Slack:
        """Return the slack: rows, which are large, are made small before Fifos."""
        settled = self._ample()
        names = [name for name in self.least if settled[name] > self.least[name]]
        parts = {name: self.graph.around(name, NEAR) for name in names}
        names.sort(key=lambda name: (settled[name] == UNLIMITED, len(parts[name])))
        guesses: Slack = {}
        changed = frozenset(names)
        while names:
            guesses = self._guesses(settled, {n: parts[n] for n in names}, guesses, changed)
            right = self._right(settled, list(guesses.items()))
            settled |= {name: guesses[name] for name in names[:right]}
            if right < len(names):
                name = names[right]
                settled[name] = self._set_right(settled, name, guesses[name])
                changed = frozenset((name,))
            names = names[right + 1 :]
        return settled

    def _ample(self) -> Slack:
        """Return unlimited Fifos and the same, few extra rows everywhere."""
        fifos = {e.name: UNLIMITED for e in self.graph.elements if isinstance(e, Fifo)}
        rows = 0
        while not self._keeps(slack := dict.fromkeys(self.least, rows) | fifos):
            rows = 2 * rows or 1
        return slack

    def _guesses(
        self,
        settled: Slack,
        parts: Mapping[str, Sequence[int]],
        known: Slack,
        changed: frozenset[str],
    ) -> Slack:
        """Return the least that the part around each buffer allows, those before it guessed.

        Guesses that are ``known`` stay, unless something in the part is ``changed``.
        """
        slack, stale = dict(settled), set(changed)
        guesses: Slack = {}
        for name, numbers in parts.items():
            part = [self.graph.elements[number] for number in numbers]
            if stale.isdisjoint(element.name for element in part):
                guesses[name] = known[name]
            else:
                guesses[name] = self._guessed(part, slack, name)
                if guesses[name] != known.get(name):
                    stale.add(name)
            slack[name] = guesses[name]
        return guesses

    def _guessed(self, part: Sequence[Element], slack: Slack, name: str) -> int:
        """Return the least value with which ``part`` keeps pace; that of ``slack`` if none does."""
        first = self._estimate(part, slack, name)
        if first is None:
            return slack[name]
        return self._smallest(part, slack, name, self.least[name], first)

    def _right(self, settled: Slack, guesses: Sequence[tuple[str, int]]) -> int:
        """Return how many of the first guesses the whole graph keeps its pace with.

        It is looked for among all, then among the first few, more and more, then in the middle.
        """
        right, wrong, count = 0, len(guesses) + 1, len(guesses)
        while wrong - right > 1:
            if self._keeps(settled | dict(guesses[:count])):
                right = count
            else:
                wrong = count
            count = min(2 * right + 1, (right + wrong) // 2)
        return right

    def _set_right(self, settled: Slack, name: str, guess: int) -> int:
        """Return the least value with which the whole graph keeps pace: more than ``guess``."""
        wider = [self.graph.elements[number] for number in self.graph.around(name, FAR)]
        least = self._smallest(wider, settled, name, guess + 1, guess + 1)
        return self._smallest(self.graph.elements, settled, name, least, least)

    def _smallest(
        self, part: Sequence[Element], slack: Slack, name: str, least: int, first: int
    ) -> int:
        """Return the smallest value of ``name``, from ``least`` on, with which ``part`` keeps pace.

        It is looked for from ``first`` on.  A Fifo fills at about the pace of its beats.
        """
        element = self.graph.elements[self.graph.numbers[name]]
        edges = self.pace / element.output.beats if isinstance(element, Fifo) else 0

        def late(value: int) -> Fraction | None:
            return lateness(_resized(part, slack | {name: value}), self.pace)

        return smallest(least, slack[name], first, late, edges)

    def _estimate(self, part: Sequence[Element], slack: Slack, name: str) -> int | None:
        """Return what the buffer may need; None if ``part`` does not keep pace whatever it is."""
        resized = _resized(part, slack)
        element = next(element for element in resized if element.name == name)
        if not isinstance(element, Fifo):
            return self.least[name]
        depths = estimate_fifo_depths(resized, self.pace, element)
        return None if depths is None else depths[name]

    def _keeps(self, slack: Slack) -> bool:
        return lateness(_resized(self.graph.elements, slack), self.pace) == 0


def _least(graph: StreamGraph) -> Slack:
    """Return the smallest legal value of each buffer that slack can be added to."""
    return {e.name: MINIMUM_DEPTH if isinstance(e, Fifo) else 0 for e in graph if _has_slack(e)}


def _has_slack(element: Element) -> bool:
    if isinstance(element, ProcessingElement):
        return not element.is_direct
    return isinstance(element, Fifo | Reorder | Border | MaxPool | AveragePool)


def _with(graph: StreamGraph, slack: Slack) -> StreamGraph:
    return graph.rebuild(lambda element: _sized(element, slack))


def _resized(part: Sequence[Element], slack: Slack) -> list[Element]:
    """Return elements, each after those that it reads, with ``slack``."""
    built: dict[int, Element] = {}
    for element in part:
        if isinstance(element, Input):
            built[id(element)] = element
        else:
            streams = tuple(built.get(id(source), source) for source in sources(element))
            built[id(element)] = _sized(with_sources(element, streams), slack)
    return list(built.values())


def _sized(element: Consumer, slack: Slack) -> Consumer:
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
