"""In which order the terms of a sum are added: few bits of adders, within so many levels.

An adder takes a LUT where both operands have a bit.  In all, the adders of a sum take the bits of
its terms, less those of the sum, and one for each adder of which the sum is a bit wider than its
operands, and for each bit that lies between two operands.  So terms are added where they fit into
bits that are there already.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ir.compiled import compiled
from ir.numbers import IntArray
from rewrite.stream.term_pairs import bit_length, bits_of_sum

WINDOW = 48
"""Terms of the lowest levels among which a pair is looked for."""

_EMPTY, _MIXED, _LEVEL, _TOP, _CHANCE = 0.7, 0.3, 0.05, 0.02, 0.4
"""Weights beside that of a bit that is new: of the part of the sum's bits that its values leave
empty, of different signs, which take inverters, of levels, of the place of the highest bit, and of
chance."""


class Terms(NamedTuple):
    """Values that are added, each a number from ``leasts`` to ``greatests``, stored without a sign.

    It stands for ``sign * number * 2**shift``, and a constant.  ``levels``: adders in a row up to
    it.
    """

    leasts: IntArray
    greatests: IntArray
    shifts: IntArray
    signs: IntArray
    levels: IntArray


def sum_order(terms: Terms, depth: int, tries: int) -> IntArray:
    """Return which terms are added, (terms - 1, 2): what is added is a term behind the others.

    Args:
        terms: at least one.
        depth: levels of the sum at most, if it is not deeper by itself.
        tries: orders of which the cheapest is taken.
    """
    count = len(terms.levels)
    leaves = int(np.sum(1 << terms.levels))
    room = 1 << max(depth, (leaves - 1).bit_length())
    with_sums = Terms(*(np.pad(numbers, (0, count - 1)) for numbers in terms))
    order, found = np.zeros((2, count - 1, 2), np.int64)
    least = -1
    for seed in range(tries):
        bits = _ordered(with_sums, leaves, room, seed, found)
        if least < 0 or bits < least:
            least = bits
            order[:] = found
    return order


@compiled
def added(terms: Terms, one: int, two: int) -> tuple[int, int, int, int]:
    """Return which of two terms is added to which, and between what the sum lies.

    The one with the smaller shift is the left operand, which is never inverted; if their shifts are
    the same, one that has a plus.
    """
    exchanged = _rank(terms, one) > _rank(terms, two)
    left, right = (two, one) if exchanged else (one, two)
    low, high = terms.leasts[right], terms.greatests[right]
    if terms.signs[left] != terms.signs[right]:
        mask = (1 << bit_length(high)) - 1
        low, high = mask - high, mask - low
    shift = terms.shifts[right] - terms.shifts[left]
    low, high = terms.leasts[left] + (low << shift), terms.greatests[left] + (high << shift)
    return left, right, low, high


@compiled
def _rank(terms: Terms, term: int) -> int:
    """Return a number that is greater for the right one of two operands."""
    return 2 * int(terms.shifts[term]) + int(terms.signs[term] < 0)


@compiled
def _ordered(terms: Terms, leaves: int, room: int, seed: int, order: IntArray) -> int:
    """Fill in an order, and the sums; return the bits of all adders.

    The loop over pairs has no calls with arrays and hardly any branches: both take longer than to
    weigh a pair.
    """
    leasts, greatests, shifts, signs, levels = (
        terms.leasts, terms.greatests, terms.shifts, terms.signs, terms.levels,
    )  # fmt: skip
    total = len(levels)
    count = inputs = (total + 1) // 2
    bits, ranks = np.empty(total, np.int64), np.empty(total, np.int64)
    for term in range(inputs):
        bits[term], ranks[term] = bit_length(greatests[term]), _rank(terms, term)
    waiting = np.argsort(levels[:count], kind="mergesort")
    state = (seed * 7919 + 12345) & 0x7FFFFFFF
    empty, chance = _EMPTY, 0.0
    if seed > 0:
        empty, chance = _EMPTY * 2.0 * (seed * 0x9E37 & 0xFFFF) / 65536.0, _CHANCE
    halves = 0.5 ** np.arange(64)
    taken = 0
    for new in range(inputs, total):
        best, chosen = 1e9, (0, 1)
        for one in range(min(count, WINDOW)):
            for two in range(one):
                left, right = waiting[one], waiting[two]
                exchanged = ranks[left] > ranks[right]
                left, right = (right, left) if exchanged else (left, right)
                level = 1 + max(levels[left], levels[right])
                more = (1 << level) - (1 << levels[left]) - (1 << levels[right])
                if more > 0 and leaves + more > room:
                    continue
                shift, is_mixed = shifts[right] - shifts[left], signs[left] != signs[right]
                highest = max(bits[left], bits[right] + shift)
                inverted = (1 << bits[right]) - 1 - leasts[right]
                high = greatests[left] + ((inverted if is_mixed else greatests[right]) << shift)
                wide = bits_of_sum(high, highest)
                # Bits between the operands, always 0, are bits of the sum.
                score = float(wide - highest + max(0, shift - bits[left]))
                score += empty * (1.0 - high * halves[wide])
                score += _MIXED if is_mixed else 0.0
                score += _LEVEL * level + _TOP * (wide + shifts[left])
                state = (state * 1103515245 + 12345) & 0x7FFFFFFF
                score += chance * (state >> 8) / (1 << 23)
                if score < best:
                    best, chosen = score, (one, two)
        left, right, low, high = added(terms, waiting[chosen[0]], waiting[chosen[1]])
        order[new - inputs, 0], order[new - inputs, 1] = left, right
        taken += max(0, min(bits[left] - shifts[right] + shifts[left], bits[right]))
        leasts[new], greatests[new], bits[new] = low, high, bit_length(high)
        shifts[new], signs[new], ranks[new] = shifts[left], signs[left], ranks[left]
        levels[new] = 1 + max(levels[left], levels[right])
        leaves += (1 << levels[new]) - (1 << levels[left])
        leaves -= 1 << levels[right]
        _exchange(waiting, count, chosen, new, levels)
        count -= 1
    return taken


@compiled
def _exchange(
    waiting: IntArray, count: int, old: tuple[int, int], new: int, levels: IntArray
) -> None:
    """Take the terms at two places out of ``count`` in the order of their levels; put one in."""
    place = 0
    for index in range(count):
        if index not in old:
            waiting[place] = waiting[index]
            place += 1
    while place > 0 and levels[waiting[place - 1]] > levels[new]:
        waiting[place] = waiting[place - 1]
        place -= 1
    waiting[place] = new
