"""How often rows of a matrix have each pair of terms: a table that changes with the rows.

A row is a sum of values times coefficients, and a coefficient a sum of signed powers of two, as few
as can be.  Which ones is not always settled: 3 is 4 - 1 and 2 + 1.  A *term* is a value times any
power that is one of the fewest in some such sum.  Pairs of terms that differ by a common factor, a
signed power, are the same pair.

All of this is compiled by Numba.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ir.compiled import compiled
from ir.numbers import IntArray

MOST_TERMS = 128
"""Of one coefficient: two of each of its powers, of 64 bits."""

GROUP = 2048

_MOST_SHIFT = 63

_SPREAD = 0.05
"""By how much of itself a gain is changed at random: searches with other seeds find others."""


class Rows(NamedTuple):
    """Rows as sums of ``inputs`` values and of pairs of values, which are values, too.

    ``coefficients``: (rows, most values).  ``forms``: each value as a sum of inputs, (most values,
    inputs).  ``spans``: greatest less least of each value; ``levels``: adders in a row up to it.
    ``sources`` (most values, 4): of a pair its two values, how much further the second one is
    shifted to the left than the first (negative: the first one), and 1 if they have other signs.
    """

    coefficients: IntArray
    forms: IntArray
    spans: IntArray
    levels: IntArray
    sources: IntArray


class Pairs(NamedTuple):
    """A hash table: ``slots`` have the number of an entry, or -1; of entries there are ``used[0]``.

    ``keys``: which pair.  ``counts``: how many there are.  ``gains``: bits of adders that go if
    each is a single value, 0 if there are not two; a bit is changed at random, by ``seed``.
    ``bounds``: what no gain of each ``GROUP`` entries is above.
    """

    slots: npt.NDArray[np.int32]
    keys: IntArray
    counts: npt.NDArray[np.int32]
    gains: npt.NDArray[np.float32]
    bounds: npt.NDArray[np.float32]
    used: IntArray
    seed: int


def no_pairs(most: int, seed: int) -> Pairs:
    """Return a table with room for ``most`` pairs."""
    return Pairs(
        np.full(1 << (2 * most - 1).bit_length(), -1, np.int32),
        np.zeros(most, np.int64),
        np.zeros(most, np.int32),
        np.zeros(most, np.float32),
        np.zeros(most // GROUP + 1, np.float32),
        np.zeros(1, np.int64),
        seed,
    )


@compiled
def bit_length(number: int) -> int:
    """Return the bits of a number that is not negative."""
    bits = 0
    while number > 0:
        bits += 1
        number >>= 1
    return bits


@compiled
def digits(number: int) -> int:
    """Return how many signed powers of two a number is the sum of, at the least.

    See ``ir.adders.signed_digits``.
    """
    rest = abs(number) ^ (3 * abs(number))
    count = 0
    while rest:
        rest &= rest - 1
        count += 1
    return count


@compiled
def terms(coefficient: int, found: IntArray) -> int:
    """Fill in the powers of which one less leaves a digit less; return how many there are."""
    count = 0
    fewest = digits(coefficient)
    power = 1
    while power <= 2 * abs(coefficient):
        for signed in (power, -power):
            if digits(coefficient - signed) == fewest - 1:
                found[count] = signed
                count += 1
        power <<= 1
    return count


@compiled
def pair(key: int) -> tuple[int, int, int, int]:
    """Return the values of a pair, by how much the second is shifted, and 1 if signs differ.

    A key has one bit for the signs, 7 for the shift, 20 for the second value, and the first one.
    """
    return key >> 28, (key >> 8) & 0xFFFFF, ((key >> 1) & 127) - _MOST_SHIFT, key & 1


@compiled
def _slot(pairs: Pairs, key: int) -> int:
    """Return the slot of a pair, or a free one for it."""
    mask = len(pairs.slots) - 1
    slot = (key * 0x9E3779B97F4A7 >> 20) & mask
    while pairs.slots[slot] >= 0 and pairs.keys[pairs.slots[slot]] != key:
        slot = (slot + 1) & mask
    return slot


@compiled
def _gain(rows: Rows, key: int, count: int, seed: int) -> float:
    """Return how many bits of adders are less if each of ``count`` pairs is a single value.

    One adder remains; and where the sum is a bit wider than what it is the sum of, that bit remains
    to be added each time.
    """
    first, second, shift, _ = pair(key)
    left, right = bit_length(rows.spans[first]), bit_length(rows.spans[second])
    above, below = max(shift, 0), max(-shift, 0)
    overlap = max(0, min(left + below, right + above) - above - below)
    span = (rows.spans[first] << below) + (rows.spans[second] << above)
    grown = bit_length(span) - max(left + below, right + above)
    mixed = (key ^ seed * 0x5851F42D4C957) * 0x2545F4914F6CD & 0xFFFFFFFFFFFF
    noise = (mixed >> 16 & 0xFFFF) / 65536.0
    return (count * (overlap - grown) - overlap) * (1.0 + _SPREAD * noise)


@compiled
def _count(
    pairs: Pairs, rows: Rows, first: int, power: int, second: int, other: int, change: int
) -> None:
    """Count a pair of terms once more, or once less; one that finds no room is left out."""
    if first > second or (first == second and abs(power) > abs(other)):
        first, second, power, other = second, first, other, power
    shift = bit_length(abs(other)) - bit_length(abs(power)) + _MOST_SHIFT
    differ = 1 if (power > 0) != (other > 0) else 0
    key = first << 28 | second << 8 | shift << 1 | differ
    slot = _slot(pairs, key)
    entry = pairs.slots[slot]
    if entry < 0:
        entry = pairs.used[0]
        if entry == len(pairs.keys):
            return
        pairs.used[0] += 1
        pairs.slots[slot] = entry
        pairs.keys[entry] = key
    pairs.counts[entry] += change
    count = pairs.counts[entry]
    gain = _gain(rows, key, count, pairs.seed) if count > 1 else 0.0
    pairs.gains[entry] = gain
    if gain > pairs.bounds[entry // GROUP]:
        pairs.bounds[entry // GROUP] = gain


@compiled
def take_best(pairs: Pairs) -> int:
    """Return the entry of the greatest gain, which is then 0; -1 if there is none."""
    while True:
        group = int(np.argmax(pairs.bounds))
        if pairs.bounds[group] <= 0.0:
            return -1
        gains = pairs.gains[group * GROUP : (group + 1) * GROUP]
        best = int(np.argmax(gains))
        if gains[best] == pairs.bounds[group]:
            gains[best] = 0.0
            return group * GROUP + best
        pairs.bounds[group] = gains[best]


@compiled
def count_pairs(
    pairs: Pairs, rows: Rows, row: int, value: int, others: IntArray, change: int
) -> None:
    """Count the pairs of a row's terms with ``value`` in both, or in one of ``others`` the other.

    ``change``: 1, or -1 for the row as it was counted before it changes.
    """
    own, found = np.empty(MOST_TERMS, np.int64), np.empty(MOST_TERMS, np.int64)
    coefficient = rows.coefficients[row, value]
    number = terms(coefficient, own)
    fewest = digits(coefficient)
    for one in range(number):
        for two in range(one):
            rest = coefficient - own[one] - own[two]
            if abs(own[one]) != abs(own[two]) and digits(rest) == fewest - 2:
                _count(pairs, rows, value, own[one], value, own[two], change)
    for other in others:
        for two in range(terms(rows.coefficients[row, other], found)):
            for one in range(number):
                _count(pairs, rows, value, own[one], other, found[two], change)
