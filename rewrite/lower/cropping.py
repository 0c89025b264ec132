"""Rows, columns and channels that no one asks for, left away."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ir.elements import Border, Shape, StreamType
from ir.identifiers import Identifiers
from ir.numbers import IntArray
from rewrite.lower.streams import Stream, seen_as

Span = tuple[int, int]
"""First and last of what is kept."""


def without_unused(stream: Stream, places: IntArray, names: Identifiers) -> tuple[Stream, IntArray]:
    """Return what is left of ``stream`` without what lies around ``places``, and these in it.

    The tensor's own positions are not kept: the caller makes new ones of the places.
    """
    shape = stream.shape
    rows, columns, channels = np.unravel_index(places, (shape.height, shape.width, shape.channels))
    spans: list[Span] = [(int(a.min()), int(a.max())) for a in (rows, columns, channels)]
    kept = Shape(*(last - first + 1 for first, last in spans))
    if kept == shape:
        return stream, places
    result = _cut(stream, spans[0], spans[1], names)
    if kept.channels != shape.channels:
        beside = Shape(result.shape.pixels, shape.channels, 1)
        whole = (0, beside.height - 1)
        result = _cut(seen_as(result, beside, names), whole, spans[2], names)
        result = seen_as(result, kept, names)
    left = (a - first for a, (first, _) in zip((rows, columns, channels), spans, strict=True))
    sizes = kept.height, kept.width, kept.channels
    return result, np.ravel_multi_index(tuple(left), sizes).astype(np.int64)


def _cut(stream: Stream, rows: Span, columns: Span, names: Identifiers) -> Stream:
    """Return the map ``stream`` with these rows and columns alone."""
    shape = stream.shape
    size = Shape(rows[1] - rows[0] + 1, columns[1] - columns[0] + 1, shape.channels)
    if size == shape:
        return stream
    element = Border(
        names.new(stream.layer),
        stream.layer,
        stream.element,
        StreamType(size, stream.element.output.number, 1),
        -rows[0],
        -columns[0],
        rows[1] + 1 - shape.height,
        columns[1] + 1 - shape.width,
        pad_value=0,
    )
    return replace(stream, element=element)
