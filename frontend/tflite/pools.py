"""Pools over windows. They move over images (NCHW in ONNX)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import tflite

from frontend.tflite.activations import write_activated
from frontend.tflite.builder import Builder
from frontend.tflite.model import Operator
from frontend.tflite.windows import image_of, same_padding

SHORT_DIGITS = 8
"""Binary digits of a scale with which float32 sums of codes in a window are exact."""


def max_pool(graph: Builder, operator: Operator) -> None:
    """MAX_POOL_2D -> MaxPool."""
    _pool(graph, operator, "MaxPool")


def average_pool(graph: Builder, operator: Operator) -> None:
    """AVERAGE_POOL_2D, which does not count padding -> AveragePool, or GlobalAveragePool."""
    _pool(graph, operator, "AveragePool", count_include_pad=0)


def _pool(graph: Builder, operator: Operator, kind: str, **attributes: Any) -> None:
    options = operator.options(tflite.Pool2DOptions)
    source = operator.inputs[0]
    height, width, _ = image_of(graph, source)
    kernel = (options.FilterHeight(), options.FilterWidth())
    strides = (options.StrideH(), options.StrideW())
    pads = (0, 0, 0, 0)
    if options.Padding() == tflite.Padding.SAME:
        pads = same_padding((height, width), kernel, strides, (1, 1))
    tensor = graph.read(source, image=True)
    if kind == "AveragePool" and kernel == (height, width) and not any(pads):
        tensor = graph.node("GlobalAveragePool", tensor)
    elif kind == "AveragePool" and not any(pads) and _has_many_digits(graph, source):
        tensor = average_by_convolution(graph, source, tensor, kernel, strides)
    else:
        tensor = graph.node(
            kind, tensor, kernel_shape=kernel, strides=strides, pads=pads, **attributes
        )
    activation = options.FusedActivationFunction()
    write_activated(graph, operator.outputs[0], tensor, activation, image=True)


def _has_many_digits(graph: Builder, index: int) -> bool:
    """Tell whether the scale of codes is no short binary number, so that float32 sums round."""
    quantization = graph.quantization(index)
    if quantization is None or not quantization.is_per_tensor:
        return False
    digits = math.frexp(float(quantization.scale.item()))[0] * 2**SHORT_DIGITS
    return not digits.is_integer()


def average_by_convolution(
    graph: Builder, index: int, tensor: str, kernel: tuple[int, int], strides: tuple[int, int]
) -> str:
    """Append a depthwise Conv that averages codes, which onnxruntime adds as integers.

    Its AveragePool adds float32 numbers, in an order of its own.
    """
    channels = graph.tensor(index).shape[-1]
    codes = graph.constant("ones", np.ones((channels, 1, *kernel), np.int8))
    scale = graph.constant("share", np.float32(1 / math.prod(kernel)))
    scales = (scale, graph.constant("zero", np.int8(0)))
    weights = graph.node("DequantizeLinear", codes, *scales, role="weights")
    return graph.node("Conv", tensor, weights, kernel_shape=kernel, strides=strides, group=channels)
