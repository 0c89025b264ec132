"""Elements that pass values on."""

from __future__ import annotations

from ir.elements import Fifo, Fork, Output, Reshape, WidthConverter
from ir.interpreter.dispatch import apply
from ir.numbers import IntArray


@apply.register(WidthConverter)
@apply.register(Fifo)
@apply.register(Fork)
@apply.register(Output)
def _unchanged(element: WidthConverter | Fifo | Fork | Output, x: IntArray) -> IntArray:
    return x


@apply.register
def _reshape(element: Reshape, x: IntArray) -> IntArray:
    shape = element.output.shape
    return x.reshape(len(x), shape.height, shape.width, shape.channels)
