"""Linear interpolation: every phase a channel of one depthwise convolution, put side by side.

With a factor f, place ``f * n + r`` of the result lies at ``n + t`` of the image, between pixels
n - 1 and n or n and n + 1, and t depends on the phase r alone:

    y[f * n + r] = max(0, -t) * x[n - 1] + (1 - |t|) * x[n] + max(0, t) * x[n + 1]

with ``t = (r + 1/2) / f - 1/2`` (half_pixel) or ``t = r / f`` (asymmetric).  All t are fractions of
``2 * f``, so the weights are whole numbers and one requantization divides.  Pixels beyond the edge
are those of the edge.
"""

from __future__ import annotations

from dataclasses import replace
from math import gcd

import numpy as np

from ir.elements import Kernel, ProcessingElement, Shape, StreamType
from ir.errors import CompileError
from ir.identifiers import Identifiers
from ir.interpolation_proof import GoldenInterpolation, prove_interpolation
from ir.numbers import IntArray, IntegerType, frozen_integers
from ir.requantize import Requantization, ScaleRequantization, ThresholdRequantization
from rewrite.lower.arithmetic import Built, accumulator_of, mapped, reachable
from rewrite.lower.layout import as_map
from rewrite.lower.reading import Stage
from rewrite.lower.selection import edges_repeated
from rewrite.lower.streams import Stream
from rewrite.onnx.fuse_interpolation import factors_of
from rewrite.onnx.graphs import is_operator


def interpolation(
    stages: tuple[Stage, ...], source: Stream, names: Identifiers, layer: str
) -> Built:
    """Build the repeated edges and the convolution to all phases of a linear Resize.

    Raises:
        CompileError: onnxruntime's result depends on how it rounds sums.
    """
    stage = stages[0]
    assert stage.operator is not None
    factors = factors_of(stage.array(stage.operator.inputs[2]))
    assert factors is not None
    image = as_map(source, names, layer).shape
    attributes = stage.operator.attributes
    form = attributes.get_string("coordinate_transformation_mode", "half_pixel")
    sizes = (image.height, image.width)
    single = form == "pytorch_half_pixel"  # a result of one pixel lies at 0 of its image: itself
    rows, columns = (
        phase_weights(f, asymmetric=form == "asymmetric" or (single and f * size == 1))
        for f, size in zip(factors, sizes, strict=True)
    )
    weights = np.einsum("ra,cb->abrc", rows, columns).reshape(len(rows[0]), len(columns[0]), 1, -1)
    denominator = int(weights[..., 0].sum())
    golden = _golden(stage, source, denominator, factors, sizes)
    if not golden.is_certain:
        raise CompileError(
            "lower",
            layer,
            "its input scale must be a number of few digits in base 2, so that onnxruntime "
            f"interpolates in float32 without rounding, not {float(golden.scale):.9g}",
            "round the scale to 8 significant bits when quantizing, or quantize the result with "
            "257/256 of it",
        )
    requantization, proof = prove_interpolation(layer, golden)
    stream = edges_repeated(source, factors[0] > 1, factors[1] > 1, names, layer)
    channels = stream.shape.channels
    element = _element(
        stream, np.tile(weights, channels), requantization, golden, names.new(layer), layer
    )
    built = mapped(element, *_ends(element, stream, golden), layer)
    apart = built.positions.reshape(channels, *factors, *sizes).transpose(0, 3, 1, 4, 2)
    together = apart.reshape(channels, factors[0] * sizes[0], factors[1] * sizes[1])
    return Built(replace(built, positions=together), proof)


def phase_weights(factor: int, *, asymmetric: bool) -> IntArray:
    """Return (phases, 3): weights of the pixel before, the pixel itself and the one behind.

    Whole numbers with equal sums; (1, 1) for the factor 1.
    """
    if factor == 1:
        return np.ones((1, 1), np.int64)
    whole = 2 * factor
    phase = np.arange(factor)
    t = 2 * phase if asymmetric else 2 * phase + 1 - factor
    weights = np.stack([np.maximum(-t, 0), whole - np.abs(t), np.maximum(t, 0)], axis=1)
    shortened: IntArray = weights // gcd(*weights.reshape(-1).tolist())
    return shortened


def _golden(
    stage: Stage,
    source: Stream,
    denominator: int,
    factors: tuple[int, int],
    sizes: tuple[int, int],
) -> GoldenInterpolation:
    x, y = stage.quantization(stage.operand(0)), stage.output
    return GoldenInterpolation(
        x.scale,
        x.zero_point,
        y.scale,
        y.zero_point,
        y.number,
        denominator,
        int(source.lows.min()),
        int(source.highs.max()),
        max(f * size for f, size in zip(factors, sizes, strict=True)),
        any(is_operator(node, "Cast") for node in stage.nodes),
    )


def _element(
    stream: Stream,
    weights: IntArray,
    requantization: Requantization,
    golden: GoldenInterpolation,
    name: str,
    layer: str,
) -> ProcessingElement:
    first, last = reachable(weights, stream.lows, stream.highs, stream.shape.channels)
    kernel = Kernel(weights.shape[0], weights.shape[1])
    rows, columns = kernel.output_size(stream.shape.height, stream.shape.width)
    everywhere = _everywhere(requantization, weights.shape[3])
    return ProcessingElement(
        name=name,
        layer=layer,
        source=stream.element,
        output=StreamType(Shape(rows, columns, weights.shape[3]), golden.output, 1),
        kernel=kernel,
        pad_value=golden.zero_point,
        weights=frozen_integers(weights),
        weight_number=IntegerType.spanning(int(weights.min()), int(weights.max())),
        accumulator=accumulator_of(first, last, everywhere),
        requantization=everywhere,
        convolved=golden.output,
        groups=stream.shape.channels,
        table=None,
        pool=None,
    )


def _ends(
    element: ProcessingElement, stream: Stream, golden: GoldenInterpolation
) -> tuple[IntArray, IntArray]:
    """Return the least and the greatest code of each of the element's channels."""
    phases = element.output.shape.channels // stream.shape.channels
    ends = (np.repeat(codes, phases) for codes in (stream.lows, stream.highs))
    low, high = (golden(golden.denominator * codes) for codes in ends)
    return low, high


def _everywhere(function: Requantization, channels: int) -> Requantization:
    """Return a requantization of one channel for all of them."""
    if isinstance(function, ThresholdRequantization):
        rows = np.repeat(function.thresholds, channels, axis=0)
        return ThresholdRequantization(frozen_integers(rows), function.low)
    assert isinstance(function, ScaleRequantization)
    return ScaleRequantization(
        frozen_integers(np.repeat(function.multipliers, channels)),
        frozen_integers(np.repeat(function.offsets, channels)),
        function.shift,
        function.low,
        function.high,
    )
