"""The problem of folding: the choices of all elements, and the streams between them.

What is cheapest for a number of cycles is the optimum of an integer program
(``rewrite/stream/program``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy

import numpy as np

from ir.elements import Element, Fifo, Reshape, sources
from ir.goal import UNLIMITED, Amounts
from ir.graph import StreamGraph
from rewrite.stream.adapters import Adapters, without_reshapes
from rewrite.stream.alternatives import Alternatives
from rewrite.stream.choices import Choice, Cost, choices
from rewrite.stream.program import Edge, FloatArray, Program, Solution

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
        self._alternatives = _alternatives(self.choices)
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
        other._alternatives = _alternatives(found)
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
        units = np.eye(len(self.weights))
        least = [self._cheapest(cycles, _unlimited(), unit) for unit in units]
        amounts = [solution.amounts[n] if solution else 0.0 for n, solution in enumerate(least)]
        return amounts[0], amounts[1], amounts[2], amounts[3], amounts[4]

    def least_share(self, cycles: int, limits: Amounts) -> float:
        """Return how much of all ``limits``, 1 being all, is enough for ``cycles``."""
        program = self._program(cycles, np.array(limits), np.zeros_like(self.weights))
        share = program.least_share()
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
        least = self.least_cycles
        return sorted(rate for rate in possible if rate >= least)

    def cheapest(self, cycles: int, limits: Amounts = UNLIMITED) -> Solution | None:
        """Return the cheapest folding within ``cycles`` and ``limits``, None if there is none.

        First without limits, then with those that the one before exceeds: one that keeps within
        the others by itself is the cheapest with them, too.
        """
        every, minded = np.array(limits), _unlimited()
        while True:
            solution = self._cheapest(cycles, minded, self.weights)
            if solution is None:
                return None
            exceeded = (np.array(solution.amounts) > every) & np.isinf(minded)
            if not exceeded.any():
                return solution
            minded[exceeded] = every[exceeded]

    def _cheapest(self, cycles: int, limits: FloatArray, weights: FloatArray) -> Solution | None:
        program = self._program(cycles, limits, weights)
        return program.solve(weights) if all(program.found.values()) else None

    def _program(self, cycles: int, limits: FloatArray, weights: FloatArray) -> Program:
        """Return the program of the choices that can be part of its optimum."""
        found = {
            name: each.unbeaten(cycles, weights, limits)
            for name, each in self._alternatives.items()
        }
        return Program(self.edges, self.adapters, found, cycles, limits)


def _unlimited() -> FloatArray:
    return np.array(UNLIMITED)


def _alternatives(found: Mapping[str, Sequence[Choice]]) -> dict[str, Alternatives]:
    return {name: Alternatives.of(choices) for name, choices in found.items()}
