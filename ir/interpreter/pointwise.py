"""Elements that work on each value or pixel alone."""

from __future__ import annotations

import numpy as np

from ir.elements import Affine, ArgMax, Lookup
from ir.interpreter.dispatch import apply
from ir.numbers import IntArray, IntegerType


def look_up(table: IntArray, number: IntegerType, codes: IntArray) -> IntArray:
    """Return ``table`` at the bit patterns of ``codes``, integers of type ``number``."""
    found: IntArray = table[codes & ((1 << number.bits) - 1)]
    return found


@apply.register
def _affine(element: Affine, x: IntArray) -> IntArray:
    return element.requantization(x)


@apply.register
def _lookup(element: Lookup, x: IntArray) -> IntArray:
    return look_up(element.table, element.source.output.number, x)


@apply.register
def _arg_max(element: ArgMax, x: IntArray) -> IntArray:
    index: IntArray = np.argmax(x, axis=3, keepdims=True).astype(np.int64)
    return index
