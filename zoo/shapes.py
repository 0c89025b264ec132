"""Shapes and operation counts of described networks, without building them."""

from __future__ import annotations

from math import prod

from zoo.network import (
    Conv,
    Dense,
    Flatten,
    GlobalAverage,
    Layer,
    MaxPool,
    Nested,
    Network,
    Pad,
    Padding,
    Size,
)


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
        case Nested():
            for inner in layer.layers:
                shape = output_shape(inner, shape)
            return shape
        case _:
            return shape


def layer_macs(layer: Layer, shape: tuple[int, ...]) -> int:
    """Return the multiplications that ``layer`` needs for one frame of ``shape``."""
    match layer:
        case Conv():
            return prod(output_shape(layer, shape)) * prod(pair(layer.kernel)) * shape[-1]
        case Dense():
            return prod(shape) * layer.units
        case Nested():
            return macs(Network("", shape, layer.layers))
        case _:
            return 0


def macs(network: Network) -> int:
    """Return the multiplications of convolutions and dense layers per frame."""
    total, shape = 0, network.input_shape
    for layer in network.layers:
        total += layer_macs(layer, shape)
        shape = output_shape(layer, shape)
    return total
