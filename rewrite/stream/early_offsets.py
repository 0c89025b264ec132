"""Offsets in front of the last adders instead of behind them, where that takes a level less.

    s = a + (b << k);  t = c + s     becomes     p = c + a;  t = p + (b << k)

where nothing else reads ``s``, and ``a`` is there before ``b``.  The same with ``c - s``, with
``~b``, with the operands exchanged if ``k`` is 0, and again for ``p`` where ``a`` is such a sum.
Exact: ``-b = ~b - mask``, with ones in all bits of ``b`` in ``mask``, and constants are added up.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from ir.datapath import OFFSETS, SUMS, Datapath, Operation, Operator
from ir.numbers import IntegerType


def early_offsets(datapath: Datapath) -> Datapath:
    """Return ``datapath`` with each offset where its sum is there first."""
    return without_unread(_Rewrite(datapath).rewritten())


def without_unread(datapath: Datapath) -> Datapath:
    """Return ``datapath`` without operations that nothing reads."""
    read = {lane.node for lane in datapath.lanes}
    for node in range(len(datapath.operations) - 1, -1, -1):
        if node + datapath.inputs in read:
            read.update(datapath.operations[node].operands)
    kept: list[Operation] = []
    numbers = {-1: -1, **{node: node for node in range(datapath.inputs)}}
    for node, operation in enumerate(datapath.operations, datapath.inputs):
        if node in read:
            numbers[node] = datapath.inputs + len(kept)
            kept.append(_renumbered(operation, numbers))
    lanes = tuple(replace(lane, node=numbers[lane.node]) for lane in datapath.lanes)
    return replace(datapath, operations=tuple(kept), lanes=lanes)


def _renumbered(operation: Operation, numbers: dict[int, int]) -> Operation:
    return replace(operation, left=numbers[operation.left], right=numbers[operation.right])


@dataclass(frozen=True, slots=True)
class _Term:
    """``constant`` plus value ``node``, or ``less`` it; then comes the sum with ``other``.

    ``inverts``: each bit of ``other``, which is shifted by ``shift``.
    """

    node: int
    less: bool
    constant: int
    other: int
    inverts: bool
    shift: int


@dataclass(slots=True)
class _Rewrite:
    """The operations so far; ``numbers``: new ones of old values; ``levels``: of new values."""

    old: Datapath
    operations: list[Operation] = field(default_factory=list)
    numbers: dict[int, int] = field(default_factory=dict)
    levels: list[int] = field(default_factory=list)
    readers: Counter[int] = field(default_factory=Counter)

    def rewritten(self) -> Datapath:
        """Return the datapath; what its offsets no longer read is still there."""
        self.numbers = {-1: -1, **{node: node for node in range(self.old.inputs)}}
        self.levels = [0] * self.old.inputs
        for operation in self.old.operations:
            self.readers.update(operation.operands)
        self.readers.update(lane.node for lane in self.old.lanes)
        for node, operation in enumerate(self.old.operations, self.old.inputs):
            if operation.operator in OFFSETS and operation.shift == 0:
                less = operation.operator == Operator.OFFSET_LESS
                new = self._displaced(operation.left, operation.constant, less)
            else:
                new = self._put(_renumbered(operation, self.numbers))
            self.numbers[node] = new
        lanes = tuple(replace(lane, node=self.numbers[lane.node]) for lane in self.old.lanes)
        return replace(self.old, operations=tuple(self.operations), lanes=lanes)

    def _put(self, operation: Operation) -> int:
        self.operations.append(operation)
        before = max((self.levels[operand] for operand in operation.operands), default=0)
        self.levels.append(before + operation.level)
        return len(self.levels) - 1

    def _displaced(self, node: int, constant: int, less: bool) -> int:
        """Add ``constant`` plus, or less, an old value; return the number of the new one."""
        low, high = self._ends(node)
        low, high = (constant - high, constant - low) if less else (constant + low, constant + high)
        terms = [*self._terms(node, constant, less)]
        best = min(terms, key=self._level, default=None)
        if best is None or self._level(best) > self._level_of(node):
            operator = Operator.OFFSET_LESS if less else Operator.OFFSET
            return self._put(Operation(operator, low, high, self.numbers[node], constant=constant))
        left = self._displaced(best.node, best.constant, best.less)
        operator = Operator.ADD_INVERTED if best.inverts else Operator.ADD
        right = self.numbers[best.other]
        return self._put(Operation(operator, low, high, left, right, best.shift))

    def _terms(self, node: int, constant: int, less: bool) -> Iterator[_Term]:
        """Yield how a sum that nothing else reads can be taken apart."""
        if node < self.old.inputs or self.readers[node] != 1:
            return
        operation = self.old.operations[node - self.old.inputs]
        if operation.operator not in SUMS or self._ends(operation.left)[0] < 0:
            return
        inverted = operation.operator == Operator.ADD_INVERTED
        left, right, shift = operation.left, operation.right, operation.shift
        mask = self._mask(right) << shift if less else 0
        yield _Term(left, less, constant - mask, right, inverted != less, shift)
        if shift == 0:
            masks = (self._mask(left) if less else 0, self._mask(right) if inverted else 0)
            moved = constant - masks[0] + (-masks[1] if less else masks[1])
            yield _Term(right, less != inverted, moved, left, less, 0)

    def _level(self, term: _Term) -> int:
        """Return the level of the sum with ``other``."""
        first = min(
            [
                1 + self._level_of(term.node),
                *(self._level(t) for t in self._terms(term.node, term.constant, term.less)),
            ]
        )
        return 1 + max(first, self._level_of(term.other))

    def _level_of(self, node: int) -> int:
        return self.levels[self.numbers[node]]

    def _ends(self, node: int) -> tuple[int, int]:
        if node < self.old.inputs:
            return 0, self.old.source.maximum - self.old.source.minimum
        operation = self.old.operations[node - self.old.inputs]
        return operation.low, operation.high

    def _mask(self, node: int) -> int:
        """Return ones in all bits of a value that is never negative."""
        return IntegerType.spanning(*self._ends(node)).maximum
