"""Elements that read several streams."""

from __future__ import annotations

import numpy as np

from ir.elements import (
    Concatenate,
    DotProduct,
    Extremum,
    Merge,
    PairLookup,
    Product,
    SideBySide,
)
from ir.interpreter.dispatch import apply
from ir.numbers import IntArray


@apply.register
def _merge(element: Merge, a: IntArray, b: IntArray) -> IntArray:
    total = a * element.factors[0] + b * element.factors[1] + element.offset
    shifted = _shifted(total, element.shift, half_even=element.half_even) + element.zero_point
    return np.clip(shifted, element.low, element.high)


@apply.register
def _product(element: Product, a: IntArray, b: IntArray) -> IntArray:
    products = (a - element.zero_points[0]) * (b - element.zero_points[1])
    total = products * element.factor + element.offset
    shifted = _shifted(total, element.shift, half_even=element.half_even)
    return np.clip(shifted, element.low, element.high)


def _shifted(total: IntArray, shift: int, *, half_even: bool) -> IntArray:
    """Return ``total >> shift``: rounded down, or to nearest with ties to even."""
    if half_even and shift:
        total = total + (1 << (shift - 1)) - 1 + ((total >> shift) & 1)
    return total >> shift


@apply.register
def _extremum(element: Extremum, a: IntArray, b: IntArray) -> IntArray:
    chosen: IntArray = (np.minimum if element.minimum else np.maximum)(a, b)
    return chosen


@apply.register
def _pair_lookup(element: PairLookup, a: IntArray, b: IntArray) -> IntArray:
    first, second = (source.output.number for source in element.sources)
    rows, columns = a & ((1 << first.bits) - 1), b & ((1 << second.bits) - 1)
    found: IntArray = element.table[rows, columns]
    return found


@apply.register
def _dot_product(element: DotProduct, a: IntArray, b: IntArray) -> IntArray:
    products = (a - element.zero_points[0]) * (b - element.zero_points[1])
    sums = products.sum(axis=3)
    return element.requantization(sums[..., None]).reshape(len(sums), 1, *sums.shape[1:])


@apply.register
def _concatenate(element: Concatenate, *inputs: IntArray) -> IntArray:
    return np.concatenate(inputs, axis=3)


@apply.register
def _side_by_side(element: SideBySide, *inputs: IntArray) -> IntArray:
    pixels = [codes.reshape(*codes.shape[:3], element.pixels, -1) for codes in inputs]
    return np.concatenate(pixels, axis=4).reshape(*inputs[0].shape[:3], -1)
