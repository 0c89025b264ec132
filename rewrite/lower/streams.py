"""An ONNX tensor of codes as a stream."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ir.elements import Element, Reshape, Shape, StreamType
from ir.identifiers import Identifiers
from ir.numbers import IntArray


@dataclass(frozen=True, slots=True)
class Stream:
    """An ONNX tensor of codes as a stream.

    ``lows``, ``highs``: (channels,) codes that can occur in each channel of the element's output.
    ``layer``: the operator that gave the tensor its present shape.  ``waypoints``: orders of the
    values, as flat positions, in which reshapes saw them: between one and the next, and on to the
    present one, nested loops lead.
    """

    element: Element
    positions: IntArray
    lows: IntArray
    highs: IntArray
    layer: str
    waypoints: tuple[IntArray, ...] = ()

    @property
    def shape(self) -> Shape:
        """Shape of the element's output."""
        return self.element.output.shape


def seen_as(stream: Stream, shape: Shape, names: Identifiers) -> Stream:
    """Return the stream with another shape, through a Reshape if it differs."""
    if shape == stream.shape:
        return stream
    output = StreamType(shape, stream.element.output.number, 1)
    element = Reshape(names.new(stream.layer), stream.layer, stream.element, output)
    pixels = stream.shape.pixels
    lows = np.tile(stream.lows, pixels).reshape(-1, shape.channels).min(axis=0)
    highs = np.tile(stream.highs, pixels).reshape(-1, shape.channels).max(axis=0)
    return replace(stream, element=element, lows=lows, highs=highs)
