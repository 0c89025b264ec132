"""Products with constants, and their sums, as a graph of adders."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ir.numbers import IntArray, IntegerType


@dataclass(frozen=True, slots=True)
class Addition:
    """``value(left) + (value(right) << shift)``, or minus if it ``subtracts``.

    ``left`` and ``right``: numbers of values; ``stage``: register stages in front of the adder.
    """

    left: int
    right: int
    shift: int
    subtracts: bool
    stage: int = 0


@dataclass(frozen=True, slots=True)
class Sum:
    """An output of a graph: ``value(node) << shift``, less than nothing if ``negative``.

    ``node`` is -1 where the output is always 0.
    """

    node: int
    shift: int = 0
    negative: bool = False


NOTHING = Sum(-1)


@dataclass(frozen=True, slots=True)
class AdderGraph:
    """Outputs as sums of shifted inputs.

    Values 0 to ``inputs`` - 1 are the inputs, the ones behind them those of ``additions``, whose
    operands stand before them.  A value is a register stage later each time that its readers'
    ``stage`` is above its own, and ``sums`` leave behind the last one: ``stages`` edges in all.
    """

    inputs: int
    additions: tuple[Addition, ...]
    sums: tuple[Sum, ...]

    @property
    def stages(self) -> int:
        """Edges from the inputs to the sums, which are registers."""
        return 1 + max((addition.stage for addition in self.additions), default=0)

    def coefficients(self) -> IntArray:
        """Return each value as a sum of inputs: (values, inputs)."""
        forms = np.zeros((self.inputs + len(self.additions), self.inputs), np.int64)
        forms[: self.inputs] = np.eye(self.inputs, dtype=np.int64)
        for node, addition in enumerate(self.additions, self.inputs):
            right = forms[addition.right] << addition.shift
            left = forms[addition.left]
            forms[node] = left - right if addition.subtracts else left + right
        return forms

    def matrix(self) -> IntArray:
        """Return what it multiplies with: (outputs, inputs)."""
        forms = self.coefficients()
        rows = np.zeros((len(self.sums), self.inputs), np.int64)
        for row, of in zip(rows, self.sums, strict=True):
            if of.node >= 0:
                row[:] = (forms[of.node] << of.shift) * (-1 if of.negative else 1)
        return rows

    def ranges(self, inputs: IntegerType) -> tuple[list[int], list[int]]:
        """Return the least and the greatest of each value for inputs of one type: both occur."""
        forms = self.coefficients()
        positive, negative = np.maximum(forms, 0).sum(axis=1), np.minimum(forms, 0).sum(axis=1)
        lows = positive * inputs.minimum + negative * inputs.maximum
        highs = positive * inputs.maximum + negative * inputs.minimum
        return [int(low) for low in lows], [int(high) for high in highs]

    def numbers(self, inputs: IntegerType) -> list[IntegerType]:
        """Return the narrowest type of each value for inputs of one type."""
        ends = zip(*self.ranges(inputs), strict=True)
        return [IntegerType.spanning(low, high) for low, high in ends]

    def lifetimes(self) -> tuple[list[int], list[int]]:
        """Return the stage at which each value is formed, and that of its last use."""
        first = [0] * self.inputs + [addition.stage for addition in self.additions]
        last = list(first)
        for addition in self.additions:
            for operand in (addition.left, addition.right):
                last[operand] = max(last[operand], addition.stage)
        for of in self.sums:
            if of.node >= 0:
                last[of.node] = self.stages
        return first, last


def signed_digits(numbers: IntArray) -> IntArray:
    """Return how many digits of each number are not zero, if each is 0, 1 or -1, at the least.

    Those of the canonical signed digits of n are the ones of n xor 3n (Reitwiesner, 1960).
    """
    magnitudes = np.abs(numbers)
    return np.asarray(np.bitwise_count(magnitudes ^ (3 * magnitudes)), np.int64)
