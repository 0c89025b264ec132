"""Concatenations of streams."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import prod

import numpy as np

from ir.elements import Concatenate, Element, Lookup, Shape, StreamType
from ir.errors import CompileError
from ir.identifiers import Identifiers
from ir.numbers import IntArray, frozen_integers
from rewrite.lower.alone import run_alone
from rewrite.lower.arithmetic import Built, table_range
from rewrite.lower.ordering import in_order
from rewrite.lower.reading import Stage
from rewrite.lower.streams import Stream, seen_as
from rewrite.lower.tables import codes_by_pattern

_IMAGE_ORDER = (1, 2, 0)
"""Rows, columns, channels of a tensor (channels, height, width)."""


def concatenate(
    stages: tuple[Stage, ...], sources: Sequence[Stream], names: Identifiers, layer: str
) -> Built:
    """Build a concatenation along any axis; operands of another scale go through tables.

    The streams are cut into as many parts as the axes outside of the concatenated one count, and
    sent part by part in turn: for maps and channels, pixel by pixel.
    """
    stage = stages[0]
    assert stage.operator is not None
    rank = sources[0].positions.ndim
    axis = stage.operator.attributes.get_int("axis", 1) % (rank + 1) - 1
    if axis < 0:
        raise CompileError(
            "lower", layer, "frames must not be concatenated", "concatenate along another axis"
        )
    streams = _requantized(stage, operands(stage, sources), axis, names, layer)
    streams, order = _ordered(streams, names)
    parts = prod(streams[0].positions.shape[a] for a in order[: order.index(axis)])
    shapes = {(s.shape.height, s.shape.width) for s in streams}
    rows, columns = shapes.pop() if len(shapes) == 1 else (1, parts)
    if rows * columns != parts:
        rows, columns = 1, parts
    words = [s.positions.size // parts for s in streams]
    seen = [seen_as(s, Shape(rows, columns, n), names) for s, n in zip(streams, words, strict=True)]
    element = Concatenate(
        name=names.new(layer),
        layer=layer,
        sources=tuple(s.element for s in seen),
        output=StreamType(Shape(rows, columns, sum(words)), stage.output.number, 1),
    )
    starts = np.cumsum([0, *words[:-1]])
    moved = [
        s.positions // n * sum(words) + start + s.positions % n
        for s, n, start in zip(seen, words, starts, strict=True)
    ]
    lows = np.concatenate([s.lows for s in seen])
    highs = np.concatenate([s.highs for s in seen])
    return Built(Stream(element, np.concatenate(moved, axis), lows, highs, layer))


def operands(stage: Stage, sources: Sequence[Stream]) -> list[Stream]:
    """Return the stream of each operand; the same one may come several times."""
    assert stage.operator is not None
    by_code = dict(zip(stage.sources, sources, strict=True))
    found = []
    for index in range(len(stage.operator.inputs)):
        codes = stage.operand(index).inputs[0]
        assert codes is not None
        found.append(by_code[codes])
    return found


def _requantized(
    stage: Stage, operands: list[Stream], axis: int, names: Identifiers, layer: str
) -> list[Stream]:
    """Return the operands in the result's codes, which onnxruntime itself makes of every code."""
    numbers = [s.element.output.number for s in operands]
    every = {number: codes_by_pattern(number) for number in numbers}
    shape = [1] * (operands[0].positions.ndim + 1)
    shape[axis + 1] = -1
    by_source = {stage.operand(i).inputs[0]: every[n] for i, n in enumerate(numbers)}
    results = run_alone((stage,), *(by_source[s].reshape(shape) for s in stage.sources))
    ends = np.cumsum([len(every[n]) for n in numbers])
    tables = np.split(results.reshape(-1), ends[:-1])
    changed: dict[tuple[Element, bytes], Stream] = {}  # operands may read one stream differently
    result = []
    for stream, table in zip(operands, tables, strict=True):
        if np.array_equal(table, every[stream.element.output.number]):
            result.append(stream)
            continue
        key = stream.element, table.tobytes()
        if key not in changed:
            changed[key] = _through(stream, frozen_integers(table), stage, names, layer)
        result.append(replace(changed[key], positions=stream.positions))
    return result


def _through(
    stream: Stream, table: IntArray, stage: Stage, names: Identifiers, layer: str
) -> Stream:
    number = stream.element.output.number
    output = StreamType(stream.shape, stage.output.number, 1)
    element = Lookup(names.new(f"{layer}_scale"), layer, stream.element, output, table)
    lows, highs = table_range(table, number, stream.lows, stream.highs)
    return replace(stream, element=element, lows=lows, highs=highs)


def _ordered(operands: list[Stream], names: Identifiers) -> tuple[list[Stream], tuple[int, ...]]:
    """Return the operands in one order of their axes, and that order, slowest first.

    What comes in another order than most of the others is put in order.
    """
    rank = operands[0].positions.ndim
    orders = [tuple(range(rank)), *([_IMAGE_ORDER] if rank == len(_IMAGE_ORDER) else [])]
    best = max(reversed(orders), key=lambda order: sum(_has_order(s, order) for s in operands))
    ordered: dict[int, Stream] = {}
    for stream in operands:
        if not _has_order(stream, best) and id(stream.positions) not in ordered:
            turned = replace(stream, positions=stream.positions.transpose(best))
            result = in_order(turned, names)
            back = result.positions.transpose(np.argsort(best))
            ordered[id(stream.positions)] = replace(result, positions=back)
    return [ordered.get(id(s.positions), s) for s in operands], best


def _has_order(stream: Stream, order: tuple[int, ...]) -> bool:
    places = stream.positions.transpose(order).reshape(-1)
    return bool(np.array_equal(places, np.arange(stream.shape.size)))
