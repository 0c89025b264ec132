"""Standalone max pools and global averages."""

from __future__ import annotations

import numpy as np

from ir.elements import (
    Element,
    GlobalAverage,
    Kernel,
    Lookup,
    MaxPool,
    ProcessingElement,
    Shape,
    StreamType,
)
from ir.errors import CompileError
from ir.identifiers import Identifiers
from ir.numbers import IntegerType, frozen_integers
from ir.proof import prove
from ir.requantize import Requantization, ScaleRequantization
from rewrite.lower.arithmetic import Built, accumulator_of, golden_of, mapped, per_channel
from rewrite.lower.layout import as_map
from rewrite.lower.reading import Stage, ints
from rewrite.lower.streams import Stream
from rewrite.lower.tables import codes_by_pattern
from rewrite.lower.windows import kernel_of


def max_pool(stages: tuple[Stage, ...], source: Stream, names: Identifiers, layer: str) -> Built:
    """Build a standalone max pool."""
    stream = as_map(source, names, layer)
    kernel = pool_kernel(stages[0], stream.shape, layer)
    rows, columns = kernel.output_size(stream.shape.height, stream.shape.width)
    output = StreamType(
        Shape(rows, columns, stream.shape.channels), stream.element.output.number, 1
    )
    element = MaxPool(names.new(layer), layer, stream.element, output, kernel)
    return Built(mapped(element, stream.lows, stream.highs, layer))


def pool_kernel(stage: Stage, shape: Shape, layer: str) -> Kernel:
    """Return the kernel of a MaxPool on a map of ``shape``."""
    assert stage.operator is not None
    height, width = ints(stage.operator, "kernel_shape", [])
    kernel = kernel_of(stage.operator, (height, width), shape, layer)
    ends = (kernel.pad_top, kernel.pad_bottom), (kernel.pad_left, kernel.pad_right)
    if max(ends[0]) >= height or max(ends[1]) >= width:
        raise CompileError(
            "lower",
            layer,
            f"the padding of a {height}x{width} max pool must be smaller than its window",
            "use less padding",
        )
    return kernel


def global_average(
    stages: tuple[Stage, ...], source: Stream, names: Identifiers, layer: str
) -> Built:
    """Build a global average; its factor is sx / (sy * pixels), rounded as onnxruntime does."""
    stream = as_map(source, names, layer)
    stage, pixels = stages[0], stream.shape.pixels
    x = stage.quantization(stage.operand(0))
    factor = x.scales / (stage.output.scale * np.float32(pixels))
    channels = stream.shape.channels
    first, last = stream.lows * pixels, stream.highs * pixels
    biases = np.full(channels, -x.zero_point * pixels)
    golden = golden_of(layer, per_channel(factor, channels), biases, stage.output, first, last)
    requantization, proof = prove(layer, golden)
    element = average_of(stage, stream, names.new(layer), layer, requantization)
    return Built(mapped(element, golden(first), golden(last), layer), proof)


def average_of(
    stage: Stage, stream: Stream, name: str, layer: str, requantization: Requantization
) -> Element:
    """Return the element that requantizes the sum of all pixels of ``stream``, channel by channel.

    Where only thresholds are exact, it is a convolution by ones, channel by channel, with one
    window: the element for sums has a multiplier only.
    """
    source, channels, pixels = stream.element, stream.shape.channels, stream.shape.pixels
    output = StreamType(Shape(1, 1, channels), stage.output.number, 1)
    accumulator = accumulator_of(stream.lows * pixels, stream.highs * pixels, requantization)
    if isinstance(requantization, ScaleRequantization):
        return GlobalAverage(name, layer, source, output, accumulator, requantization)
    if pixels == 1:  # one code in, one code out
        codes = codes_by_pattern(source.output.number)[:, None]
        table = requantization(np.broadcast_to(codes, (len(codes), channels)))[:, 0]
        return Lookup(name, layer, source, output, frozen_integers(table))
    height, width = stream.shape.height, stream.shape.width
    return ProcessingElement(
        name=name,
        layer=layer,
        source=source,
        output=output,
        kernel=Kernel(height, width, height, width),
        pad_value=stage.quantization(stage.operand(0)).zero_point,
        weights=frozen_integers(np.ones((height, width, 1, channels))),
        weight_number=IntegerType(1, False),
        accumulator=accumulator,
        requantization=requantization,
        convolved=stage.output.number,
        groups=channels,
    )
