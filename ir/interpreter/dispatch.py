"""What an element sends for what it reads; the modules beside this one add the elements."""

from __future__ import annotations

from functools import singledispatch

from ir.elements import Consumer
from ir.numbers import IntArray


@singledispatch
def apply(element: Consumer, *inputs: IntArray) -> IntArray:
    """Return what ``element`` sends for its inputs' codes, (frames, height, width, channels)."""
    raise NotImplementedError(type(element).__name__)
