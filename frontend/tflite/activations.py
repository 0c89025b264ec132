"""Activations that TFLite fuses into other operators, as what is left of them on codes."""

from __future__ import annotations

import math

import numpy as np
import tflite

from frontend.tflite.builder import Builder

LIMITS: dict[int, tuple[float, float]] = {
    tflite.ActivationFunctionType.NONE: (-math.inf, math.inf),
    tflite.ActivationFunctionType.RELU: (0.0, math.inf),
    tflite.ActivationFunctionType.RELU_N1_TO_1: (-1.0, 1.0),
    tflite.ActivationFunctionType.RELU6: (0.0, 6.0),
}


def write_activated(
    graph: Builder, index: int, tensor: str, activation: int, *, image: bool = False
) -> None:
    """Take ``tensor``, floats, behind a fused activation as the TFLite tensor ``index``.

    Codes are clamped where the activation's limits cut some off. Mostly they do not: the range of
    the codes was chosen to end there, and quantization itself is the clamp.
    """
    limits = LIMITS.get(activation)
    if limits is None:
        graph.refuse("has a fused activation that is no clamp", "use the activation as a layer")
    low, high = limits
    quantization = graph.quantization(index)
    if quantization is None:
        graph.write(index, clamp(graph, tensor, low, high), image=image)
        return
    graph.write(index, tensor, image=image)
    codes = np.iinfo(graph.tensor(index).type or np.dtype(np.int8))
    scale, zero = float(quantization.scale.reshape(-1)[0]), int(quantization.zero_point.item())
    cut_below = low > -math.inf and zero + round(low / scale) > codes.min
    cut_above = high < math.inf and zero + round(high / scale) < codes.max
    if cut_below or cut_above:
        low, high = low if cut_below else -math.inf, high if cut_above else math.inf
        graph.write(index, clamp(graph, graph.read(index, image=image), low, high), image=image)


def clamp(graph: Builder, tensor: str, low: float, high: float) -> str:
    """Return ``min(max(tensor, low), high)``."""
    if (low, high) == (0.0, math.inf):
        return graph.node("Relu", tensor, role="clamp")
    ends = [
        graph.constant("limit", np.float32(end)) if math.isfinite(end) else ""
        for end in (low, high)
    ]
    return graph.node("Clip", tensor, *ends, role="clamp") if any(ends) else tensor
