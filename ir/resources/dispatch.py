"""The parts of an element: the function that the modules beside this one add to."""

from __future__ import annotations

from functools import singledispatch

from ir.elements import Element
from ir.resources.part import Part


@singledispatch
def parts_of(element: Element) -> tuple[Part, ...]:
    """Return the parts that ``element`` consists of."""
    raise TypeError(f"there must be a resource formula for {type(element).__name__}")
