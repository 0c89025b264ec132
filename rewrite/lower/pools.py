"""Standalone max pools and global averages."""

from __future__ import annotations

import numpy as np

from ir.elements import GlobalAverage, Kernel, MaxPool, Shape, StreamType
from ir.errors import CompileError
from ir.identifiers import Identifiers
from ir.proof import prove
from rewrite.lower.arithmetic import Built, accumulator_of, golden_of, mapped, per_channel
from rewrite.lower.layout import Stream, as_map
from rewrite.lower.reading import Stage, ints
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
    element = GlobalAverage(
        name=names.new(layer),
        layer=layer,
        source=stream.element,
        output=StreamType(Shape(1, 1, channels), stage.output.number, 1),
        accumulator=accumulator_of(first, last, requantization),
        requantization=requantization,
    )
    return Built(mapped(element, golden(first), golden(last), layer), proof)
