"""Average pools: means over windows, of the values inside of the map or of all."""

from __future__ import annotations

import numpy as np

from ir.average_proof import GoldenMean, prove_mean, spread, uncertainty
from ir.elements import AveragePool, Kernel, Shape, StreamType
from ir.errors import CompileError
from ir.float_mean import can_be_added
from ir.identifiers import Identifiers
from ir.requantize import ScaleRequantization
from rewrite.lower.arithmetic import Built, Reference, accumulator_of, mapped
from rewrite.lower.float_means import MOST_WINDOWS, float_mean
from rewrite.lower.layout import as_map
from rewrite.lower.pool_execution import execution_of
from rewrite.lower.pools import global_average, pool_kernel
from rewrite.lower.reading import Stage
from rewrite.lower.streams import Stream
from rewrite.onnx.average_execution import Averages


def average_pool(
    stages: tuple[Stage, ...],
    source: Stream,
    names: Identifiers,
    layer: str,
    averages: Averages,
) -> Built:
    """Build an average pool; ``averages``: those that onnxruntime runs on codes.

    Raises:
        CompileError: onnxruntime's result depends on how it rounds sums, or has no short form.
    """
    stream, stage = as_map(source, names, layer), stages[0]
    kernel = pool_kernel(stage, stream.shape, layer)
    execution = execution_of(stage, kernel, averages)
    if execution is not None and kernel == Kernel(
        stream.shape.height, stream.shape.width, kernel.stride_height, kernel.stride_width
    ):
        return global_average(stages, stream, names, layer)
    down, across = kernel.taps_inside(stream.shape.height, stream.shape.width)
    counts = np.multiply.outer(down, across)
    assert stage.operator is not None
    if stage.operator.attributes.get_int("count_include_pad", 0):
        counts[:] = kernel.taps  # all means are of whole windows, zeros around the image
    x, y = stage.quantization(stage.operand(0)), stage.output
    low, high = int(stream.lows.min()), int(stream.highs.max())
    golden = GoldenMean(
        x.scale,
        x.zero_point,
        y.scale,
        y.zero_point,
        y.number,
        kernel.taps,
        np.unique(counts),
        min(low, x.zero_point),
        max(high, x.zero_point),
        shift=0 if execution is None else execution.output_shift,
    )
    refusal = uncertainty(layer, golden)
    if refusal is None:
        requantization, proof = prove_mean(layer, golden)
        if isinstance(requantization, ScaleRequantization):
            element = _element(names.new(layer), layer, stream, kernel, golden, requantization)
            ends = golden(golden.firsts).min(), golden(golden.lasts).max()
            lows, highs = (np.full(stream.shape.channels, end) for end in ends)
            reference = None if execution is None else Reference(execution.run)
            return Built(mapped(element, lows, highs, layer), proof, reference)
        refusal = CompileError(
            "lower",
            layer,
            "its requantization must be a multiplier, not a table of thresholds",
            "quantize its output with a scale a little larger than that of its input: then no "
            "mean lies half-way between two codes",
        )
    if execution is not None and can_be_added(golden) and counts.size <= MOST_WINDOWS:
        return float_mean(execution, stream, golden, counts, names, layer)
    raise refusal


def _element(
    name: str,
    layer: str,
    stream: Stream,
    kernel: Kernel,
    golden: GoldenMean,
    requantization: ScaleRequantization,
) -> AveragePool:
    down, across = kernel.output_size(stream.shape.height, stream.shape.width)
    rows, columns = np.arange(1, kernel.height + 1), np.arange(1, kernel.width + 1)
    counts = np.multiply.outer(rows, columns).reshape(-1)
    return AveragePool(
        name=name,
        layer=layer,
        source=stream.element,
        output=StreamType(Shape(down, across, stream.shape.channels), golden.output, 1),
        kernel=kernel,
        pad_value=golden.zero_point,
        accumulator=accumulator_of(golden.firsts, golden.lasts, requantization),
        requantization=spread(requantization, counts, golden.counts),
    )
