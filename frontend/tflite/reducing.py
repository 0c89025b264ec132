"""Operators that make one value of all along some axes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from frontend.tflite.builder import Builder, as_image, requantized
from frontend.tflite.model import Operator

Convert = Callable[[Builder, Operator], None]


def _pooled(operator_name: str) -> Convert:
    """Return the conversion of a reduction over all positions to a pool of the whole image."""

    def convert(graph: Builder, operator: Operator) -> None:
        source, result = operator.inputs[0], operator.outputs[0]
        _of_positions(graph, operator)
        pooled = graph.node(operator_name, as_image(graph, source))
        _write_flat(graph, result, requantized(graph, result, pooled))

    return convert


def _of_positions(graph: Builder, operator: Operator) -> None:
    """Refuse a reduction that is not over all positions, of an image or of a sequence."""
    frame = graph.frame(operator.inputs[0])
    rank = len(frame) + 1
    axes = sorted(axis % rank for axis in graph.integers(operator.inputs[1], "axes"))
    if axes != list(range(1, rank - 1)) or rank not in (3, 4):
        graph.refuse(f"reduces the axes {axes} of {[graph.batch, *frame]}", "use a global pool")


def _write_flat(graph: Builder, result: int, tensor: str) -> None:
    sizes = graph.constant("shape", np.array([-1, *graph.frame(result)], np.int64))
    graph.write(result, graph.node("Reshape", tensor, sizes, role="flatten"))


def total(graph: Builder, operator: Operator) -> None:
    """SUM over all positions -> depthwise Conv with weights of one, which adds codes exactly."""
    source, result = operator.inputs[0], operator.outputs[0]
    _of_positions(graph, operator)
    *sizes, channels = graph.frame(source)
    kernel = [1] * (2 - len(sizes)) + sizes
    ones = np.ones((channels, 1, *kernel))
    if graph.quantization(source) is None:
        weights = graph.constant("ones", ones.astype(np.float32))
    else:
        codes = graph.constant("ones", ones.astype(np.int8))
        scales = (graph.constant("one", np.float32(1)), graph.constant("zero", np.int8(0)))
        weights = graph.node("DequantizeLinear", codes, *scales, role="weights")
    summed = graph.node(
        "Conv", as_image(graph, source), weights, kernel_shape=kernel, group=channels
    )
    _write_flat(graph, result, requantized(graph, result, summed))


OPERATORS: dict[str, Convert] = {
    "MEAN": _pooled("GlobalAveragePool"),
    "REDUCE_MAX": _pooled("GlobalMaxPool"),
    "SUM": total,
}
"""By TFLite's names."""
