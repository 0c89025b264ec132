"""Average pools: means over windows, of the values inside of the map or of all."""

from __future__ import annotations

import numpy as np

from ir.average_proof import GoldenMean, prove_mean, require_certain, spread
from ir.elements import AveragePool, Shape, StreamType
from ir.errors import CompileError
from ir.identifiers import Identifiers
from ir.requantize import ScaleRequantization
from rewrite.lower.arithmetic import Built, accumulator_of, mapped
from rewrite.lower.layout import as_map
from rewrite.lower.pools import pool_kernel
from rewrite.lower.reading import Stage
from rewrite.lower.streams import Stream


def average_pool(
    stages: tuple[Stage, ...], source: Stream, names: Identifiers, layer: str
) -> Built:
    """Build an average pool.

    Raises:
        CompileError: onnxruntime's result depends on how it rounds sums, or has no short form.
    """
    stream, stage = as_map(source, names, layer), stages[0]
    kernel = pool_kernel(stage, stream.shape, layer)
    down, across = kernel.taps_inside(stream.shape.height, stream.shape.width)
    used = np.unique(np.multiply.outer(np.unique(down), np.unique(across)))
    assert stage.operator is not None
    if stage.operator.attributes.get_int("count_include_pad", 0):
        used = np.array([kernel.taps])  # all means are of whole windows, zeros around the image
    x, y = stage.quantization(stage.operand(0)), stage.output
    low, high = int(stream.lows.min()), int(stream.highs.max())
    golden = GoldenMean(
        x.scale,
        x.zero_point,
        y.scale,
        y.zero_point,
        y.number,
        kernel.taps,
        used,
        min(low, x.zero_point),
        max(high, x.zero_point),
    )
    require_certain(layer, golden)
    requantization, proof = prove_mean(layer, golden)
    if not isinstance(requantization, ScaleRequantization):
        raise CompileError(
            "lower",
            layer,
            "its requantization must be a multiplier, not a table of thresholds",
            "quantize its output with a scale a little larger than that of its input: then no "
            "mean lies half-way between two codes",
        )
    rows, columns = np.arange(1, kernel.height + 1), np.arange(1, kernel.width + 1)
    counts = np.multiply.outer(rows, columns).reshape(-1)
    element = AveragePool(
        name=names.new(layer),
        layer=layer,
        source=stream.element,
        output=StreamType(
            Shape(len(down), len(across), stream.shape.channels), stage.output.number, 1
        ),
        kernel=kernel,
        pad_value=x.zero_point,
        accumulator=accumulator_of(golden.firsts, golden.lasts, requantization),
        requantization=spread(requantization, counts, used),
    )
    ends = golden(golden.firsts).min(), golden(golden.lasts).max()
    lows, highs = (np.full(stream.shape.channels, end) for end in ends)
    return Built(mapped(element, lows, highs, layer), proof)
