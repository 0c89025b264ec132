"""Elements that read several streams."""

from __future__ import annotations

import numpy as np

from ir.elements import Concatenate, Merge
from ir.interpreter.dispatch import apply
from ir.numbers import IntArray


@apply.register
def _merge(element: Merge, a: IntArray, b: IntArray) -> IntArray:
    total = a * element.factors[0] + b * element.factors[1] + element.offset
    if element.half_even and element.shift:
        half = 1 << (element.shift - 1)
        total = total + (half - 1) + ((total >> element.shift) & 1)
    shifted: IntArray = (total >> element.shift) + element.zero_point
    return np.clip(shifted, element.low, element.high)


@apply.register
def _concatenate(element: Concatenate, *inputs: IntArray) -> IntArray:
    return np.concatenate(inputs, axis=3)
