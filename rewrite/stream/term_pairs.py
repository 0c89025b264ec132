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
    inputs).  ``spans``: greatest less least of each value, and how many ``bits`` that has;
    ``levels``: adders in a row up to it.
    ``sources`` (most values, 4): of a pair its two values, how much further the second one is
    shifted to the left than the first (negative: the first one), and 1 if they have other signs.
    """

    coefficients: IntArray
    forms: IntArray
    spans: IntArray
    bits: IntArray
    levels: IntArray
    sources: IntArray


class Pairs(NamedTuple):
    """A hash table: ``slots`` have the number of an entry, or -1; of entries there are ``used[0]``.

    ``keys``: which pair.  ``counts``: how many there are.  ``gains``: bits of adders that go if
    each is a single value, 0 if there are not two; a bit is changed at random, by ``seed``.
    ``bounds``: what no gain of each ``GROUP`` entries is above.  ``found``: keys that are to be
    counted.
    """

    slots: npt.NDArray[np.int32]
    keys: IntArray
    counts: npt.NDArray[np.int32]
    gains: npt.NDArray[np.float32]
    bounds: npt.NDArray[np.float32]
    used: IntArray
    found: IntArray
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
        np.empty(2 * MOST_TERMS**2, np.int64),
        seed,
    )


@compiled
def bit_length(number: int) -> int:
    """Return the bits of a number that is not negative."""
    bits = 0
    for step in (32, 16, 8, 4, 2, 1):
        if number >> step:
            number >>= step
            bits += step
    return bits + number


@compiled
def bits_of_sum(total: int, bits: int) -> int:
    """Return the bits of a sum whose operands have ``bits`` at the most: mostly those, or one more.

    It is what ``bit_length`` returns, sooner.
    """
    return bits + (total >> bits) if total << 1 >> bits else bit_length(total)


@compiled
def digits(number: int) -> int:
    """Return how many signed powers of two a number is the sum of, at the least.

    See ``ir.adders.signed_digits``.
    """
    ones = abs(number) ^ (3 * abs(number))
    # Sums of neighbouring bits, of pairs, of fours, then of all bytes.
    ones -= (ones >> 1) & 0x5555555555555555
    ones = (ones & 0x3333333333333333) + ((ones >> 2) & 0x3333333333333333)
    ones = (ones + (ones >> 4)) & 0x0F0F0F0F0F0F0F0F
    return (ones * 0x0101010101010101) >> 56


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
def _key(first: int, exponent: int, second: int, other: int, differ: int) -> int:
    """Return the key of a pair of terms, of the exponents of their powers and 1 if signs differ."""
    if first > second or (first == second and exponent > other):
        first, second, exponent, other = second, first, other, exponent
    return first << 28 | second << 8 | (other - exponent + _MOST_SHIFT) << 1 | differ


@compiled
def _gain(left: int, right: int, span: int, key: int, count: int, seed: int) -> float:
    """Return how many bits of adders are less if each of ``count`` pairs is a single value.

    One adder remains; and where the sum is a bit wider than what it is the sum of, that bit remains
    to be added each time.  ``left``, ``right``: bits of the two values; ``span``: of their sum.
    """
    _, _, shift, _ = pair(key)
    above, below = max(shift, 0), max(-shift, 0)
    highest = max(left + below, right + above)
    overlap = max(0, min(left + below, right + above) - above - below)
    grown = bits_of_sum(span, highest) - highest
    mixed = (key ^ seed * 0x5851F42D4C957) * 0x2545F4914F6CD & 0xFFFFFFFFFFFF
    noise = (mixed >> 16 & 0xFFFF) / 65536.0
    return (count * (overlap - grown) - overlap) * (1.0 + _SPREAD * noise)


@compiled
def _count(pairs: Pairs, rows: Rows, found: IntArray, change: int) -> None:
    """Count the pairs with the keys ``found`` once more, or once less.

    One that finds no room is left out.  All arrays are unpacked once: to pass them on for each pair
    takes several times as long as to count it.
    """
    slots, keys, counts, gains, bounds = (
        pairs.slots, pairs.keys, pairs.counts, pairs.gains, pairs.bounds,
    )  # fmt: skip
    spans, bits = rows.spans, rows.bits
    seed, used, mask = pairs.seed, pairs.used[0], len(pairs.slots) - 1
    for key in found:
        # Pairs of the same two values lie side by side.
        slot = ((key >> 8) * 0x9E3779B97F4A7 >> 20) + (key & 0xFF) & mask
        while slots[slot] >= 0 and keys[slots[slot]] != key:
            slot = (slot + 1) & mask
        entry = slots[slot]
        if entry < 0:
            if used == len(keys):
                continue
            entry = used
            used += 1
            slots[slot] = entry
            keys[entry] = key
        counts[entry] += change
        count = counts[entry]
        gain = 0.0
        if count > 1:
            first, second, shift, _ = pair(key)
            span = (spans[first] << max(-shift, 0)) + (spans[second] << max(shift, 0))
            gain = _gain(bits[first], bits[second], span, key, count, seed)
        gains[entry] = gain
        if gain > bounds[entry // GROUP]:
            bounds[entry // GROUP] = gain
    pairs.used[0] = used


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
    own, theirs = np.empty(MOST_TERMS, np.int64), np.empty(MOST_TERMS, np.int64)
    coefficient = rows.coefficients[row, value]
    number = terms(coefficient, own)
    fewest = digits(coefficient)
    exponents = np.empty(number, np.int64)
    found, count = pairs.found, 0
    for one in range(number):
        exponents[one] = bit_length(abs(own[one]))
        for two in range(one):
            rest = coefficient - own[one] - own[two]
            if exponents[one] != exponents[two] and digits(rest) == fewest - 2:
                differ = (own[one] ^ own[two]) < 0
                found[count] = _key(value, exponents[one], value, exponents[two], differ)
                count += 1
    for other in others:
        if count + number * MOST_TERMS > len(found):
            _count(pairs, rows, found[:count], change)
            count = 0
        for two in range(terms(rows.coefficients[row, other], theirs)):
            exponent = bit_length(abs(theirs[two]))
            for one in range(number):
                differ = (own[one] ^ theirs[two]) < 0
                found[count] = _key(value, exponents[one], other, exponent, differ)
                count += 1
    _count(pairs, rows, found[:count], change)
