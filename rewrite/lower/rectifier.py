"""Functions of one code that differ from channel to channel, or from position to position.

Two lines for each (``Rectifier``) where they are equal on every code, else a table for each
channel.
"""

from __future__ import annotations

from dataclasses import replace
from math import prod

import numpy as np

from ir.elements import Lookup, Rectifier, StreamType
from ir.errors import CompileError
from ir.identifiers import Identifiers
from ir.numbers import IntArray, IntegerType, frozen_integers
from ir.proof import ProofRecord
from ir.rectifier_proof import TwoLines, fit_two_lines
from rewrite.lower.alone import run_alone
from rewrite.lower.arithmetic import Built
from rewrite.lower.layout import Stream
from rewrite.lower.reading import Stage
from rewrite.lower.tables import codes_by_pattern
from rewrite.onnx.graphs import is_operator

MOST_FUNCTIONS = 1 << 14
"""Channels or positions with slopes of their own: twice as many multipliers are stored."""
MOST_TABLES = 1 << 10
"""Channels with a table of their own: 2 Mbit of 8-bit codes."""
_WIDEST = 8
_CODES_AT_A_TIME = 1 << 24


def rectifier(stages: tuple[Stage, ...], source: Stream, names: Identifiers, layer: str) -> Built:
    """Build a function with slopes of its own for each channel or position.

    Raises:
        CompileError: there are too many, or too wide codes.
    """
    stage, number = stages[0], source.element.output.number
    if number.bits > _WIDEST:
        raise CompileError(
            "lower", layer,
            f"the input of a PRelu with several slopes must have at most {_WIDEST} bits, not "
            f"{number.bits}",
            "quantize it to 8 bits, or use one slope",
        )  # fmt: skip
    values = _by_stream(stage, source, layer)
    knee = _zero_code(stage)
    lines = fit_two_lines(values, number, knee)
    output = StreamType(source.shape, stage.output.number, 1)
    if lines is None:
        return _tables(values, source, output, names, layer)
    element = Rectifier(
        name=names.new(layer),
        layer=layer,
        source=source.element,
        output=output,
        knee=knee,
        multipliers=lines.multipliers,
        offsets=lines.offsets,
        shift=lines.shift,
        low=lines.low,
        high=lines.high,
    )
    lows, highs = _ranges(values, source)
    stream = replace(source, element=element, lows=lows, highs=highs, layer=layer)
    return Built(stream, _record(layer, lines, values, number))


def _zero_code(stage: Stage) -> int:
    """Return the code of 0, where the slope changes."""
    entry = next(n for n in stage.nodes if n.inputs[0] is stage.sources[0])
    return stage.quantization(entry).zero_point


def _by_stream(stage: Stage, source: Stream, layer: str) -> IntArray:
    """Return the results (codes, n) of every code: n channels, or all places of the stream.

    Codes rise.  onnxruntime runs on as few positions as the constants tell apart.
    """
    number, shape = source.element.output.number, source.positions.shape
    distinct = _distinct(stage, shape)
    if prod(distinct) > MOST_FUNCTIONS:
        raise CompileError(
            "lower", layer,
            f"a PRelu must have at most {MOST_FUNCTIONS} slopes, not {prod(distinct)}",
            "share its slopes along rows and columns",
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
            f"a PRelu with a slope for each position must have at most {MOST_FUNCTIONS} values, "
            f"not {values.shape[1]}",
            "share its slopes along rows and columns",
        )  # fmt: skip
    return values


def _distinct(stage: Stage, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return ``shape`` with 1 along the axes on which no constant of the stage depends."""
    sizes = [1] * len(shape)
    for node in stage.nodes:
        if is_operator(node, "PRelu"):
            slopes = stage.array(node.inputs[1]).shape
            for axis, size in enumerate(reversed(slopes), start=1):
                if size > 1:
                    sizes[-axis] = shape[-axis]
    return tuple(sizes)


def _tables(
    values: IntArray, source: Stream, output: StreamType, names: Identifiers, layer: str
) -> Built:
    """Build a table for each channel, indexed by the code's bit pattern."""
    channels, number = source.shape.channels, source.element.output.number
    if values.shape[1] != channels or channels > MOST_TABLES:
        raise CompileError(
            "lower", layer,
            "no two lines per slope give onnxruntime's result for every code, and tables are for "
            f"at most {MOST_TABLES} channels, not for {values.shape[1]} slopes",
            "share its slopes along rows and columns, or use other scales",
        )  # fmt: skip
    patterns = codes_by_pattern(number) - number.minimum
    table = frozen_integers(values.T[:, patterns])
    element = Lookup(names.new(layer), layer, source.element, output, table)
    lows, highs = _ranges(values, source)
    return Built(replace(source, element=element, lows=lows, highs=highs, layer=layer))


def _ranges(values: IntArray, source: Stream) -> tuple[IntArray, IntArray]:
    """Return per channel the least and greatest result of the codes that can occur."""
    number, channels = source.element.output.number, source.shape.channels
    codes = np.arange(number.minimum, number.maximum + 1)
    results = values.reshape(len(codes), -1, channels)
    occurs = ((codes[:, None] >= source.lows) & (codes[:, None] <= source.highs))[:, None]
    lows = np.where(occurs, results, results.max()).min(axis=(0, 1))
    return lows, np.where(occurs, results, results.min()).max(axis=(0, 1))


def _record(layer: str, lines: TwoLines, values: IntArray, number: IntegerType) -> ProofRecord:
    return ProofRecord(
        layer=layer,
        channels=values.shape[1],
        low=number.minimum,
        high=number.maximum,
        form="scale",
        parameter_bits=IntegerType.spanning(
            int(lines.multipliers.min()), int(lines.multipliers.max()), signed=True
        ).bits,
        shift=lines.shift,
        covered=values.size,
        evaluated=values.size,
    )
