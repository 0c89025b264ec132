"""Elements that work on each value or pixel alone."""

from __future__ import annotations

import numpy as np

from ir.elements import Affine, ArgMax, Lookup, Rectifier
from ir.interpreter.dispatch import apply
from ir.numbers import IntArray, IntegerType


def look_up(table: IntArray, number: IntegerType, codes: IntArray) -> IntArray:
    """Return ``table`` at the bit patterns of ``codes``, integers of type ``number``.

    With a table for each channel, ``codes`` are (..., channels).
    """
    patterns = codes & ((1 << number.bits) - 1)
    channels = () if table.ndim == 1 else (np.arange(len(table)),)
    found: IntArray = table[(*channels, patterns)]
    return found


@apply.register
def _affine(element: Affine, x: IntArray) -> IntArray:
    return element.requantization(x)


@apply.register
def _lookup(element: Lookup, x: IntArray) -> IntArray:
    return look_up(element.table, element.source.output.number, x)


@apply.register
def _rectifier(element: Rectifier, x: IntArray) -> IntArray:
    flat = x.reshape(len(x), -1, element.multipliers.shape[1])
    above = flat >= element.knee
    multipliers, offsets = (
        np.where(above, sides[1], sides[0]) for sides in (element.multipliers, element.offsets)
    )
    shifted: IntArray = (flat * multipliers + offsets) >> element.shift
    return np.clip(shifted, element.low, element.high).reshape(x.shape)


@apply.register
def _arg_max(element: ArgMax, x: IntArray) -> IntArray:
    index: IntArray = np.argmax(x, axis=3, keepdims=True).astype(np.int64)
    return index
