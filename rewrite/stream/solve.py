"""The problem of folding: the choices of all elements, and the streams between them.

What is cheapest for a number of cycles is the optimum of an integer program
(``rewrite/stream/program``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy

import numpy as np

from ir.elements import Element, Fifo, Reshape, sources
from ir.goal import Amounts
from ir.graph import StreamGraph
from rewrite.stream.adapters import Adapters, without_reshapes
from rewrite.stream.choices import Choice, Cost, choices
from rewrite.stream.program import Edge, Program, Solution

__all__ = ["Problem", "Solution"]


class Problem:
    """All choices of all elements of ``graph``; ``cost`` says what they cost.

    ``worth``: the amount of each resource that costs as much as that of another.  A stream is the
    same values in any pixels, so Reshapes are no elements here but belong to the streams.
    """

    def __init__(self, graph: StreamGraph, cost: Cost, worth: Amounts) -> None:
        self.graph, self.cost = graph, cost
        self.weights = 1 / np.array(worth, np.float64)
        self.adapters = Adapters(cost)
        self.elements = [element for element in graph if not isinstance(element, Reshape)]
        self.choices = {element.name: choices(element, cost) for element in self.elements}
        self.edges = [
            Edge(
                without_reshapes(source).name,
                element.name,
                operand,
                source.output,
                isinstance(element, Fifo),
            )
            for element in self.elements
            for operand, source in enumerate(sources(element))
        ]

    def having(self, found: Mapping[str, list[Choice]]) -> Problem:
        """Return the problem with other choices."""
        other = copy(self)
        other.choices = dict(found)
        return other

    @property
    def least_cycles(self) -> int:
        """Cycles that no folding is faster than."""
        return self._least(self.least_element)

    @property
    def least_element(self) -> Element:
        """The element that is why."""
        return max(self.elements, key=self._least)

    def _least(self, element: Element) -> int:
        return min(choice.cycles for choice in self.choices[element.name])

    def least_amounts(self, cycles: int) -> Amounts:
        """Return how little of each resource, for itself, a folding within ``cycles`` can need."""
        found = self._within(cycles)
        units = np.eye(len(self.weights))
        least = [self._program(found, cycles).solve(unit) for unit in units]
        amounts = [solution.amounts[n] if solution else 0.0 for n, solution in enumerate(least)]
        return amounts[0], amounts[1], amounts[2], amounts[3], amounts[4]

    def least_share(self, cycles: int, limits: Amounts) -> float:
        """Return how much of all ``limits``, 1 being all, is enough for ``cycles``."""
        share = self._program(self._within(cycles), cycles).least_share(np.array(limits))
        assert share is not None
        return share

    @property
    def least_products(self) -> int:
        """The fewest products per cycle of any folding, however slow."""
        return sum(min(c.products for c in found) for found in self.choices.values())

    @property
    def rates(self) -> list[int]:
        """All cycles per frame that the slowest element can have, ascending."""
        every = {choice.cycles for found in self.choices.values() for choice in found}
        beats = {
            edge.beats(sent, read)
            for edge in self.edges
            for sent in {choice.sends for choice in self.choices[edge.sender]}
            for read in {choice.reads[edge.operand] for choice in self.choices[edge.reader]}
        }
        possible = every | {count for count in beats if count is not None}
        return sorted(rate for rate in possible if rate >= self.least_cycles)

    def cheapest(self, cycles: int, limits: Amounts | None = None) -> Solution | None:
        """Return the cheapest folding within ``cycles`` and ``limits``, None if there is none."""
        found = self._within(cycles)
        if not all(found.values()):
            return None
        return self._program(found, cycles, limits).solve(self.weights)

    def _within(self, cycles: int) -> dict[str, list[Choice]]:
        return {
            name: [choice for choice in all_of_it if choice.cycles <= cycles]
            for name, all_of_it in self.choices.items()
        }

    def _program(
        self, found: Mapping[str, Sequence[Choice]], cycles: int, limits: Amounts | None = None
    ) -> Program:
        return Program(self.edges, self.adapters, found, cycles, limits)
