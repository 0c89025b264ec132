"""What stands between a sender and a reader of a stream in other lanes, and what it costs."""

from __future__ import annotations

import math

from ir.elements import Element, Reshape, Shape, StreamType, WidthConverter
from ir.numbers import IntegerType
from ir.resources import Resources
from rewrite.stream.choices import Cost, stand_in
from rewrite.stream.counts import with_lanes


class Adapters:
    """The costs of width converters, each computed once.

    Two of them, through the greatest common divisor, where neither number of lanes divides the
    other; where sender and reader see other pixels, a Reshape of so many lanes stands between.
    """

    def __init__(self, cost: Cost) -> None:
        self._cost = cost
        self._known: dict[tuple[IntegerType, int, int, int], Resources] = {}

    def between(self, stream: StreamType, sent: int, read: int) -> Resources:
        """Return the cost of what turns ``sent`` values of ``stream`` per beat into ``read``."""
        if sent == read:
            return Resources()
        key = (stream.number, stream.shape.size, sent, read)
        if key not in self._known:
            common = math.gcd(sent, read)
            parts = ((sent, common), (common, read))
            self._known[key] = sum(
                (self._cost(_converter(stream, a, b)) for a, b in parts if a != b), Resources()
            )
        return self._known[key]


def _converter(stream: StreamType, sent: int, read: int) -> WidthConverter:
    values = values_of(stream)
    return WidthConverter("converter", "", stand_in(values, sent), with_lanes(values, read))


def values_of(stream: StreamType) -> StreamType:
    """Return ``stream`` as values in a row, of which a beat may have any number that divides it."""
    return StreamType(Shape(1, 1, stream.shape.size), stream.number, 1)


def without_reshapes(stream: Element) -> Element:
    """Return what sends ``stream``, in the pixels in which it is made."""
    while isinstance(stream, Reshape):
        stream = stream.source
    return stream
