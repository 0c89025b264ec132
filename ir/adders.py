"""Products with constants, and their sums, as a graph of adders."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ir.numbers import IntArray


@dataclass(frozen=True, slots=True)
class Addition:
    """``value(left) + (value(right) << shift)``, or minus if it ``subtracts``.

    ``left`` and ``right``: numbers of values.
    """

    left: int
    right: int
    shift: int
    subtracts: bool


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
    operands stand before them.
    """

    inputs: int
    additions: tuple[Addition, ...]
    sums: tuple[Sum, ...]

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


def signed_digits(numbers: IntArray) -> IntArray:
    """Return how many digits of each number are not zero, if each is 0, 1 or -1, at the least.

    Those of the canonical signed digits of n are the ones of n xor 3n (Reitwiesner, 1960).
    """
    magnitudes = np.abs(numbers)
    return np.asarray(np.bitwise_count(magnitudes ^ (3 * magnitudes)), np.int64)
