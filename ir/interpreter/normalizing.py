"""Elements that look at all channels of a pixel."""

from __future__ import annotations

import numpy as np

from ir.elements import LayerNormalization, Softmax
from ir.interpreter.dispatch import apply
from ir.layer_normalization import scores
from ir.numbers import IntArray


@apply.register
def _softmax(element: Softmax, x: IntArray) -> IntArray:
    exponentials = element.exponentials[x.max(axis=3, keepdims=True) - x]
    halves = (exponentials << 9) // exponentials.sum(axis=3, keepdims=True)
    lowest = element.output.number.minimum
    codes: IntArray = np.minimum((halves + 1) >> 1, 255) + lowest
    return codes


@apply.register
def _layer_normalization(element: LayerNormalization, x: IntArray) -> IntArray:
    return element.requantization(scores(x, element.epsilon, element.source.output.number.bits))
