"""Blocks of pixels where a pixel at a time is too slow."""

from __future__ import annotations

from dataclasses import replace

from ir.elements import Fifo, Fork, Input, Output
from ir.graph import StreamGraph
from ir.identifiers import Identifiers
from rewrite.stream.adapters import values_of, without_reshapes
from rewrite.stream.blocks.variants import Variants
from rewrite.stream.choices import Beat, Choice, choices, stand_in
from rewrite.stream.counts import with_lanes
from rewrite.stream.solve import Problem


class Blocks:
    """The choices over blocks of pixels of the elements of a ``problem``, each made once."""

    def __init__(self, problem: Problem) -> None:
        self._problem = problem
        self._names = Identifiers(frozenset(element.name for element in problem.graph))
        self._given: dict[tuple[str, str], str] = {}
        self._variants = Variants(problem.cost, problem.adapters, self._name)

    @property
    def graph(self) -> StreamGraph:
        """What is folded."""
        return self._problem.graph

    def within(self, cycles: int) -> Problem:
        """Return the problem, with choices over blocks if some element else exceeds ``cycles``.

        All elements get them then, in every size that is fast enough, since what adapts the streams
        of neighbours may cost more than a larger block.  Inputs are blocks only where a pixel per
        beat is too slow.  An element without a choice that is fast enough keeps those it has.
        """
        if self._problem.least_cycles <= cycles:
            return self._problem
        found: dict[str, list[Choice]] = {}
        for element in self._problem.elements:
            every = self._problem.choices[element.name]
            plain = [choice for choice in every if choice.cycles <= cycles]
            if isinstance(element, Input):
                plain = plain or self._whole(element)
            elif isinstance(element, Fork | Fifo | Output):
                sender = found[without_reshapes(element.source).name]
                plain = plain + self._following(element, sender, plain)
            else:
                plain = plain + self._variants.of(element, cycles, needed=not plain)
            found[element.name] = plain or every
        return self._problem.having(found)

    def _whole(self, element: Input) -> list[Choice]:
        """Return an input of which a beat may have any number of values that divides a frame."""
        return choices(replace(element, output=values_of(element.output)), self._problem.cost)

    def _following(
        self, element: Fork | Fifo | Output, sender: list[Choice], plain: list[Choice]
    ) -> list[Choice]:
        """Return ``element`` in the lanes of ``sender`` that it does not have already."""
        sent = {choice.sends.lanes for choice in sender if not choice.sends.padding}
        lanes = sent - {choice.sends.lanes for choice in plain}
        values = values_of(element.output)
        found = []
        for count in sorted(lanes):
            output = with_lanes(values, count)
            follower = replace(element, source=stand_in(values, count), output=output)
            cost = self._problem.cost(follower)
            found.append(Choice(follower, (Beat(count),), Beat(count), output.beats, cost))
        return found

    def _name(self, element: str, kind: str) -> str:
        """Return the name of the first of two elements that are one, ``kind``."""
        if (element, kind) not in self._given:
            self._given[element, kind] = self._names.new(f"{element}_{kind}")
        return self._given[element, kind]
