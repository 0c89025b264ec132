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
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import coo_array

from ir.elements import Element, StreamType
from ir.goal import Amounts
from ir.resources import Resources
from rewrite.stream.adapters import Adapters, values_of
from rewrite.stream.choices import Beat, Choice, counted
from rewrite.stream.counts import with_channels

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
        return values_of(with_channels(self.stream, padding))

    def beats(self, sent: Beat, read: Beat) -> int | None:
        """Return the beats per frame where these meet, which is where there are most.

        None if no adapter makes the one of the other.
        """
        if sent.padding != read.padding or (self.same and sent != read):
            return None
        return self.values(sent.padding).shape.size // math.gcd(sent.lanes, read.lanes)

    def adapter(self, adapters: Adapters, sent: Beat, read: Beat) -> Resources:
        """Return the cost of what makes the beats that are read of those sent."""
        return adapters.between(self.values(sent.padding), sent.lanes, read.lanes)


@dataclass(slots=True)
class Program:
    """The integer program for a number of cycles.

    ``found``: the choices that are fast enough, by the names of elements; ``limits``: the most that
    may be used of each resource.
    """

    edges: Sequence[Edge]
    adapters: Adapters
    found: Mapping[str, Sequence[Choice]]
    cycles: int
    limits: FloatArray
    costs: list[Amounts] = field(default_factory=list)
    entries: list[tuple[int, int, float]] = field(default_factory=list)
    sums: list[float] = field(default_factory=list)

    def solve(self, weights: FloatArray) -> Solution | None:
        """Return the optimum for what resources cost; None if nothing satisfies all constraints."""
        numbers = self._choices()
        if numbers is None:
            return None
        costs, whole = np.array(self.costs, np.float64), sum(map(len, numbers.values()))
        constraints = [self._equations(len(costs))]
        is_limited = np.isfinite(self.limits)
        if is_limited.any():
            limits = self.limits[is_limited]
            constraints.append(LinearConstraint(costs.T[is_limited], -np.inf, limits))
        x = _optimum(costs @ weights, whole, Bounds(0, 1), constraints)
        if x is None:
            return None
        return self._solution(
            {
                name: self.found[name][int(np.argmax(x[variables]))]
                for name, variables in numbers.items()
            }
        )

    def least_share(self) -> float | None:
        """Return the least share of all limits that is enough: a variable more, the last."""
        numbers = self._choices()
        if numbers is None:
            return None
        is_limited = np.isfinite(self.limits)
        costs, whole = np.array(self.costs, np.float64), sum(map(len, numbers.values()))
        matrix = np.hstack([costs.T[is_limited], -self.limits[is_limited, None]])
        count = len(costs) + 1
        upper = np.append(np.ones(len(costs)), np.inf)
        objective = np.append(np.zeros(len(costs)), 1.0)
        constraints = [self._equations(count), LinearConstraint(matrix, -np.inf, 0)]
        x = _optimum(objective, whole, Bounds(0, upper), constraints)
        return None if x is None else float(x[-1])

    def _choices(self) -> dict[str, list[int]] | None:
        """Add all variables; return those of the choices, which come first.

        None if a stream has no lanes that are quick enough.
        """
        numbers = {
            name: self._variables(c.amounts for c in found) for name, found in self.found.items()
        }
        for variables in numbers.values():
            self._equal([(variable, 1.0) for variable in variables], 1.0)
        is_carried = [self._flow(edge, numbers) for edge in self.edges]
        return numbers if all(is_carried) else None

    def _equations(self, count: int) -> LinearConstraint:
        """Return the equations of choices and flows, for ``count`` variables."""
        matrix = coo_array(
            (
                [value for _, _, value in self.entries],
                ([row for row, _, _ in self.entries], [column for _, column, _ in self.entries]),
            ),
            shape=(len(self.sums), count),
        ).tocsr()
        return LinearConstraint(matrix, self.sums, self.sums)

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
        adapters = (edge.adapter(self.adapters, u, v) for u, v in pairs)
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
        for edge in self.edges:
            sent, reader = foldings[edge.sender].sends, foldings[edge.reader]
            read = reader.reads[edge.operand]
            cost += edge.adapter(self.adapters, sent, read)
            beats = edge.beats(sent, read)
            if beats is not None and beats > cycles:
                cycles, element = beats, reader.element
        return Solution(foldings, cost, cycles, element)


def _optimum(
    objective: FloatArray, whole: int, bounds: Bounds, constraints: Sequence[LinearConstraint]
) -> FloatArray | None:
    """Return the variables, the first ``whole`` of them integers, for the least ``objective``."""
    result = milp(
        objective,
        integrality=np.arange(len(objective)) < whole,
        bounds=bounds,
        constraints=constraints,
        options={"mip_rel_gap": 0.0},
    )
    return None if result.x is None else result.x
