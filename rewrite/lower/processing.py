"""Processing elements: a convolution or Dense layer with the table and max pool behind it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ir.elements import Kernel, ProcessingElement, Shape, StreamType
from ir.identifiers import Identifiers
from ir.numbers import IntArray, IntegerType, frozen_integers
from ir.proof import output_bounds, prove
from rewrite.lower.arithmetic import (
    Built,
    accumulator_of,
    channel_mismatch,
    golden_of,
    linear_constants,
    mapped,
    reachable,
    table_range,
    weight_codes,
)
from rewrite.lower.layout import as_map, as_vector
from rewrite.lower.pools import pool_kernel
from rewrite.lower.reading import Stage
from rewrite.lower.scaled import scaled
from rewrite.lower.streams import Stream
from rewrite.lower.tables import clamp_bounds, table_of
from rewrite.lower.windows import kernel_of
from rewrite.onnx.graphs import is_operator


def convolution(stages: tuple[Stage, ...], source: Stream, names: Identifiers, layer: str) -> Built:
    """Build a processing element from a Conv, what follows it included."""
    stream = as_map(source, names, layer)
    stage = stages[0]
    assert stage.operator is not None
    codes = weight_codes(stage, axis=0)
    groups = stage.operator.attributes.get_int("group", 1)
    channels = codes.shape[1] * groups
    if channels != stream.shape.channels:
        raise channel_mismatch(layer, channels, stream.shape.channels)
    size = (codes.shape[2], codes.shape[3])
    kernel = kernel_of(stage.operator, size, stream.shape, layer)
    weights = codes.transpose(2, 3, 1, 0)
    return _processing(stages, stream, kernel, weights, names, layer, groups)


def dense(stages: tuple[Stage, ...], source: Stream, names: Identifiers, layer: str) -> Built:
    """Build a processing element from a Gemm: rows of weights in the stream's order.

    Values that the tensor repeats have their weights added.
    """
    stream = as_vector(source, names)
    stage = stages[0]
    assert stage.operator is not None
    by_rows = bool(stage.operator.attributes.get_int("transB", 0))
    codes = weight_codes(stage, axis=0 if by_rows else 1)
    matrix = codes.T if by_rows else codes
    if matrix.shape[0] != stream.positions.size:
        raise channel_mismatch(layer, matrix.shape[0], stream.positions.size)
    weights = np.zeros((stream.shape.size, matrix.shape[1]), np.int64)
    np.add.at(weights, stream.positions.reshape(-1), matrix)  # a value may stand at several places
    built = _processing(stages, stream, Kernel(1, 1), weights[None, None], names, layer)
    return replace(built, stream=_flat(built.stream))


def _flat(stream: Stream) -> Stream:
    return replace(stream, positions=np.arange(stream.shape.size))


def _processing(
    stages: tuple[Stage, ...],
    stream: Stream,
    kernel: Kernel,
    weights: IntArray,
    names: Identifiers,
    layer: str,
    groups: int = 1,
) -> Built:
    stage, *rest = stages
    linear = linear_constants(stage, weights)
    padded = any((kernel.pad_top, kernel.pad_left, kernel.pad_bottom, kernel.pad_right))
    zero = linear.source.zero_point
    lows = np.minimum(stream.lows, zero) if padded else stream.lows
    highs = np.maximum(stream.highs, zero) if padded else stream.highs
    first, last = reachable(weights, lows, highs, groups)
    number = stage.output.number
    golden = golden_of(layer, linear.factors, linear.biases, stage.output, first, last)
    if any(is_operator(node, "Mul") for node in stage.nodes):
        golden = scaled(golden, stage)
    table = _table(rest, number)
    bounds = None if table is None else clamp_bounds(table, number)
    if bounds is not None and rest[0].output.number == number:
        table = None
    else:
        bounds = output_bounds(golden, None, None)
    requantization, proof = prove(layer, golden, *bounds)
    out_lows, out_highs = (np.clip(golden(ends), *bounds) for ends in (first, last))
    output = number
    if table is not None:
        output = rest[0].output.number
        out_lows, out_highs = table_range(table, number, out_lows, out_highs)
    rows, columns = kernel.output_size(stream.shape.height, stream.shape.width)
    shape = Shape(rows, columns, weights.shape[3])
    pool = next((pool_kernel(s, shape, layer) for s in rest if s.kind == "MaxPool"), None)
    if pool is not None:
        shape = Shape(*pool.output_size(rows, columns), shape.channels)
    element = ProcessingElement(
        name=names.new(layer),
        layer=layer,
        source=stream.element,
        output=StreamType(shape, output, 1),
        kernel=kernel,
        pad_value=zero,
        weights=frozen_integers(weights),
        weight_number=IntegerType.spanning(int(weights.min()), int(weights.max())),
        accumulator=accumulator_of(first, last, requantization),
        requantization=requantization,
        convolved=number,
        groups=groups,
        table=table,
        pool=pool,
    )
    return Built(mapped(element, out_lows, out_highs, layer), proof)


def _table(rest: list[Stage], number: IntegerType) -> IntArray | None:
    return table_of(rest[0], number) if rest and rest[0].kind == "Table" else None
