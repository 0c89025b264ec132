"""Shapes and operation counts of described networks, without building them."""

from __future__ import annotations

from math import prod
from typing import TypeAlias

from frontend import layers
from frontend.layers.convolutions import TransposedConvolution
from zoo.network import (
    Conv,
    Dense,
    Flatten,
    GlobalAverage,
    KerasLayer,
    Layer,
    MaxPool,
    Nested,
    Pad,
    Padding,
    Size,
)

Shape: TypeAlias = tuple[int, ...]


def pair(size: Size) -> tuple[int, int]:
    """Return ``size`` as (height, width)."""
    return (size, size) if isinstance(size, int) else size


def positions(length: int, span: int, stride: int, padding: Padding) -> int:
    """Return how many windows of ``span`` pixels fit along ``length`` pixels; 0 if none does."""
    if padding == "same":
        return -(-length // stride)
    return (length - span) // stride + 1 if length >= span else 0


def output_shape(layer: Layer, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape that ``layer`` makes of ``shape``; a size is 0 where nothing fits."""
    match layer:
        case Conv():
            sizes = zip(
                shape, pair(layer.kernel), pair(layer.stride), pair(layer.dilation), strict=False
            )
            return (
                *(
                    positions(length, (kernel - 1) * dilation + 1, stride, layer.padding)
                    for length, kernel, stride, dilation in sizes
                ),
                layer.filters,
            )
        case MaxPool():
            strides = pair(layer.size if layer.stride is None else layer.stride)
            windows = zip(shape, pair(layer.size), strides, strict=False)
            return (
                *(
                    positions(length, size, stride, layer.padding)
                    for length, size, stride in windows
                ),
                shape[-1],
            )
        case Pad():
            return (
                shape[0] + layer.top + layer.bottom,
                shape[1] + layer.left + layer.right,
                shape[2],
            )
        case Dense():
            return (*shape[:-1], layer.units)
        case Flatten():
            return (prod(shape),)
        case GlobalAverage():
            return (shape[-1],)
        case KerasLayer():
            return keras_layer(layer).result_shape((shape,))
        case Nested():
            for inner in layer.layers:
                shape = output_shape(inner, shape)
            return shape
        case _:
            return shape


def keras_layer(layer: KerasLayer) -> layers.Layer:
    """Return what the compiler's front end makes of ``layer``; ValueError for a bad parameter."""
    kind = layers.SUPPORTED[layer.kind]
    rules = layers.supported_parameters(kind)
    given = {name: rules[name].read(value) for name, value in layer.parameters if name in rules}
    return kind(name="", **given)


def layer_macs(layer: Layer, shape: Shape) -> int:
    """Return the multiplications that ``layer`` needs for one frame of ``shape``."""
    match layer:
        case Conv():
            return prod(output_shape(layer, shape)) * prod(pair(layer.kernel)) * shape[-1]
        case Dense():
            return prod(shape) * layer.units
        case KerasLayer():
            return _keras_macs(keras_layer(layer), shape)
        case Nested():
            total = 0
            for inner in layer.layers:
                total += layer_macs(inner, shape)
                shape = output_shape(inner, shape)
            return total
        case _:
            return 0


def _keras_macs(layer: layers.Layer, shape: Shape) -> int:
    """Return a kernel's weights times its positions; those of a transposed one are the input's."""
    kernels = [s for name, s in layer.weights(shape).items() if name.endswith("kernel")]
    if not kernels:
        return 0
    transposed = isinstance(layer, TransposedConvolution)
    positions = shape[:-1] if transposed else layer.result_shape((shape,))[:-1]
    return prod(positions) * sum(map(prod, kernels))
