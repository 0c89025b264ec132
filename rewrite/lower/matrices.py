"""Products of two streams' matrices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import prod

import numpy as np

from ir.elements import DotProduct, Shape, StreamType
from ir.errors import CompileError
from ir.identifiers import Identifiers
from ir.numbers import IntArray
from ir.proof import output_bounds, prove
from rewrite.lower.arithmetic import Built, accumulator_of, golden_of
from rewrite.lower.concatenation import operands
from rewrite.lower.layout import reordered
from rewrite.lower.ordering import in_order
from rewrite.lower.reading import Stage
from rewrite.lower.streams import Stream

MOST_PRODUCTS = 1 << 26
"""Products per frame: each pair of operands is a value of a stream."""


def matrix_product(
    stages: tuple[Stage, ...], sources: Sequence[Stream], names: Identifiers, layer: str
) -> Built:
    """Build dot products of the first operand's rows and the second one's columns.

    A Reorder sends each row once for every column, another the columns once for every row, if need
    be behind one that puts the values of each together.  Further axes in front stand for matrices
    side by side, as in numpy.

    Raises:
        CompileError: there are too many products.
    """
    stage = stages[0]
    first, second = operands(stage, sources)
    turned = replace(second, positions=np.swapaxes(second.positions, -1, -2))
    left, right = (_run_together(stream, names) for stream in (first, turned))
    rows, columns = left.positions[..., :, None, :], right.positions[..., None, :, :]
    sizes = np.broadcast_shapes(rows.shape, columns.shape)
    if prod(sizes) > MOST_PRODUCTS:
        raise CompileError(
            "lower", layer,
            f"must multiply at most {MOST_PRODUCTS} pairs of values per frame, not {prod(sizes)}",
            "use smaller matrices",
        )  # fmt: skip
    cube = prod(sizes[:-2]), *sizes[-2:]
    a, b = (
        reordered(stream, np.broadcast_to(places, sizes).reshape(cube), names)
        for stream, places in ((left, rows), (right, columns))
    )
    entries = [stage.quantization(stage.operand(index)) for index in (0, 1)]
    zero_points = entries[0].zero_point, entries[1].zero_point
    factor = entries[0].scale * entries[1].scale / stage.output.scale
    low, high = _reachable(a, b, zero_points)
    golden = golden_of(
        layer, np.array([factor], np.float32), np.zeros(1, np.int64), stage.output, low, high
    )
    requantization, proof = prove(layer, golden, *output_bounds(golden, None, None))
    element = DotProduct(
        name=names.new(layer),
        layer=layer,
        sources=(a.element, b.element),
        output=StreamType(Shape(1, cube[0], cube[1]), stage.output.number, 1),
        zero_points=zero_points,
        accumulator=accumulator_of(low, high, requantization),
        requantization=requantization,
    )
    positions = np.arange(prod(sizes[:-1])).reshape(sizes[:-1])
    lows, highs = (np.repeat(golden(ends), cube[1]) for ends in (low, high))
    return Built(Stream(element, positions, lows, highs, layer), proof)


def _run_together(stream: Stream, names: Identifiers) -> Stream:
    """Return a stream in which the values of the last axis follow each other.

    Only then can a beat carry several of them.
    """
    if np.all(np.diff(stream.positions, axis=-1) == 1):
        return stream
    return in_order(stream, names)


def _reachable(a: Stream, b: Stream, zero_points: tuple[int, int]) -> tuple[IntArray, IntArray]:
    """Return the least and the greatest sum of products, (1,) each."""
    left, right = (
        np.stack([s.lows, s.highs]) - zero for s, zero in zip((a, b), zero_points, strict=True)
    )
    ends = left[:, None] * right[None, :]
    low, high = ends.min(axis=(0, 1)).sum(), ends.max(axis=(0, 1)).sum()
    return np.array([low]), np.array([high])
