"""Orders in which values are streamed: what elements and ports ask for, and how it comes about.

Where the values of a tensor come in another order than is asked for, or where some of them are to
come several times, a Reorder puts them in order.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ir.elements import Shape
from ir.identifiers import Identifiers
from ir.numbers import IntArray
from rewrite.lower.layout import reordered
from rewrite.lower.streams import Stream, seen_as

_MAP_ORDER = (1, 2, 0)
"""Rows, columns, channels of a tensor (channels, height, width)."""


def stream_order(stream: Stream) -> tuple[int, ...] | None:
    """Return the tensor's axes, slowest first, in the order in which they are streamed.

    None if the stream is no permutation of axes.
    """
    positions = stream.positions
    axes = range(positions.ndim)
    origin = (0,) * positions.ndim

    def stride(axis: int) -> int:
        second = tuple(int(a == axis) for a in axes)
        size = positions.shape[axis]
        return int(positions[second] - positions[origin]) if size > 1 else positions.size

    order = tuple(sorted(axes, key=lambda axis: -stride(axis)))
    places = positions.transpose(order).reshape(-1)
    return order if np.array_equal(places, np.arange(stream.shape.size)) else None


def in_axes_order(stream: Stream, names: Identifiers) -> Stream:
    """Return the stream in an order of the tensor's axes, in that of the tensor if need be."""
    return in_order(stream, names) if stream_order(stream) is None else stream


def in_order(stream: Stream, names: Identifiers) -> Stream:
    """Return the stream with its values in the order of the tensor's axes, the last one fastest."""
    positions = stream.positions
    if np.array_equal(positions.reshape(-1), np.arange(stream.shape.size)):
        return stream
    result = reordered(stream, positions.reshape(_cube(positions.shape)), names)
    return replace(result, positions=np.arange(positions.size).reshape(positions.shape))


def each_at_its_place(stream: Stream, names: Identifiers) -> Stream:
    """Return the stream with a place for every value of the tensor, also where some are alike.

    A tensor may repeat values that are sent once, until an element tells them apart.
    """
    places = np.sort(stream.positions.reshape(-1))
    alone = np.array_equal(places, np.arange(stream.shape.size))
    return stream if alone else in_order(stream, names)


def _cube(sizes: tuple[int, ...]) -> tuple[int, int, int]:
    """Return rows, columns and channels of a tensor of any rank, the last axis its channels."""
    return (math.prod(sizes[:-2]), *(1, 1, *sizes)[-2:])  # type: ignore[return-value]


def in_step(streams: Sequence[Stream], names: Identifiers) -> tuple[Stream, ...]:
    """Return the streams of several tensors with the values of each place at the same beat.

    Axes of size 1 are repeated as in numpy.  The order is that of the first stream that holds each
    value of the result once, one of map order or of the axes' order before others; the other
    streams are put in order where they differ.
    """
    shape = np.broadcast_shapes(*(stream.positions.shape for stream in streams))
    first = streams[0]
    if all(_same_order(stream, first) for stream in streams):
        return tuple(seen_as(stream, first.shape, names) for stream in streams)
    leading = _leading([s for s in streams if s.positions.shape == shape])
    if leading is None:
        target, size = np.arange(math.prod(shape)).reshape(shape), Shape(*_cube(shape))
    else:
        target, size = leading.positions, leading.shape
    return tuple(_like(stream, target, size, names) for stream in streams)


def _same_order(stream: Stream, other: Stream) -> bool:
    return np.array_equal(stream.positions, other.positions)


def _leading(streams: Sequence[Stream]) -> Stream | None:
    """Return the stream whose order others had better follow."""
    whole = [s for s in streams if np.array_equal(np.sort(s.positions, None), _all_of(s))]
    usual = [s for s in whole if stream_order(s) in (_MAP_ORDER, tuple(range(s.positions.ndim)))]
    return next(iter([*usual, *whole]), None)


def _all_of(stream: Stream) -> IntArray:
    return np.arange(stream.shape.size)


def _like(stream: Stream, target: IntArray, shape: Shape, names: Identifiers) -> Stream:
    """Return ``stream`` repeated along axes of size 1, each value at its place in ``target``.

    Args:
        stream: of a tensor whose shape broadcasts to that of ``target``.
        target: positions in a stream of ``shape``, each once.
        shape: of the result's stream.
        names: for a new element.
    """
    if np.array_equal(stream.positions, target):
        return seen_as(stream, shape, names)
    places = np.empty(shape.size, np.int64)
    places[target.reshape(-1)] = np.broadcast_to(stream.positions, target.shape).reshape(-1)
    cube = places.reshape(shape.height, shape.width, shape.channels)
    return replace(reordered(stream, cube, names), positions=target)
