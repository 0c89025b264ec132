"""Dense layers, convolutions and pooling as ONNX nodes. A sequence is an image of one row."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from frontend.activations import append_activation
from frontend.emit import emit
from frontend.layers import Shape
from frontend.layers.convolutions import (
    Convolution,
    Dense,
    DepthwiseConvolution,
    SeparableConvolution,
    TransposedConvolution,
    Windowed,
)
from frontend.layers.pooling import (
    AveragePooling1D,
    AveragePooling2D,
    GlobalAveragePooling1D,
    GlobalAveragePooling2D,
    GlobalMaxPooling1D,
    GlobalMaxPooling2D,
    GlobalPooling1D,
    GlobalPooling2D,
    MaxPooling1D,
    MaxPooling2D,
    Pooling,
)
from frontend.network import Step
from frontend.onnx_builder import NO_PADDING, GraphBuilder, add_padding
from frontend.windows import transposed_padding, window_padding

T = TypeVar("T")
Array = NDArray[np.float32]


@emit.register
def _dense(layer: Dense, step: Step, graph: GraphBuilder) -> None:
    if len(step.input_shape) == 1:
        weights = [graph.constant(name, values) for name, values in step.weights.items()]
        graph.node("Gemm", *weights)
    else:  # at each position the same: a convolution of one pixel
        graph.to_channels_first()
        kernel = step.weights["kernel"].T[:, :, np.newaxis, np.newaxis]
        weights = [graph.constant("kernel", kernel), *_bias(step, graph)]
        graph.node("Conv", *weights, kernel_shape=[1, 1], group=1)
    append_activation(layer.activation, graph, "activation")


@emit.register
def _convolution(layer: Convolution, step: Step, graph: GraphBuilder) -> None:
    graph.to_channels_first()
    kernel = _image(step.weights["kernel"]).transpose(3, 2, 0, 1)
    _append_conv(graph, layer, step, kernel, "kernel", "", group=layer.groups)
    append_activation(layer.activation, graph, "activation")


@emit.register
def _depthwise(layer: DepthwiseConvolution, step: Step, graph: GraphBuilder) -> None:
    graph.to_channels_first()
    kernel = _one_each(step.weights["kernel"])
    _append_conv(graph, layer, step, kernel, "kernel", "", group=step.input_shape[-1])
    append_activation(layer.activation, graph, "activation")


@emit.register
def _separable(layer: SeparableConvolution, step: Step, graph: GraphBuilder) -> None:
    graph.to_channels_first()
    kernel = _one_each(step.weights["depthwise_kernel"])
    group = step.input_shape[-1]
    _append_conv(graph, layer, step, kernel, "depthwise_kernel", "depthwise", group, biased=False)
    pointwise = _image(step.weights["pointwise_kernel"]).transpose(3, 2, 0, 1)
    weights = [graph.constant("pointwise_kernel", pointwise), *_bias(step, graph)]
    graph.node("Conv", *weights, role="pointwise", kernel_shape=[1, 1], group=1)
    append_activation(layer.activation, graph, "activation")


def _one_each(kernel: Array) -> Array:
    """Return a depthwise kernel ``(*sizes, channels, multiplier)`` as that of a grouped Conv."""
    rows, columns, channels, multiplier = _image(kernel).shape
    filters = _image(kernel).transpose(2, 3, 0, 1)
    return filters.reshape(channels * multiplier, 1, rows, columns)


def _image(kernel: Array) -> Array:
    """Return the kernel of a layer on sequences as one of a single row."""
    return kernel if kernel.ndim == 4 else kernel[np.newaxis]


def _bias(step: Step, graph: GraphBuilder) -> list[str]:
    return [graph.constant("bias", step.weights["bias"])] if "bias" in step.weights else []


def _append_conv(
    graph: GraphBuilder,
    layer: Windowed,
    step: Step,
    kernel: Array,
    name: str,
    role: str,
    group: int,
    biased: bool = True,
) -> None:
    """Append a Conv; ``kernel`` is (filters, channels of a group, rows, columns)."""
    weights = [graph.constant(name, kernel), *(_bias(step, graph) if biased else [])]
    windows = layer.kernel_size, layer.strides, layer.dilation_rate
    graph.node(
        "Conv",
        *weights,
        role=role,
        kernel_shape=_rows_and_columns(layer.kernel_size, 1),
        strides=_rows_and_columns(layer.strides, 1),
        dilations=_rows_and_columns(layer.dilation_rate, 1),
        pads=_pads(graph, step.input_shape, *windows, layer.padding),
        group=group,
    )


def _rows_and_columns(values: Iterable[T], one: T) -> list[T]:
    """Return two values of one for each axis; a sequence has one row."""
    given = list(values)
    return [one] * (2 - len(given)) + given


def _pads(
    graph: GraphBuilder, shape: Shape, kernel: Shape, strides: Shape, dilations: Shape, padding: str
) -> list[int]:
    """Return a window's own padding and the zeros to be put in front, in ONNX's order."""
    windows = zip(shape[:-1], kernel, strides, dilations, strict=True)
    rows, columns = _rows_and_columns((window_padding(*w, padding) for w in windows), (0, 0))
    (top, bottom), (left, right) = add_padding(graph.value.padding, (rows, columns))
    return [top, left, bottom, right]


@emit.register
def _transposed(layer: TransposedConvolution, step: Step, graph: GraphBuilder) -> None:
    graph.to_channels_first()
    kernel = _image(step.weights["kernel"]).transpose(3, 2, 0, 1)
    weights = [graph.constant("kernel", kernel), *_bias(step, graph)]
    extra = layer.output_padding or (None,) * len(layer.strides)
    sizes = step.input_shape[:-1]
    windows = zip(sizes, layer.kernel_size, layer.strides, extra, strict=True)
    cuts = (transposed_padding(*window, layer.padding) for window in windows)
    (top, bottom, rows), (left, right, columns) = _rows_and_columns(cuts, (0, 0, 0))
    graph.node(
        "ConvTranspose",
        *weights,
        kernel_shape=_rows_and_columns(layer.kernel_size, 1),
        strides=_rows_and_columns(layer.strides, 1),
        dilations=[1, 1],
        pads=[top, left, bottom, right],
        output_padding=[rows, columns],
        group=1,
    )
    append_activation(layer.activation, graph, "activation")


@emit.register(MaxPooling1D)
@emit.register(MaxPooling2D)
def _max_pooling(layer: MaxPooling1D | MaxPooling2D, step: Step, graph: GraphBuilder) -> None:
    _append_pool(layer, step, graph, "MaxPool")


@emit.register(AveragePooling1D)
@emit.register(AveragePooling2D)
def _average(layer: AveragePooling1D | AveragePooling2D, step: Step, graph: GraphBuilder) -> None:
    whole = layer.pool_size == step.input_shape[:-1] and set(step.shape[:-1]) == {1}
    if whole and graph.value.padding == NO_PADDING:
        graph.to_channels_first()  # onnxruntime has an integer operator for the whole map
        graph.node("GlobalAveragePool")
    else:
        _append_pool(layer, step, graph, "AveragePool", count_include_pad=0)


def _append_pool(
    layer: Pooling, step: Step, graph: GraphBuilder, operator: str, **attributes: Any
) -> None:
    graph.to_channels_first()
    strides = layer.strides or layer.pool_size
    ones = (1,) * len(strides)
    graph.node(
        operator,
        kernel_shape=_rows_and_columns(layer.pool_size, 1),
        strides=_rows_and_columns(strides, 1),
        pads=_pads(graph, step.input_shape, layer.pool_size, strides, ones, layer.padding),
        **attributes,
    )


@emit.register(GlobalAveragePooling1D)
@emit.register(GlobalAveragePooling2D)
def _global_average(
    layer: GlobalAveragePooling1D | GlobalAveragePooling2D, step: Step, graph: GraphBuilder
) -> None:
    _append_global_pool(layer, step, graph, "GlobalAveragePool")


@emit.register(GlobalMaxPooling1D)
@emit.register(GlobalMaxPooling2D)
def _global_max(
    layer: GlobalMaxPooling1D | GlobalMaxPooling2D, step: Step, graph: GraphBuilder
) -> None:
    _append_global_pool(layer, step, graph, "GlobalMaxPool")


def _append_global_pool(
    layer: GlobalPooling1D | GlobalPooling2D, step: Step, graph: GraphBuilder, operator: str
) -> None:
    graph.to_channels_first()
    graph.node(operator)
    if not layer.keepdims:
        graph.flatten(step.shape)
