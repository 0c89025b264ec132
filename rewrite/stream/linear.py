"""Adder graphs as datapaths of values without signs, and what follows the sums of a layer.

``value(n) = left - (right << shift)``   is stored as   ``left + (~right << shift)``

With ``right`` of w bits, ``~right = 2**w - 1 - right``: what is stored is ``(2**w - 1) << shift``
more than the value, at least 0, and no bits above those of the operands are to be inverted.
``Stored.excess`` is by how much; it is added up along the graph, and the offset behind the sums is
less by that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from ir.adders import AdderGraph, Sum
from ir.datapath import Datapath, Lane, Operation, Operator
from ir.numbers import IntArray, IntegerType
from ir.requantize import ScaleRequantization


@dataclass(frozen=True, slots=True)
class Stored:
    """A value of a datapath: number ``node``, from ``low`` to ``high``, ``excess`` too much."""

    node: int
    low: int
    high: int
    excess: int

    @property
    def mask(self) -> int:
        """Ones in all of its bits."""
        return IntegerType.spanning(self.low, self.high).maximum


@dataclass(slots=True)
class DatapathBuilder:
    """Collects the operations of layers, one behind the other.

    ``values``: what the next layer reads.
    """

    source: IntegerType
    inputs: int
    operations: list[Operation] = field(default_factory=list)
    values: list[Stored] = field(default_factory=list)

    def __post_init__(self) -> None:
        low = self.source.minimum
        span = self.source.maximum - low
        self.values = [Stored(node, 0, span, -low) for node in range(self.inputs)]

    def add(self, graph: AdderGraph) -> list[Stored]:
        """Add ``graph`` behind ``values``; return all of its values."""
        found = list(self.values)
        lows, highs = _ranges(graph.coefficients(), self.values)
        for node, addition in enumerate(graph.additions, graph.inputs):
            left, right = found[addition.left], found[addition.right]
            operator, excess = Operator.ADD, right.excess
            if addition.subtracts:
                operator, excess = Operator.ADD_INVERTED, right.mask - right.excess
            excess = left.excess + (excess << addition.shift)
            low, high = lows[node] + excess, highs[node] + excess
            operation = Operation(operator, low, high, left.node, right.node, addition.shift)
            found.append(Stored(self.put(operation), low, high, excess))
        return found

    def put(self, operation: Operation) -> int:
        """Add ``operation``; return the number of its value."""
        self.operations.append(operation)
        return self.inputs + len(self.operations) - 1

    def requantize(
        self, found: Sequence[Stored], sums: Sequence[Sum], function: ScaleRequantization
    ) -> None:
        """Let ``values`` be the codes of ``sums``, which have the factors of ``function`` in them.

        They are stored without ``function.low``.
        """
        self.values = [
            self._code(found, of, int(offset), function)
            for of, offset in zip(sums, function.offsets, strict=True)
        ]

    def _code(
        self, found: Sequence[Stored], of: Sum, offset: int, function: ScaleRequantization
    ) -> Stored:
        low, top = function.low, function.high - function.low
        offset -= low << function.shift
        if of.node < 0:
            constant = min(max(offset >> function.shift, 0), top)
            node = self.put(Operation(Operator.CONSTANT, constant, constant, constant=constant))
            return Stored(node, constant, constant, -low)
        value = found[of.node]
        # Bits that the sum's shift and that of the codes have in common are zeros of the sum.
        common = min(of.shift, function.shift)
        left, right = of.shift - common, function.shift - common
        offset >>= common
        constant = offset + (value.excess << left) * (1 if of.negative else -1)
        summed = self._offset(value, left, constant, of.negative)
        low_code, high_code = (min(max(end >> right, 0), top) for end in (summed.low, summed.high))
        operation = Operation(
            Operator.CLAMP, low_code, high_code, summed.node, shift=right, constant=high_code
        )
        return Stored(self.put(operation), low_code, high_code, -low)

    def _offset(self, value: Stored, shift: int, constant: int, negative: bool) -> Stored:
        """Return ``constant`` plus, or less, a value."""
        if constant == 0 and shift == 0 and not negative:
            return value
        ends = value.low << shift, value.high << shift
        low, high = (-ends[1], -ends[0]) if negative else ends
        operator = Operator.OFFSET_LESS if negative else Operator.OFFSET
        low, high = low + constant, high + constant
        operation = Operation(operator, low, high, value.node, shift=shift, constant=constant)
        return Stored(self.put(operation), low, high, 0)

    def codes(self, base: int) -> Datapath:
        """Return the datapath whose lanes are ``values`` plus ``base``."""
        lanes = tuple(Lane(value.node) for value in self.values)
        return Datapath(self.source, self.inputs, tuple(self.operations), lanes, base)


def linear(graph: AdderGraph, source: IntegerType) -> Datapath:
    """Return ``graph`` as a datapath whose lanes are its sums, each its ``excess`` more.

    A sum that is negated leaves as if it were not.
    """
    builder = DatapathBuilder(source, graph.inputs)
    found = builder.add(graph)
    lanes = (
        Lane(found[of.node].node, of.shift, found[of.node].excess << of.shift)
        if of.node >= 0
        else Lane(-1)
        for of in graph.sums
    )
    return Datapath(source, graph.inputs, tuple(builder.operations), tuple(lanes))


def _ranges(coefficients: IntArray, inputs: Sequence[Stored]) -> tuple[list[int], list[int]]:
    """Return the least and the greatest of each sum of inputs, as they are: both occur."""
    lows = np.array([value.low - value.excess for value in inputs], np.int64)
    highs = np.array([value.high - value.excess for value in inputs], np.int64)
    positive, negative = np.maximum(coefficients, 0), np.minimum(coefficients, 0)
    least = positive @ lows + negative @ highs
    most = positive @ highs + negative @ lows
    return least.tolist(), most.tolist()
