"""Elements that give values other places."""

from __future__ import annotations

import numpy as np

from ir.elements import Border, Reorder
from ir.interpreter.dispatch import apply
from ir.numbers import IntArray


@apply.register
def _reorder(element: Reorder, x: IntArray) -> IntArray:
    places = np.zeros(1, np.int64)
    for loop in element.loops:
        places = (places[:, None] + loop.places[None, :]).reshape(-1)
    shape = element.output.shape
    blocks = x.reshape(len(x), -1, element.block_size)
    sent = np.repeat(blocks[:, :, places], element.rounds, axis=1)
    return sent.reshape(len(x), shape.height, shape.width, shape.channels)


@apply.register
def _border(element: Border, x: IntArray) -> IntArray:
    rows, columns = (element.top, element.bottom), (element.left, element.right)
    padded = np.pad(
        x,
        ((0, 0), *(tuple(max(side, 0) for side in sides) for sides in (rows, columns)), (0, 0)),
        constant_values=element.pad_value,
    )
    kept = tuple(
        slice(max(-first, 0), size - max(-last, 0))
        for (first, last), size in zip((rows, columns), padded.shape[1:3], strict=True)
    )
    return padded[:, kept[0], kept[1]]
