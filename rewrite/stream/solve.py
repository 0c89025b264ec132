"""The cheapest folding for a number of cycles: an exact optimum over all choices of all elements.

Once the cycles are fixed, elements only meet where the lanes of a sender and a reader differ: what
adapts them is part of the cost.  As a mixed integer program: ``x(e, c)`` is 1 for the choice c of
element e; ``y(s, r, u, v)`` is 1 if the stream from s to r is sent in u lanes and read in v:

    sum over c of x(e, c) = 1
    sum over v of y(s, r, u, v) = sum over the c that send u lanes of x(s, c); likewise for readers
    sum of all costs of a resource <= its limit
    minimize the sum of all costs, each resource in parts of what the FPGA has

The y are the flow of a path through the lanes, so without limits the relaxation of a chain is whole
already, and branching is rare.  HiGHS solves it (Huangfu and Hall, "Parallelizing the dual revised
simplex method", 2018).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import coo_array

from ir.elements import Element, Fifo, Reshape, Shape, StreamType, sources
from ir.goal import Amounts
from ir.graph import StreamGraph
from ir.resources import Resources
from rewrite.stream.adapters import Adapters, without_reshapes
from rewrite.stream.choices import Beat, Choice, Cost, choices, counted

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Solution:
    """Foldings by name of their element, and what they cost with all that adapts their streams.

    ``cycles`` per frame, of ``slowest``: an element, or what reads a stream where lanes meet.
    """

    foldings: Mapping[str, Choice]
    cost: Resources
    cycles: int
    slowest: Element

    @property
    def amounts(self) -> Amounts:
        """What it is judged by."""
        return counted(self.cost, sum(choice.products for choice in self.foldings.values()))


@dataclass(frozen=True, slots=True)
class Edge:
    """A stream between two elements, which may be adapted unless ``same``.

    ``operand``: which of its streams it is for the reader.
    """

    sender: str
    reader: str
    operand: int
    stream: StreamType
    same: bool

    def values(self, padding: int) -> StreamType:
        """Return what is sent, as values, if its pixels are padded."""
        shape = self.stream.shape
        size = shape.size + shape.pixels * padding
        return StreamType(Shape(1, 1, size), self.stream.number, 1)

    def beats(self, sent: Beat, read: Beat) -> int | None:
        """Return the beats per frame where these meet, which is where there are most.

        None if no adapter makes the one of the other.
        """
        if sent.padding != read.padding or (self.same and sent != read):
            return None
        return self.values(sent.padding).shape.size // math.gcd(sent.lanes, read.lanes)


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
        least = [_Program(self, found, cycles, None).solve(unit) for unit in units]
        amounts = [solution.amounts[n] if solution else 0.0 for n, solution in enumerate(least)]
        return amounts[0], amounts[1], amounts[2], amounts[3], amounts[4]

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

    def adapter(self, edge: Edge, sent: Beat, read: Beat) -> Resources:
        """Return the cost of what makes the beats of ``edge`` that are read of those sent."""
        return self.adapters.between(edge.values(sent.padding), sent.lanes, read.lanes)

    def cheapest(self, cycles: int, limits: Amounts | None = None) -> Solution | None:
        """Return the cheapest folding within ``cycles`` and ``limits``, None if there is none."""
        found = self._within(cycles)
        if not all(found.values()):
            return None
        return _Program(self, found, cycles, limits).solve(self.weights)

    def _within(self, cycles: int) -> dict[str, list[Choice]]:
        return {
            name: [choice for choice in all_of_it if choice.cycles <= cycles]
            for name, all_of_it in self.choices.items()
        }


@dataclass(slots=True)
class _Program:
    """The integer program for a number of cycles."""

    problem: Problem
    found: Mapping[str, Sequence[Choice]]
    cycles: int
    limits: Amounts | None
    costs: list[Amounts] = field(default_factory=list)
    entries: list[tuple[int, int, float]] = field(default_factory=list)
    sums: list[float] = field(default_factory=list)

    def solve(self, weights: FloatArray) -> Solution | None:
        """Return the optimum for what resources cost; None if nothing satisfies all constraints."""
        numbers = {
            name: self._variables(c.amounts for c in found) for name, found in self.found.items()
        }
        whole = len(self.costs)
        for variables in numbers.values():
            self._equal([(variable, 1.0) for variable in variables], 1.0)
        for edge in self.problem.edges:
            if not self._flow(edge, numbers):
                return None
        costs = np.array(self.costs, np.float64)
        matrix = coo_array(
            (
                [value for _, _, value in self.entries],
                ([row for row, _, _ in self.entries], [column for _, column, _ in self.entries]),
            ),
            shape=(len(self.sums), len(costs)),
        ).tocsr()
        constraints = [LinearConstraint(matrix, self.sums, self.sums)]
        if self.limits is not None:
            constraints.append(LinearConstraint(costs.T, -np.inf, np.array(self.limits)))
        result = milp(
            costs @ weights,
            integrality=np.arange(len(costs)) < whole,
            bounds=Bounds(0, 1),
            constraints=constraints,
            options={"mip_rel_gap": 0.0},
        )
        if result.x is None:
            return None
        foldings = {
            name: self.found[name][int(np.argmax(result.x[variables]))]
            for name, variables in numbers.items()
        }
        return self._solution(foldings)

    def _variables(self, costs: Iterable[Amounts]) -> list[int]:
        first = len(self.costs)
        self.costs.extend(costs)
        return list(range(first, len(self.costs)))

    def _equal(self, terms: Sequence[tuple[int, float]], total: float) -> None:
        row = len(self.sums)
        self.sums.append(total)
        self.entries.extend((row, column, value) for column, value in terms)

    def _flow(self, edge: Edge, numbers: Mapping[str, Sequence[int]]) -> bool:
        """Add the variables of a stream; say whether any pair of lanes is quick enough."""
        senders, readers = self.found[edge.sender], self.found[edge.reader]
        sent = sorted({choice.sends for choice in senders})
        read = sorted({choice.reads[edge.operand] for choice in readers})
        pairs = [(u, v) for u in sent for v in read if self._carries(edge, u, v)]
        adapters = (self.problem.adapter(edge, u, v) for u, v in pairs)
        flows = self._variables(counted(adapter) for adapter in adapters)
        for lanes in sent:
            terms = [(y, 1.0) for y, (u, _) in zip(flows, pairs, strict=True) if u == lanes]
            chosen = zip(numbers[edge.sender], senders, strict=True)
            self._equal(terms + [(x, -1.0) for x, c in chosen if c.sends == lanes], 0.0)
        for lanes in read:
            terms = [(y, 1.0) for y, (_, v) in zip(flows, pairs, strict=True) if v == lanes]
            chosen = zip(numbers[edge.reader], readers, strict=True)
            taken = [(x, -1.0) for x, c in chosen if c.reads[edge.operand] == lanes]
            self._equal(terms + taken, 0.0)
        return bool(pairs)

    def _carries(self, edge: Edge, sent: Beat, read: Beat) -> bool:
        beats = edge.beats(sent, read)
        return beats is not None and beats <= self.cycles

    def _solution(self, foldings: Mapping[str, Choice]) -> Solution:
        slowest = max(foldings.values(), key=lambda choice: choice.cycles)
        cycles, element = slowest.cycles, slowest.slowest
        cost = sum((choice.cost for choice in foldings.values()), Resources())
        for edge in self.problem.edges:
            sent, reader = foldings[edge.sender].sends, foldings[edge.reader]
            read = reader.reads[edge.operand]
            cost += self.problem.adapter(edge, sent, read)
            beats = edge.beats(sent, read)
            if beats is not None and beats > cycles:
                cycles, element = beats, reader.element
        return Solution(foldings, cost, cycles, element)
