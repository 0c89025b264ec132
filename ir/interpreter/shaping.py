"""Elements that give values other places."""

from __future__ import annotations

import numpy as np

from ir.elements import Reorder
from ir.interpreter.dispatch import apply
from ir.numbers import IntArray


@apply.register
def _reorder(element: Reorder, x: IntArray) -> IntArray:
    places = np.zeros(1, np.int64)
    for loop in element.loops:
        rounds = np.arange(loop.count) * loop.stride
        places = (places[:, None] + rounds[None, :]).reshape(-1)
    shape = element.output.shape
    blocks = x.reshape(len(x), -1, element.block_size)
    return blocks[:, :, places].reshape(len(x), shape.height, shape.width, shape.channels)
