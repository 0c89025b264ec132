"""Functions of single values that differ from channel to channel: a line for each, or a table."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ir.elements import Affine, StreamType
from ir.identifiers import Identifiers
from ir.requantize import ScaleRequantization
from ir.table_proof import prove_lines
from rewrite.lower.arithmetic import Built
from rewrite.lower.by_channel import ranges_by_channel, tables_by_channel, values_by_stream
from rewrite.lower.ordering import each_at_its_place
from rewrite.lower.reading import Stage
from rewrite.lower.streams import Stream


def channelwise(stages: tuple[Stage, ...], source: Stream, names: Identifiers, layer: str) -> Built:
    """Build a factor and a summand per channel where they are equal on every code, else tables.

    Raises:
        CompileError: there are too many constants, or they differ between pixels.
    """
    stage, number = stages[0], source.element.output.number
    source = each_at_its_place(source, names)
    values = values_by_stream(stage, source, layer)
    output = StreamType(source.shape, stage.output.number, 1)
    proved = None
    if values.shape[1] == source.shape.channels:
        proved = prove_lines(layer, values, number.minimum, source.lows, source.highs)
    if proved is None:
        return tables_by_channel(values, source, output, names, layer)
    requantization, record = proved
    assert isinstance(requantization, ScaleRequantization)
    element = Affine(names.new(layer), layer, source.element, output, requantization)
    lows, highs = ranges_by_channel(values, source)
    stream = replace(source, element=element, lows=np.asarray(lows), highs=highs, layer=layer)
    return Built(stream, record)
