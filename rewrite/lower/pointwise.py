"""Elements that work on one pixel at a time: tables, affine layers, the index of the maximum."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ir.affine_proof import fit_affine
from ir.elements import Affine, ArgMax, Lookup, StreamType
from ir.identifiers import Identifiers
from ir.interpreter import look_up
from ir.numbers import IntArray, IntegerType, frozen_integers
from ir.proof import output_bounds
from rewrite.lower.arithmetic import (
    Built,
    channel_mismatch,
    golden_of,
    linear_constants,
    mapped,
    table_range,
    weight_codes,
)
from rewrite.lower.layout import as_map, as_vector
from rewrite.lower.ordering import in_order
from rewrite.lower.reading import Stage
from rewrite.lower.rectifier import two_lines
from rewrite.lower.streams import Stream
from rewrite.lower.tables import codes_by_pattern, table_of


def lookup(stages: tuple[Stage, ...], source: Stream, names: Identifiers, layer: str) -> Built:
    """Build a standalone table, or nothing if it keeps every code; the tensor keeps its shape.

    Codes of more than 8 bits get two lines instead where these equal the table (a leaky ReLU, say):
    a multiplier and an adder are smaller than 2**9 entries or more.
    """
    number = source.element.output.number
    table = table_of(stages[0], number)
    if stages[0].output.number == number and _is_identity(table, number, source):
        return Built(replace(source, layer=layer))
    if number.bits > SMALL_TABLE_BITS:
        lines = two_lines(stages[0], table, source, names, layer)
        if lines is not None:
            return lines
    output = StreamType(source.shape, stages[0].output.number, 1)
    element = Lookup(names.new(layer), layer, source.element, output, table)
    lows, highs = table_range(table, number, source.lows, source.highs)
    return Built(replace(source, element=element, lows=lows, highs=highs, layer=layer))


SMALL_TABLE_BITS = 8
"""Up to here a table is smaller than a multiplication: some 40 LUTs against 100."""


def _is_identity(table: IntArray, number: IntegerType, source: Stream) -> bool:
    codes = np.arange(source.lows.min(), source.highs.max() + 1)
    return bool(np.array_equal(look_up(table, number, codes), codes))


def affine(stages: tuple[Stage, ...], source: Stream, names: Identifiers, layer: str) -> Built:
    """Build a factor and a summand per channel; a table for each channel where no line is equal."""
    stream = as_map(source, names, layer)
    stage, number = stages[0], stream.element.output.number
    weights = weight_codes(stage, axis=0).reshape(-1)
    if len(weights) != stream.shape.channels:
        raise channel_mismatch(layer, len(weights), stream.shape.channels)
    linear = linear_constants(stage, weights.reshape(1, 1, 1, -1))
    ends = stream.lows * weights, stream.highs * weights
    golden = golden_of(
        layer, linear.factors, linear.biases, stage.output, np.minimum(*ends), np.maximum(*ends)
    )
    results = golden(ends[0]), golden(ends[1])
    lows, highs = np.minimum(*results), np.maximum(*results)
    output = StreamType(stream.shape, stage.output.number, 1)
    name, bounds = names.new(layer), output_bounds(golden, None, None)
    line = fit_affine(layer, golden, weights, stream.lows, stream.highs, bounds)
    if line is None:
        codes = codes_by_pattern(number)[:, None]
        table = frozen_integers(golden(codes * weights).T)
        element = Lookup(name, layer, stream.element, output, table)
        return Built(mapped(element, lows, highs, layer))
    requantization, proof = line
    scaled = Affine(name, layer, stream.element, output, requantization)
    return Built(mapped(scaled, lows, highs, layer), proof)


def arg_max(stages: tuple[Stage, ...], source: Stream, names: Identifiers, layer: str) -> Built:
    """Build the index of the largest channel of each pixel."""
    vector = source.positions.ndim == 1
    stream = source
    stream = as_vector(in_order(source, names), names) if vector else as_map(source, names, layer)
    operator = stages[0].operator
    assert operator is not None
    shape = replace(stream.shape, channels=1)
    index = IntegerType.spanning(0, stream.shape.channels - 1)
    element = ArgMax(names.new(layer), layer, stream.element, StreamType(shape, index, 1))
    kept = bool(operator.attributes.get_int("keepdims", 1))
    sizes = () if vector else (shape.height, shape.width)
    positions = np.arange(shape.size).reshape((1, *sizes) if kept else sizes)
    ends = np.zeros(1, np.int64), np.full(1, stream.shape.channels - 1)
    return Built(Stream(element, positions, *ends, layer))
