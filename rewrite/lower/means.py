"""Means over any axes, which onnxruntime computes in float32."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ir.average_proof import NEAR, GoldenMean, near_mean, prove_mean
from ir.elements import GlobalAverage, Shape, StreamType
from ir.errors import CompileError
from ir.identifiers import Identifiers
from ir.proof import ProofRecord
from ir.requantize import ScaleRequantization
from rewrite.lower.arithmetic import Built, accumulator_of
from rewrite.lower.reading import Stage
from rewrite.lower.reduction import pixels_of
from rewrite.lower.streams import Stream

LARGEST_ERROR = 0.5
"""Codes that onnxruntime may be away from the real mean before it rounds."""
MOST_PROVED = 4096
"""Values whose mean is looked at for every sum."""


def mean(stages: tuple[Stage, ...], source: Stream, names: Identifiers, layer: str) -> Built:
    """Build a global average of the axes that are averaged.

    Exact where no order of onnxruntime's additions can move a result, and a multiplier gives the
    very same steps; within one code of it else: each is less than half a code away from the mean.

    Raises:
        CompileError: the sums are so long that float32 does not give the mean within half a code.
    """
    stage = stages[0]
    stream, positions = pixels_of(stage, source, names, layer)
    golden = _golden(stage, stream)
    form, proof = _exact(layer, golden)
    if proof is None and golden.largest_error + NEAR > LARGEST_ERROR:
        raise CompileError(
            "lower", layer,
            f"the mean of {golden.taps} values must be known within {LARGEST_ERROR} codes, but "
            f"onnxruntime's float32 may be {golden.largest_error:.2f} away",
            "use GlobalAveragePool, which onnxruntime computes in integers",
        )  # fmt: skip
    ends = np.concatenate([form(golden.firsts), form(golden.lasts)])
    channels = stream.shape.channels
    every = replace(
        form,
        multipliers=np.broadcast_to(form.multipliers, channels),
        offsets=np.broadcast_to(form.offsets, channels),
    )
    element = GlobalAverage(
        name=names.new(layer),
        layer=layer,
        source=stream.element,
        output=StreamType(Shape(1, 1, channels), stage.output.number, 1),
        accumulator=accumulator_of(golden.firsts, golden.lasts, every),
        requantization=every,
        approximates=proof is None,
    )
    lows, highs = (np.full(channels, end) for end in (ends.min(), ends.max()))
    return Built(Stream(element, positions, lows, highs, layer), proof)


def _exact(layer: str, golden: GoldenMean) -> tuple[ScaleRequantization, ProofRecord | None]:
    """Return a form with its proof, or the nearest one without."""
    if golden.taps > MOST_PROVED:
        return near_mean(golden), None
    form, proof = prove_mean(layer, golden)
    if not isinstance(form, ScaleRequantization):
        return near_mean(golden), None
    return form, proof if golden.is_certain else None


def _golden(stage: Stage, stream: Stream) -> GoldenMean:
    """Return onnxruntime's arithmetic for the sum of all pixels of ``stream``."""
    x, y, pixels = stage.quantization(stage.operand(0)), stage.output, stream.shape.pixels
    return GoldenMean(
        x.scale,
        x.zero_point,
        y.scale,
        y.zero_point,
        y.number,
        pixels,
        np.array([pixels]),
        int(stream.lows.min()),
        int(stream.highs.max()),
        rounds_first=True,
    )
