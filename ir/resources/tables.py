"""Constant tables in logic: which of their bits need a look-up table at all."""

from __future__ import annotations

import numpy as np

from ir.numbers import IntArray
from ir.resources.memory import rom

SHALLOW_WORDS = 40
"""Up to so many, a column of a table is a LUT6 wherever it stands."""

RESETTING_WORDS, LUT_WORDS = 4, 64

DEEP_WORDS_PER_LUT, WORDS_PER_LUT = 16, 28
"""Of longer tables, and of those as long as a LUT6, if they are not on the longest path: abc then
shares badly."""

SEARCHED_WORDS = 64
"""Columns of longer tables are taken for different: random ones are, and to look takes time."""

SEARCHED_COLUMNS = 1 << 14
"""Of more columns than these, as many are taken for different as there can be."""


def different_columns(words: IntArray, bits: int) -> int:
    """Return how many bits of a table's words differ from each other and from constants.

    ``words``: (words, values of a word), of ``bits`` bits each.
    """
    count, values = words.shape
    if not searched(count, values * bits):
        return most_columns(count, values * bits)
    planes = np.unpackbits(_narrow(words, bits).view(np.uint8).reshape(count, -1), axis=1)
    columns = np.zeros((planes.shape[1], SEARCHED_WORDS // 8), np.uint8)
    columns[:, : -(-count // 8)] = np.packbits(planes, axis=0).T
    patterns = np.unique(columns.view(np.uint64))
    ones = np.zeros(SEARCHED_WORDS, np.uint8)
    ones[:count] = 1
    constants = (np.uint64(0), np.packbits(ones).view(np.uint64)[0])
    return len(patterns) - sum(int(constant in patterns) for constant in constants)


def searched(count: int, columns: int) -> bool:
    """Return whether ``different_columns`` looks at a table of ``count`` words of so many bits."""
    return count <= SEARCHED_WORDS and columns <= SEARCHED_COLUMNS


def most_columns(count: int, columns: int) -> int:
    """Return how many of ``columns`` of ``count`` bits can differ from each other and constants."""
    return min(columns, (1 << count) - 2)


def _narrow(words: IntArray, bits: int) -> IntArray:
    """Return ``words`` in the narrowest type; bits above are those of signs, or zeros."""
    narrowest = next(n for n in (8, 16, 32, 64) if bits <= n)
    return np.ascontiguousarray(words.astype(f"int{narrowest}"))


def logic_luts(words: int, columns: int) -> float:
    """Return the LUTs of a table in logic; two words are none.

    Of four words, half the columns are one bit of the address, or set and reset a register by it.
    """
    if words <= 2:
        return 0.0
    if words <= RESETTING_WORDS:
        return columns / 2
    if words <= SHALLOW_WORDS:
        return columns
    return columns * words / (WORDS_PER_LUT if words <= LUT_WORDS else DEEP_WORDS_PER_LUT)


def mapped_luts(words: int, columns: int) -> float:
    """Return the LUTs of a table that is mapped with care, on the longest path of its part."""
    if words <= SHALLOW_WORDS:
        return logic_luts(words, columns)
    return columns * max(1.0, words / LUT_WORDS)


def table_luts(words: IntArray, bits: int) -> float:
    """Return ``logic_luts`` of a table of ``words``: see ``different_columns``; 0 in block RAM."""
    count, values = words.shape
    if rom(count, values * bits).bram18:
        return 0.0
    return logic_luts(count, different_columns(words, bits))


def mapped_table_luts(words: IntArray, bits: int) -> float:
    """Return ``mapped_luts`` of a table of ``words``, 0 in block RAM."""
    count, values = words.shape
    if rom(count, values * bits).bram18:
        return 0.0
    return mapped_luts(count, different_columns(words, bits))


def split_by_depth(words: int, luts: float) -> dict[str, float]:
    """Return the LUTs of a table by the name of its depth, as its coefficient depends on that."""
    return {"rom" if words <= SHALLOW_WORDS else "deep_rom": luts}
