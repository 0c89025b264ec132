"""Convolutions and dense layers. Their windows move over images (NCHW in ONNX)."""

from __future__ import annotations

from typing import Any

import numpy as np
import tflite
from numpy.typing import NDArray

from frontend.tflite.activations import write_activated
from frontend.tflite.builder import TO_PLAIN, Builder, as_image, requantized
from frontend.tflite.dilation import gathered
from frontend.tflite.model import Operator

BIAS_TOLERANCE = 1e-3
"""Relative difference of a bias's scale from that of the products, a rounding of the converter."""

Pads = tuple[int, int, int, int]
"""Top, left, bottom, right, as in ONNX."""


def convolution(graph: Builder, operator: Operator) -> None:
    """CONV_2D: weights (outputs, height, width, inputs of a group) -> Conv."""
    options = operator.options(tflite.Conv2DOptions)
    weights = _weights(graph, operator.inputs[1], (0, 3, 1, 2), 0, 0)
    _convolve(graph, operator, options, weights, None)


def depthwise(graph: Builder, operator: Operator) -> None:
    """DEPTHWISE_CONV_2D: weights (1, height, width, channels * multiplier) -> Conv in groups."""
    options = operator.options(tflite.DepthwiseConv2DOptions)
    weights = _weights(graph, operator.inputs[1], (3, 0, 1, 2), 3, 0)
    _convolve(graph, operator, options, weights, graph.tensor(operator.inputs[0]).shape[-1])


