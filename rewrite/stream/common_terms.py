"""What rows of a matrix have in common, two terms at a time.

    a + 2b + c,  a + 2b - 4d     becomes     p = a + 2b;  p + c,  p - 4d

again and again, the pair first of which the most bits of adders go (Hartley, "Subexpression sharing
in filters using canonic signed digit multipliers", 1996; here over all terms that a coefficient may
consist of, and weighted with the bits where both operands have some).
"""

from __future__ import annotations

import numpy as np

from ir.compiled import compiled
from ir.numbers import IntArray
from rewrite.stream.term_pairs import (
    MOST_TERMS,
    Pairs,
    Rows,
    bit_length,
    count_pairs,
    digits,
    no_pairs,
    pair,
    take_best,
    terms,
)

MOST_PAIRS = 1 << 22
"""That are counted at a time, from the first ones on: each takes some 30 bytes."""

_PAIRS_PER_TERM = 200


def common_terms(matrix: IntArray, span: int, depth: int, seed: int) -> Rows:
    """Return ``matrix``, (outputs, inputs), over its inputs and pairs that it has more than once.

    Args:
        matrix: of whole numbers.
        span: greatest less least of each input.
        depth: levels that the adders of a row may have, if it is not deeper by itself.
        seed: which of several searches.
    """
    outputs, inputs = matrix.shape
    ones = int(sum(digits(int(number)) for number in matrix.ravel()))
    most = inputs + ones // 2 + 1
    rows = Rows(
        np.zeros((outputs, most), np.int64),
        np.zeros((most, inputs), np.int64),
        np.zeros(most, np.int64),
        np.zeros(most, np.int64),
        np.zeros(most, np.int64),
        np.zeros((most, 4), np.int64),
    )
    rows.coefficients[:, :inputs] = matrix
    rows.forms[:inputs] = np.eye(inputs, dtype=np.int64)
    rows.spans[:inputs], rows.bits[:inputs] = span, span.bit_length()
    per_row = ones / outputs
    room = min(MOST_PAIRS, int(4 * ones * per_row) + _PAIRS_PER_TERM * ones + 64)
    found = _search(rows, inputs, depth, no_pairs(room, seed))
    return Rows(
        rows.coefficients[:, :found],
        rows.forms[:found],
        rows.spans[:found],
        rows.bits[:found],
        rows.levels[:found],
        rows.sources[:found],
    )


@compiled
def _search(rows: Rows, inputs: int, depth: int, pairs: Pairs) -> int:
    """Make pairs values, the best one first; return how many values there are then."""
    outputs, most = rows.coefficients.shape
    for row in range(outputs):
        present = np.flatnonzero(rows.coefficients[row, :inputs])
        for place, value in enumerate(present):
            count_pairs(pairs, rows, row, int(value), present[:place], 1)
    values = inputs
    placed = np.zeros((outputs, 3), np.int64)
    while values < most:
        best = take_best(pairs)
        if best < 0:
            break
        first, second, shift, differ = pair(pairs.keys[best])
        level = 1 + max(rows.levels[first], rows.levels[second])
        rows.levels[values] = level
        count = 0
        for row in range(outputs):
            placed[row] = 0
            if rows.coefficients[row, first] != 0 and rows.coefficients[row, second] != 0:
                room = (1 << depth) - _leaves(rows, row, values)
                count += _placed(rows, row, first, second, shift, differ, level, room, placed[row])
        if count < 2:
            continue
        rows.sources[values, 0], rows.sources[values, 1] = first, second
        rows.sources[values, 2], rows.sources[values, 3] = shift, differ
        sign = -1 if differ else 1
        for column in range(inputs):
            form = rows.forms[first, column] << max(-shift, 0)
            form += sign * (rows.forms[second, column] << max(shift, 0))
            rows.forms[values, column] = form
            rows.spans[values] += abs(form) * rows.spans[column]
        rows.bits[values] = bit_length(rows.spans[values])
        values += 1
        for row in range(outputs):
            if placed[row, 2] != 0:
                _replace(rows, row, first, second, values - 1, placed[row], pairs)
    return values


@compiled
def _leaves(rows: Rows, row: int, values: int) -> int:
    """Return a row's terms, those of level n as 2**n: a tree of d levels has room for 2**d."""
    total = 0
    for value in range(values):
        if rows.coefficients[row, value] != 0:
            total += digits(rows.coefficients[row, value]) << rows.levels[value]
    return total


@compiled
def _placed(
    rows: Rows,
    row: int,
    first: int,
    second: int,
    shift: int,
    differ: int,
    level: int,
    room: int,
    changed: IntArray,
) -> int:
    """Return how often a row has a pair; fill in the coefficients of both, and of their sum.

    Where there is a choice, the sum's coefficient is to have few digits.
    """
    one, two, total = rows.coefficients[row, first], rows.coefficients[row, second], 0
    found = np.empty(MOST_TERMS, np.int64)
    less = (1 << rows.levels[first]) + (1 << rows.levels[second])
    count = 0
    while one != 0 and two != 0:
        best, fewest = 0, 0
        for place in range(terms(one, found)):
            power = found[place]
            factor = power >> max(-shift, 0)
            if factor << max(-shift, 0) != power:
                continue
            other = (-factor if differ else factor) << max(shift, 0)
            if first == second:
                fits = digits(one - power - other) == digits(one) - 2
            else:
                fits = digits(two - other) == digits(two) - 1
            if fits and (best == 0 or digits(total + factor) < fewest):
                best, fewest = factor, digits(total + factor)
        if best == 0:
            break
        room -= ((fewest - digits(total)) << level) - less
        if room < 0:
            break
        other = (-best if differ else best) << max(shift, 0)
        if first == second:
            one -= (best << max(-shift, 0)) + other
            two = one
        else:
            one -= best << max(-shift, 0)
            two -= other
        total += best
        count += 1
    changed[0], changed[1], changed[2] = one, two, total
    return count


@compiled
def _replace(
    rows: Rows, row: int, first: int, second: int, new: int, changed: IntArray, pairs: Pairs
) -> None:
    """Put a pair into a row as a value, and count the row's pairs anew."""
    values = np.array([first, second, new])
    for change in (-1, 1):
        for place, value in enumerate(values):
            if value == first and place > 0:
                continue  # a pair of a value with itself
            others = np.flatnonzero(rows.coefficients[row, : new + 1])
            for before in values[:place]:
                others = others[others != before]
            count_pairs(pairs, rows, row, value, others[others != value], change)
        if change < 0:
            rows.coefficients[row, first] = changed[0]
            rows.coefficients[row, second] = changed[1]
            rows.coefficients[row, new] = changed[2]
