"""Codes of another scale in front of what only moves or chooses codes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ir.elements import Lookup, StreamType
from ir.identifiers import Identifiers
from ir.numbers import frozen_integers
from rewrite.lower.alone import requantize_alone
from rewrite.lower.arithmetic import table_range
from rewrite.lower.reading import Stage
from rewrite.lower.streams import Stream
from rewrite.lower.tables import codes_by_pattern
from rewrite.onnx.graphs import is_operator


def requantized(stage: Stage, stream: Stream, names: Identifiers, layer: str) -> Stream:
    """Return the one stream that ``stage`` reads in the codes of the stage's result.

    Through a table that onnxruntime makes of all codes, or as it is where every code stays.
    """
    (entry,) = (n for n in stage.nodes if is_operator(n, "DequantizeLinear"))
    number = stream.element.output.number
    every = codes_by_pattern(number)
    table = requantize_alone(stage.quantization(entry), stage.output, every)
    if stage.output.number == number and np.array_equal(table, every):
        return stream
    output = StreamType(stream.shape, stage.output.number, 1)
    source = stream.element
    element = Lookup(names.new(f"{layer}_scale"), layer, source, output, frozen_integers(table))
    lows, highs = table_range(element.table, number, stream.lows, stream.highs)
    return replace(stream, element=element, lows=lows, highs=highs)
