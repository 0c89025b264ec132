"""Means over any axes, which onnxruntime computes in float32."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ir.average_proof import GoldenMean, prove_mean, require_certain
from ir.identifiers import Identifiers
from ir.requantize import Requantization, ScaleRequantization
from rewrite.lower.arithmetic import Built
from rewrite.lower.pools import average_of
from rewrite.lower.reading import Stage
from rewrite.lower.reduction import pixels_of
from rewrite.lower.streams import Stream


def mean(stages: tuple[Stage, ...], source: Stream, names: Identifiers, layer: str) -> Built:
    """Build a global average of the axes that are averaged.

    Raises:
        CompileError: onnxruntime's result depends on how it rounds sums.
    """
    stage = stages[0]
    stream, positions = pixels_of(stage, source, names, layer)
    golden = _golden(stage, stream)
    require_certain(layer, golden)
    requantization, proof = prove_mean(layer, golden)
    channels = stream.shape.channels
    every = _of_channels(requantization, channels)
    element = average_of(stage, stream, names.new(layer), layer, every)
    ends = golden(golden.firsts).min(), golden(golden.lasts).max()
    lows, highs = (np.full(channels, end) for end in ends)
    return Built(Stream(element, positions, lows, highs, layer), proof)


def _of_channels(function: Requantization, channels: int) -> Requantization:
    """Return parameters for all ``channels`` from those of one."""
    if isinstance(function, ScaleRequantization):
        return replace(
            function,
            multipliers=np.broadcast_to(function.multipliers, channels),
            offsets=np.broadcast_to(function.offsets, channels),
        )
    levels = function.levels
    return replace(function, thresholds=np.broadcast_to(function.thresholds, (channels, levels)))


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
