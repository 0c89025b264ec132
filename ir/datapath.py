"""What adders make of a vector in one pass: sums of shifted values, constants, clamps.

Every value is stored without a sign, so that no adder has sign bits to repeat: a difference,
``left - right``, is stored as ``left + ~right``, which is a constant more and never negative.  What
was added in that way is known (``rewrite/stream/linear.py``), and the constant that follows the
sums anyway takes it off again.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from ir.numbers import IntArray, IntegerType


class Operator(IntEnum):
    """What an operation does; the numbers are those that adder_graph.vhd reads.

    ADD: ``left + (right << shift)``.  ADD_INVERTED: the same with every bit of ``right`` inverted.
    OFFSET: ``constant + (left << shift)``.  OFFSET_LESS: ``constant - (left << shift)``.
    CLAMP: ``left >> shift`` (floor), at least 0 and at most ``constant``.  CONSTANT: ``constant``.
    """

    ADD = 0
    ADD_INVERTED = 1
    OFFSET = 2
    OFFSET_LESS = 3
    CLAMP = 4
    CONSTANT = 5


SUMS = (Operator.ADD, Operator.ADD_INVERTED)
OFFSETS = (Operator.OFFSET, Operator.OFFSET_LESS)


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation; ``left`` and ``right``: numbers of values, -1 where there is none.

    ``low`` and ``high``: what its value lies between; ``low`` is negative behind offsets only.
    ``stage``: register stages in front of it.
    """

    operator: Operator
    low: int
    high: int
    left: int = -1
    right: int = -1
    shift: int = 0
    constant: int = 0
    stage: int = 0

    @property
    def operands(self) -> tuple[int, ...]:
        """The numbers of the values that it reads, each once."""
        return tuple({number for number in (self.left, self.right) if number >= 0})

    @property
    def number(self) -> IntegerType:
        """The narrowest type of its value."""
        return IntegerType.spanning(self.low, self.high)

    @property
    def level(self) -> int:
        """Levels of adders, or of the choice that a clamp is: none of a constant."""
        return 0 if self.operator == Operator.CONSTANT else 1


@dataclass(frozen=True, slots=True)
class Lane:
    """An output: ``value(node) << shift``; 0 if ``node`` is -1.

    It is ``excess`` more than what it stands for.
    """

    node: int
    shift: int = 0
    excess: int = 0


@dataclass(frozen=True, slots=True)
class Datapath:
    """Operations on ``inputs`` values of type ``source``, and what leaves as ``lanes``.

    Values 0 to ``inputs`` - 1 are what the inputs are above ``source.minimum``, the ones behind
    them those of ``operations``, whose operands stand before them.  ``base`` is added to each lane.
    ``stages``: register stages in front of the lanes.
    """

    source: IntegerType
    inputs: int
    operations: tuple[Operation, ...]
    lanes: tuple[Lane, ...]
    base: int = 0
    stages: int = 0

    def numbers(self) -> list[IntegerType]:
        """Return the narrowest type of each value."""
        plain = IntegerType(self.source.bits, False)
        return [plain] * self.inputs + [operation.number for operation in self.operations]

    def lifetimes(self) -> tuple[list[int], list[int]]:
        """Return the stage at which each value is formed, and that of its last use."""
        first = [0] * self.inputs + [operation.stage for operation in self.operations]
        last = list(first)
        for operation in self.operations:
            for operand in operation.operands:
                last[operand] = max(last[operand], operation.stage)
        for lane in self.lanes:
            if lane.node >= 0:
                last[lane.node] = self.stages
        return first, last

    def values(self, x: IntArray) -> IntArray:
        """Return all values, (frames, values), for codes (frames, ``inputs``)."""
        found = list((np.asarray(x, np.int64) - self.source.minimum).T)
        numbers = self.numbers()
        for operation in self.operations:
            found.append(self._value(operation, found, numbers))
        return np.stack(found, axis=1)

    def __call__(self, x: IntArray) -> IntArray:
        """Return what leaves, (frames, lanes), for codes (frames, ``inputs``)."""
        values = self.values(x)
        out: IntArray = np.full((len(values), len(self.lanes)), self.base, np.int64)
        for column, lane in zip(out.T, self.lanes, strict=True):
            if lane.node >= 0:
                column += values[:, lane.node] << lane.shift
        return out

    def _value(
        self, operation: Operation, found: list[IntArray], numbers: list[IntegerType]
    ) -> IntArray:
        match operation.operator:
            case Operator.ADD:
                return found[operation.left] + (found[operation.right] << operation.shift)
            case Operator.ADD_INVERTED:
                inverted = numbers[operation.right].maximum - found[operation.right]
                return found[operation.left] + (inverted << operation.shift)
            case Operator.OFFSET:
                return operation.constant + (found[operation.left] << operation.shift)
            case Operator.OFFSET_LESS:
                return operation.constant - (found[operation.left] << operation.shift)
            case Operator.CLAMP:
                shifted = found[operation.left] >> operation.shift
                limited: IntArray = np.clip(shifted, 0, operation.constant)
                return limited
            case Operator.CONSTANT:
                return np.full_like(found[0], operation.constant)


def readers(datapath: Datapath) -> list[list[int]]:
    """Return the numbers of the operations that read each value, once for each operand."""
    found: list[list[int]] = [[] for _ in range(datapath.inputs + len(datapath.operations))]
    for node, operation in enumerate(datapath.operations, datapath.inputs):
        for operand in operation.operands:
            found[operand].append(node)
    return found


def levels(datapath: Datapath) -> list[int]:
    """Return how many levels stand in a row up to each value, its own one included."""
    found = [0] * datapath.inputs
    for operation in datapath.operations:
        before = max((found[operand] for operand in operation.operands), default=0)
        found.append(before + operation.level)
    return found
