"""Constant borders and cuts along any axes of a tensor, as Borders of a map.

A Border surrounds rows and columns.  Any axis is a map's columns: the axes streamed outside of it
are the rows, those inside of it the channels, and the order of the values stays as it is.
"""

from __future__ import annotations

from dataclasses import replace
from math import prod

import numpy as np

from ir.elements import Border, Shape, StreamType
from ir.errors import CompileError
from ir.identifiers import Identifiers
from ir.numbers import IntArray
from rewrite.lower.arithmetic import Built
from rewrite.lower.layout import as_map
from rewrite.lower.ordering import in_order, stream_order
from rewrite.lower.reading import Quantization, Stage
from rewrite.lower.streams import Stream, seen_as
from rewrite.onnx.fuse_selection import pad_sides

Sides = tuple[int, int, int, int]
"""Top, left, bottom, right; negative where something is cut away."""


def constant_pad(stage: Stage, source: Stream, names: Identifiers, layer: str) -> Built:
    """Build the Borders of a Pad; its value becomes the code that QuantizeLinear makes of it."""
    assert stage.operator is not None
    operands = stage.operator.inputs
    value = stage.array(operands[2]).reshape(-1)[0] if len(operands) > 2 and operands[2] else 0
    sides = sides_of(stage, source.positions.ndim)
    return bordered(source, sides, _code(np.float32(value), stage.output), names, layer)


def sides_of(stage: Stage, axes: int) -> IntArray:
    """Return what a Pad adds, (begin and end, ``axes`` of the tensor without the batch)."""
    assert stage.operator is not None
    operands = stage.operator.inputs
    stated = stage.array(operands[3]) if len(operands) > 3 and operands[3] else None
    sides: IntArray = pad_sides(stage.array(operands[1]), stated, axes + 1)[:, 1:]
    return sides


def crop(stages: tuple[Stage, ...], source: Stream, names: Identifiers, layer: str) -> Built:
    """Build the Borders of a Slice with steps of 1; with others its values are taken one by one."""
    stage = stages[0]
    assert stage.operator is not None
    begins, ends, axes, *rest = (stage.array(v).reshape(-1) for v in stage.operator.inputs[1:5])
    steps = rest[0] if rest else np.ones(len(axes), np.int64)
    shape, positions = source.positions.shape, source.positions
    sides = np.zeros((2, len(shape)), np.int64)
    for begin, end, axis, step in zip(begins, ends, axes, steps, strict=True):
        place = int(axis) % (len(shape) + 1) - 1
        kept = range(shape[place])[slice(int(begin), int(end), int(step))]
        if not kept:
            raise _nothing_left(layer)
        positions = positions.take(kept, axis=place)
        sides[:, place] = -kept.start, kept.stop - shape[place]
    if np.any(steps != 1):
        return Built(replace(source, positions=positions, layer=layer))
    return bordered(source, sides, 0, names, layer)


def _code(value: np.float32, quantization: Quantization) -> int:
    number = quantization.number
    with np.errstate(over="ignore"):
        code = np.rint(value / quantization.scale).astype(np.float64) + quantization.zero_point
    return int(np.clip(code, number.minimum, number.maximum))


def bordered(source: Stream, sides: IntArray, code: int, names: Identifiers, layer: str) -> Built:
    """Surround ``source`` with ``code``; ``sides``: (begin and end, axes of the tensor)."""
    shape = source.positions.shape
    if any(size + min(b, 0) + min(e, 0) < 1 for size, b, e in zip(shape, *sides, strict=True)):
        raise _nothing_left(layer)
    stream = replace(source, layer=layer)
    if stream_order(stream) is None:
        image = stream.positions.ndim == 3
        stream = as_map(stream, names, layer) if image else in_order(stream, names)
    order = stream_order(stream)
    assert order is not None
    sizes = [shape[axis] for axis in order]
    streamed = sides[:, list(order)].T
    place = 0
    while place < len(order):
        if place + 1 < len(order) and prod(sizes[:place]) == 1:
            rows, columns, used = streamed[place], streamed[place + 1], 2
            seen = Shape(sizes[place], sizes[place + 1], prod(sizes[place + 2 :]))
        else:
            rows, columns, used = np.zeros(2, np.int64), streamed[place], 1
            seen = Shape(prod(sizes[:place]), sizes[place], prod(sizes[place + 1 :]))
        around = (int(rows[0]), int(columns[0]), int(rows[1]), int(columns[1]))
        if any(around):
            stream = _border(seen_as(stream, seen, names), around, code, names, layer)
        sizes[place : place + used] = [
            size + int(both.sum())
            for size, both in zip(sizes[place : place + used], streamed[place:], strict=False)
        ]
        place += used
    positions = np.arange(prod(sizes)).reshape(sizes).transpose(np.argsort(order))
    return Built(replace(stream, positions=positions))


def _border(stream: Stream, sides: Sides, code: int, names: Identifiers, layer: str) -> Stream:
    """Return the map ``stream`` with its ``sides``."""
    top, left, bottom, right = sides
    shape = stream.shape
    size = Shape(shape.height + top + bottom, shape.width + left + right, shape.channels)
    output = StreamType(size, stream.element.output.number, 1)
    element = Border(names.new(layer), layer, stream.element, output, *sides, pad_value=code)
    padded = max(sides) > 0
    lows = np.minimum(stream.lows, code) if padded else stream.lows
    highs = np.maximum(stream.highs, code) if padded else stream.highs
    return replace(stream, element=element, lows=lows, highs=highs)


def _nothing_left(layer: str) -> CompileError:
    problem = "something of the tensor must be left"
    return CompileError("lower", layer, problem, "take less away")
