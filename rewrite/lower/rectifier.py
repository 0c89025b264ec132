"""Functions of one code that differ from channel to channel, or from position to position.

Two lines for each (``Rectifier``) where they are equal on every code, else a table for each
channel.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ir.elements import Rectifier, StreamType
from ir.errors import CompileError
from ir.identifiers import Identifiers
from ir.interpreter import look_up
from ir.numbers import IntArray, IntegerType, frozen_integers
from ir.proof import ProofRecord
from ir.rectifier_proof import TwoLines, fit_two_lines
from rewrite.lower.arithmetic import Built, table_range
from rewrite.lower.by_channel import ranges_by_channel, tables_by_channel, values_by_stream
from rewrite.lower.ordering import each_at_its_place
from rewrite.lower.reading import Stage
from rewrite.lower.streams import Stream

_WIDEST = 8


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
    source = each_at_its_place(source, names)
    values = values_by_stream(stage, source, layer)
    knee = _zero_code(stage)
    lines = fit_two_lines(values, number, knee)
    output = StreamType(source.shape, stage.output.number, 1)
    if lines is None:
        return tables_by_channel(values, source, output, names, layer)
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
    lows, highs = ranges_by_channel(values, source)
    stream = replace(source, element=element, lows=lows, highs=highs, layer=layer)
    return Built(stream, _record(layer, lines, values, number))


def two_lines(
    stage: Stage, table: IntArray, source: Stream, names: Identifiers, layer: str
) -> Built | None:
    """Return a function by its table, (2**bits,) by the bit pattern, as two lines for all channels.

    None if no two lines that meet at the code of 0 equal it.
    """
    number, channels = source.element.output.number, source.shape.channels
    values = look_up(table, number, np.arange(number.minimum, number.maximum + 1))[:, None]
    lines = fit_two_lines(values, number, _zero_code(stage))
    if lines is None:
        return None
    element = Rectifier(
        name=names.new(layer),
        layer=layer,
        source=source.element,
        output=StreamType(source.shape, stage.output.number, 1),
        knee=_zero_code(stage),
        multipliers=frozen_integers(np.repeat(lines.multipliers, channels, axis=1)),
        offsets=frozen_integers(np.repeat(lines.offsets, channels, axis=1)),
        shift=lines.shift,
        low=lines.low,
        high=lines.high,
    )
    lows, highs = table_range(table, number, source.lows, source.highs)
    stream = replace(source, element=element, lows=lows, highs=highs, layer=layer)
    return Built(stream, _record(layer, lines, values, number))


def _zero_code(stage: Stage) -> int:
    """Return the code of 0, where the slope changes."""
    entry = next(n for n in stage.nodes if n.inputs[0] is stage.sources[0])
    return stage.quantization(entry).zero_point


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
