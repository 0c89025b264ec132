"""Softmax over the channels of a stream."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ir.elements import Shape, Softmax, StreamType
from ir.errors import CompileError
from ir.identifiers import Identifiers
from ir.softmax import MOST_CHANNELS, exponentials
from rewrite.lower.arithmetic import Built
from rewrite.lower.ordering import in_order, stream_order
from rewrite.lower.reading import Stage
from rewrite.lower.streams import Stream, seen_as


def softmax(stages: tuple[Stage, ...], source: Stream, names: Identifiers, layer: str) -> Built:
    """Build a Softmax over any axis but the batch.

    Raises:
        CompileError: there are too many channels.
    """
    stage = stages[0]
    assert stage.operator is not None
    rank = source.positions.ndim + 1
    default = -1 if stage.opset >= 13 else 1
    axis = stage.operator.attributes.get_int("axis", default) % rank - 1
    stream = over_axis(source, axis, names)
    channels = stream.shape.channels
    if channels > MOST_CHANNELS:
        raise CompileError(
            "lower", layer,
            f"a Softmax must have at most {MOST_CHANNELS} channels, not {channels}",
            "leave it to the host",
        )  # fmt: skip
    number, scale = stream.element.output.number, stage.quantization(stage.operand(0)).scale
    element = Softmax(
        name=names.new(layer),
        layer=layer,
        source=stream.element,
        output=StreamType(stream.shape, stage.output.number, 1),
        exponentials=exponentials(scale, channels, number),
    )
    lows = np.full(channels, stage.output.number.minimum)
    highs = np.full(channels, stage.output.number.maximum)
    return Built(replace(stream, element=element, lows=lows, highs=highs, layer=layer))


def over_axis(source: Stream, axis: int, names: Identifiers) -> Stream:
    """Return ``source`` such that the values along ``axis`` are the channels of a pixel.

    Where others come between them, or where values that are sent once stand for several, they are
    put in order first: what approximates is compared tensor by tensor.
    """
    moved = replace(source, positions=np.moveaxis(source.positions, axis, -1))
    channels = moved.positions.shape[-1]
    pixels = moved.positions.reshape(-1, channels)
    firsts = pixels[:, :1]
    aligned = not np.any(firsts % channels)
    together = aligned and np.array_equal(pixels, firsts + np.arange(channels))
    if not together or stream_order(moved) is None:
        moved = in_order(moved, names)
    stream = replace(moved, positions=np.moveaxis(moved.positions, -1, axis))
    if channels == stream.shape.channels:
        return stream
    return seen_as(stream, Shape(1, stream.shape.size // channels, channels), names)
