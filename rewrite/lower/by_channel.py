"""Functions of one code that differ from channel to channel, or from position to position.

onnxruntime runs them on every code, on as few positions as their constants tell apart.
"""

from __future__ import annotations

from dataclasses import replace
from math import prod

import numpy as np

from ir.elements import Lookup, StreamType
from ir.errors import CompileError
from ir.identifiers import Identifiers
from ir.numbers import IntArray, frozen_integers
from rewrite.lower.alone import run_alone
from rewrite.lower.arithmetic import Built
from rewrite.lower.layout import as_vector
from rewrite.lower.reading import Stage
from rewrite.lower.streams import Stream, seen_as
from rewrite.lower.tables import codes_by_pattern
from rewrite.onnx.graphs import constant, is_operator

MOST_FUNCTIONS = 1 << 14
"""Channels or positions with constants of their own: twice as many multipliers are stored."""
MOST_TABLES = 1 << 10
"""Channels with a table of their own: 2 Mbit of 8-bit codes."""
_CODES_AT_A_TIME = 1 << 24


def values_by_stream(stage: Stage, source: Stream, layer: str) -> IntArray:
    """Return the results (codes, n) of every code: n channels, or all places of the stream.

    Codes rise.  onnxruntime runs on as few positions as the constants tell apart.
    """
    number, shape = source.element.output.number, source.positions.shape
    distinct = _distinct(stage, shape)
    if prod(distinct) > MOST_FUNCTIONS:
        raise CompileError(
            "lower", layer,
            f"a function must have at most {MOST_FUNCTIONS} constants, not {prod(distinct)}",
            "share its constants along rows and columns",
        )  # fmt: skip
    codes = np.sort(codes_by_pattern(number))
    rows = max(1, _CODES_AT_A_TIME // prod(distinct))
    parts = [
        run_alone(
            (stage,), np.broadcast_to(part.reshape(-1, *[1] * len(shape)), (len(part), *distinct))
        )
        for part in np.split(codes, range(rows, len(codes), rows))
    ]
    results = np.broadcast_to(np.concatenate(parts), (len(codes), *shape))
    places = np.empty((len(codes), source.positions.size), np.int64)
    places[:, source.positions.reshape(-1)] = results.reshape(len(codes), -1)
    channels = source.shape.channels
    by_pixel = places.reshape(len(codes), -1, channels)
    alike = bool(np.all(by_pixel == by_pixel[:, :1]))
    values = by_pixel[:, 0] if alike else places
    if values.shape[1] > MOST_FUNCTIONS:
        raise CompileError(
            "lower", layer,
            f"a function with constants for each position must have at most {MOST_FUNCTIONS} "
            f"values, not {values.shape[1]}",
            "share its constants along rows and columns",
        )  # fmt: skip
    return values


def _distinct(stage: Stage, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return ``shape`` with 1 along the axes on which no constant of the stage depends."""
    sizes = [1] * len(shape)
    for node in stage.nodes:
        if is_operator(node, "BatchNormalization"):
            sizes[0] = shape[0]
            continue
        for value in node.inputs:
            array = None if value is None else constant(stage.bindings.get(value, value))
            sides = () if array is None else array.shape[-len(shape) :]
            for axis, size in enumerate(reversed(sides), start=1):
                if size > 1:
                    sizes[-axis] = shape[-axis]
    return tuple(sizes)


def tables_by_channel(
    values: IntArray, source: Stream, output: StreamType, names: Identifiers, layer: str
) -> Built:
    """Build a table for each channel, or for each place, indexed by the code's bit pattern.

    Places of a map are channels of one pixel: the order of the values stays as it is.
    """
    tables, number = values.shape[1], source.element.output.number
    if tables > MOST_TABLES:
        raise CompileError(
            "lower", layer,
            "no two lines per slope give onnxruntime's result for every code, and there are at "
            f"most {MOST_TABLES} tables, not one for each of {tables} slopes",
            "share its slopes along rows and columns, or use other scales",
        )  # fmt: skip
    shape = source.shape
    by_place = tables != shape.channels
    read = as_vector(source, names) if by_place else source
    patterns = codes_by_pattern(number) - number.minimum
    table = frozen_integers(values.T[:, patterns])
    kind = replace(output, shape=read.shape)
    element = Lookup(names.new(layer), layer, read.element, kind, table)
    lows, highs = ranges_by_channel(values, read)
    stream = replace(read, element=element, lows=lows, highs=highs, layer=layer)
    return Built(seen_as(stream, shape, names) if by_place else stream)


def ranges_by_channel(values: IntArray, source: Stream) -> tuple[IntArray, IntArray]:
    """Return per channel the least and greatest result of the codes that can occur."""
    number, channels = source.element.output.number, source.shape.channels
    codes = np.arange(number.minimum, number.maximum + 1)
    results = values.reshape(len(codes), -1, channels)
    occurs = ((codes[:, None] >= source.lows) & (codes[:, None] <= source.highs))[:, None]
    lows = np.where(occurs, results, results.max()).min(axis=(0, 1))
    return lows, np.where(occurs, results, results.min()).max(axis=(0, 1))
