"""Adder graphs of matrices: what rows have in common, and what is left of each, added in order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from ir.adders import AdderGraph
from ir.numbers import IntArray
from rewrite.stream.adder_builder import AdderBuilder, Scaled
from rewrite.stream.common_terms import common_terms
from rewrite.stream.sum_order import Terms, sum_order

ORDERS = 30
"""In which a sum is tried to be added."""


def shared_sums(matrix: IntArray, span: int, depth: int, seed: int) -> AdderGraph:
    """Return an adder graph of ``matrix``, (outputs, inputs).

    Args:
        matrix: of whole numbers.
        span: greatest less least of each input.
        depth: levels of a sum at most, if it is not deeper by itself.
        seed: which of several searches.
    """
    rows = common_terms(matrix, span, depth, seed)
    inputs = matrix.shape[1]
    sums = _Sums(AdderBuilder(inputs), [_Range(0, span, 0)] * inputs)
    values = [Scaled(value) for value in range(inputs)]
    for first, second, shift, differ in rows.sources[inputs:].tolist():
        one, two = values[first], values[second]
        one = Scaled(one.node, one.exponent + max(-shift, 0), one.sign)
        two = Scaled(two.node, two.exponent + max(shift, 0), -two.sign if differ else two.sign)
        values.append(sums.add(one, two))
    found = [sums.all_of([*_terms(row, values)], depth) for row in rows.coefficients]
    return sums.builder.graph(found)


def _terms(row: IntArray, values: list[Scaled]) -> Iterator[Scaled]:
    """Yield a row's values times the canonical signed digits of its coefficients."""
    for place in np.flatnonzero(row):
        value, rest, exponent = values[place], int(row[place]), 0
        while rest:
            if rest & 1:
                digit = 2 - (rest & 3)
                yield Scaled(value.node, value.exponent + exponent, value.sign * digit)
                rest -= digit
            rest, exponent = rest >> 1, exponent + 1


@dataclass(frozen=True, slots=True)
class _Range:
    """Between what a value lies as it is stored, at the most, and adders in a row up to it."""

    least: int
    greatest: int
    level: int


@dataclass(slots=True)
class _Sums:
    """What is added so far; ``ranges`` of all values."""

    builder: AdderBuilder
    ranges: list[_Range] = field(default_factory=list)

    def add(self, left: Scaled, right: Scaled) -> Scaled:
        """Return the sum of two values."""
        found = self.builder.add(left, right)
        if found.node == len(self.ranges):
            addition = self.builder.additions[-1]
            own, other = self.ranges[addition.left], self.ranges[addition.right]
            low, high = other.least, other.greatest
            if addition.subtracts:
                mask = (1 << high.bit_length()) - 1
                low, high = mask - high, mask - low
            low, high = own.least + (low << addition.shift), own.greatest + (high << addition.shift)
            self.ranges.append(_Range(low, high, 1 + max(own.level, other.level)))
        return found

    def all_of(self, terms: list[Scaled], depth: int) -> Scaled:
        """Return the sum of values."""
        if not terms:
            return Scaled(-1)
        ranges = [self.ranges[term.node] for term in terms]
        stored = Terms(
            np.array([each.least for each in ranges]),
            np.array([each.greatest for each in ranges]),
            np.array([term.exponent for term in terms]),
            np.array([term.sign for term in terms]),
            np.array([each.level for each in ranges]),
        )
        for left, right in sum_order(stored, depth, ORDERS).tolist():
            terms.append(self.add(terms[left], terms[right]))
        return terms[-1]