def _convolve(
    graph: Builder, operator: Operator, options: Any, weights: str, groups: int | None
) -> None:
    source, pads = graph.padded.get(operator.inputs[0], (operator.inputs[0], (0, 0, 0, 0)))
    result, spread = operator.outputs[0], None
    if source in graph.spread:
        result, spread = gathered(graph, operator)
        source, pads = spread.source, spread.sides
    height, width, channels = image_of(graph, source)
    shape = graph.tensor(operator.inputs[1]).shape
    kernel = shape[1:3]
    strides = (options.StrideH(), options.StrideW())
    dilations = (options.DilationHFactor(), options.DilationWFactor())
    if spread is not None:
        if strides != (1, 1) or dilations != (1, 1) or options.Padding() == tflite.Padding.SAME:
            graph.refuse("strides or pads dealt out images", "convert the model again")
        dilations = spread.rates
    elif options.Padding() == tflite.Padding.SAME:
        pads = same_padding((height, width), kernel, strides, dilations)
    if groups is None:
        groups = max(1, channels // shape[3])
    operands = [graph.read(source, image=True), weights, *_bias(graph, operator, source)]
    tensor = graph.node(
        "Conv",
        *operands,
        kernel_shape=kernel,
        strides=strides,
        dilations=dilations,
        pads=pads,
        group=groups,
    )
    activation = options.FusedActivationFunction()
    write_activated(graph, result, tensor, activation, image=True)


def transposed_convolution(graph: Builder, operator: Operator) -> None:
    """TRANSPOSE_CONV: weights (outputs, height, width, inputs) -> ConvTranspose."""
    options = operator.options(tflite.TransposeConvOptions)
    source, result = operator.inputs[2], operator.outputs[0]
    kernel = graph.tensor(operator.inputs[1]).shape[1:3]
    strides = (options.StrideH(), options.StrideW())
    before, after, missing = [], [], []
    for size, wanted, taps, stride in zip(
        image_of(graph, source), image_of(graph, result), kernel, strides, strict=False
    ):
        cut = (size - 1) * stride + taps - wanted
        before.append(max(cut, 0) // 2)
        after.append(max(cut, 0) - max(cut, 0) // 2)
        missing.append(max(-cut, 0))
    weights = _weights(graph, operator.inputs[1], (3, 0, 1, 2), 0, 1)
    bias = Operator(operator.kind, (source, *operator.inputs[1:2], *operator.inputs[3:4]), (), 0, 0)
    tensor = graph.node(
        "ConvTranspose",
        graph.read(source, image=True),
        weights,
        *_bias(graph, bias, source),
        kernel_shape=kernel,
        strides=strides,
        pads=(*before, *after),
        output_padding=missing,
    )
    activation = getattr(options, "FusedActivationFunction", int)()
    write_activated(graph, result, tensor, activation, image=True)


def fully_connected(graph: Builder, operator: Operator) -> None:
    """FULLY_CONNECTED: weights (outputs, inputs) -> Gemm."""
    options = operator.options(tflite.FullyConnectedOptions)
    if options.WeightsFormat() != tflite.FullyConnectedOptionsWeightsFormat.DEFAULT:
        graph.refuse("its weights are shuffled", "convert the model again")
    source, result = operator.inputs[0], operator.outputs[0]
    frame, inputs = graph.frame(source), graph.tensor(operator.inputs[1]).shape[-1]
    activation = options.FusedActivationFunction()
    if frame[-1] != inputs or graph.frame(result)[:-1] != frame[:-1]:
        graph.refuse(
            f"is a dense layer on {list(graph.tensor(source).shape)}, not on "
            f"{[graph.batch, inputs]}",
            "flatten its input, or use a convolution of size 1",
        )
    if len(frame) == 1:
        weights = _weights(graph, operator.inputs[1], (1, 0), 0, 1)
        operands = [graph.read(source), weights, *_bias(graph, operator, source)]
        write_activated(graph, result, graph.node("Gemm", *operands), activation)
    elif len(frame) in (2, 3):
        _dense_at_positions(graph, operator, activation)
    else:
        graph.refuse(f"is a dense layer on {list(frame)}", "use at most 3 axes")


def _dense_at_positions(graph: Builder, operator: Operator, activation: int) -> None:
    """Append a convolution of one pixel, of a sequence as an image of one row."""
    source, result = operator.inputs[0], operator.outputs[0]
    weights = _weights(graph, operator.inputs[1], (0, 1), 0, 0, kernel=True)
    operands = [as_image(graph, source), weights, *_bias(graph, operator, source)]
    tensor = graph.node("Conv", *operands, kernel_shape=[1, 1])
    if len(graph.frame(source)) == 3:
        write_activated(graph, result, tensor, activation, image=True)
        return
    tensor = requantized(graph, result, tensor)
    tensor = graph.node("Transpose", tensor, perm=TO_PLAIN, role="to_nhwc")
    sizes = graph.constant("shape", np.array([-1, *graph.frame(result)], np.int64))
    tensor = graph.node("Reshape", requantized(graph, result, tensor), sizes, role="to_sequence")
    write_activated(graph, result, tensor, activation)


def same_padding(
    sizes: tuple[int, int],
    kernel: tuple[int, ...],
    strides: tuple[int, int],
    dilations: tuple[int, int],
) -> Pads:
    """Return the zeros of TFLite's SAME padding; an odd one is at the end.

    Source: tensorflow/lite/kernels/padding.h, ``ComputePaddingWithOffset``.
    """
    before, after = [], []
    for size, taps, stride, dilation in zip(sizes, kernel, strides, dilations, strict=True):
        if min(taps, stride, dilation) < 1:
            raise ValueError("a window of no size")
        total = max((-(-size // stride) - 1) * stride + (taps - 1) * dilation + 1 - size, 0)
        before.append(total // 2)
        after.append(total - total // 2)
    return before[0], before[1], after[0], after[1]


def image_of(graph: Builder, index: int) -> tuple[int, int, int]:
    """Return height, width and channels of a tensor that must be an image."""
    frame = graph.frame(index)
    if len(frame) != 3:
        graph.refuse(f"works on {list(frame)}, not on an image", "convert the model again")
    return frame[0], frame[1], frame[2]


def _weights(
    graph: Builder,
    index: int,
    order: tuple[int, ...],
    channel_axis: int,
    onnx_axis: int,
    *,
    kernel: bool = False,
) -> str:
    """Return constant weights, their axes in ``order``, dequantized if they are codes.

    ``channel_axis`` and ``onnx_axis``: where the output channels are, before and after.
    ``kernel``: a matrix as the kernel of one pixel.
    """
    tensor, values = graph.tensor(index), graph.values(index)
    if values is None or values.ndim != len(order):
        graph.refuse("its weights must be constant", "convert the model again")
    values = np.ascontiguousarray(values.transpose(order))
    name = graph.constant("weights", values[:, :, np.newaxis, np.newaxis] if kernel else values)
    quantization = graph.quantization(index)
    if quantization is None:
        return name
    if not quantization.is_per_tensor and quantization.axis != channel_axis:
        graph.refuse("its weights have a scale for each input", "convert the model again")
    shape = () if quantization.is_per_tensor else (-1,)
    scale = graph.constant("weights_scale", quantization.scale.reshape(shape))
    zeros = quantization.zero_point.astype(tensor.type).reshape(shape)
    zero = graph.constant("weights_zero_point", zeros)
    return graph.node("DequantizeLinear", name, scale, zero, role="weights", axis=onnx_axis)


def _bias(graph: Builder, operator: Operator, source: int) -> list[str]:
    """Return the bias, dequantized if it is an integer, or nothing where there is none."""
    if len(operator.inputs) < 3 or operator.inputs[2] < 0:
        _check_hybrid(graph, operator, source)
        return []
    index = operator.inputs[2]
    values = graph.values(index)
    if values is None or values.ndim != 1:
        graph.refuse("its bias must be constant", "convert the model again")
    data = _check_hybrid(graph, operator, source)
    if data is None:
        if values.dtype != np.float32:
            graph.refuse("its bias must be float32", "convert the model again")
        return [graph.constant("bias", values)]
    if values.dtype != np.int32:
        graph.refuse(f"its bias must be int32, not {values.dtype.name}", "convert to int8")
    stated = graph.tensor(index).quantization
    if stated is not None and not np.allclose(stated.scale, data, rtol=BIAS_TOLERANCE, atol=0):
        graph.refuse("its bias has not the scale of the products", "convert the model again")
    return [
        graph.node(
            "DequantizeLinear",
            graph.constant("bias", values),
            graph.constant("bias_scale", data if data.size > 1 else data.reshape(())),
            graph.constant(
                "bias_zero_point", np.zeros(data.shape if data.size > 1 else (), np.int32)
            ),
            role="bias",
            axis=0,
        )
    ]


def _check_hybrid(graph: Builder, operator: Operator, source: int) -> NDArray[np.float32] | None:
    """Return the scale of the products, None in a float layer; both or none must be codes."""
    data, weights = graph.quantization(source), graph.quantization(operator.inputs[1])
    if (data is None) != (weights is None):
        graph.refuse(
            "quantizes its input while it runs (dynamic range quantization)",
            "convert the model with representative data",
        )
    if data is None or weights is None:
        return None
    return (data.scale * weights.scale).astype(np.float32)
