"""Concatenations of streams."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from math import prod

import numpy as np

from ir.elements import Concatenate, Element, Lookup, Shape, StreamType
from ir.errors import CompileError
from ir.identifiers import Identifiers
from ir.numbers import IntArray, frozen_integers
from rewrite.lower.alone import run_alone
from rewrite.lower.arithmetic import Built, table_range
from rewrite.lower.layout import Stream, seen_as
from rewrite.lower.reading import Stage
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
    operands = _requantized(stage, _operands(stage, sources), axis, names, layer)
    parts = _parts(operands, axis)
    shapes = {(s.shape.height, s.shape.width) for s in operands}
    rows, columns = shapes.pop() if len(shapes) == 1 else (1, parts)
    if rows * columns != parts:
        rows, columns = 1, parts
    words = [s.positions.size // parts for s in operands]
    seen = [
        seen_as(s, Shape(rows, columns, n), names) for s, n in zip(operands, words, strict=True)
    ]
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


def _operands(stage: Stage, sources: Sequence[Stream]) -> list[Stream]:
    """Return the stream of each operand; the same one may come several times."""
    assert stage.operator is not None
    by_code = dict(zip(stage.sources, sources, strict=True))
    operands = []
    for index in range(len(stage.operator.inputs)):
        codes = stage.operand(index).inputs[0]
        assert codes is not None
        operands.append(by_code[codes])
    return operands


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
    changed: dict[Element, Stream] = {}
    for stream, table in zip(operands, tables, strict=True):
        element = stream.element
        if element not in changed and not np.array_equal(table, every[element.output.number]):
            changed[element] = _through(stream, frozen_integers(table), stage, names, layer)
    return [
        replace(changed[s.element], positions=s.positions) if s.element in changed else s
        for s in operands
    ]


def _through(
    stream: Stream, table: IntArray, stage: Stage, names: Identifiers, layer: str
) -> Stream:
    number = stream.element.output.number
    output = StreamType(stream.shape, stage.output.number, 1)
    element = Lookup(names.new(f"{layer}_scale"), layer, stream.element, output, table)
    lows, highs = table_range(table, number, stream.lows, stream.highs)
    return replace(stream, element=element, lows=lows, highs=highs)


def _parts(operands: Sequence[Stream], axis: int) -> int:
    """Return into how many parts the streams are cut: values of the axes slower than ``axis``.

    One part, each stream as a whole, is always right; more keep the result in the order of its
    axes, which later layers may ask for.
    """
    for order in _orders(operands):
        if all(_has_order(s.positions, order) for s in operands):
            outside = order[: order.index(axis)]
            return prod(operands[0].positions.shape[a] for a in outside)
    return 1


def _orders(operands: Sequence[Stream]) -> Iterator[tuple[int, ...]]:
    rank = operands[0].positions.ndim
    if rank == len(_IMAGE_ORDER):
        yield _IMAGE_ORDER
    yield tuple(range(rank))


def _has_order(positions: IntArray, order: tuple[int, ...]) -> bool:
    return bool(np.array_equal(positions.transpose(order).reshape(-1), np.arange(positions.size)))
