"""Layers that move, repeat or drop elements as ONNX nodes."""

from __future__ import annotations

import math

import numpy as np

from frontend.emit import emit
from frontend.layers.shaping import (
    Cropping1D,
    Cropping2D,
    Flatten,
    Permute,
    RepeatVector,
    Reshape,
    UpSampling1D,
    UpSampling2D,
    ZeroPadding1D,
    ZeroPadding2D,
)
from frontend.network import Step
from frontend.onnx_builder import GraphBuilder, add_padding


@emit.register(ZeroPadding1D)
@emit.register(ZeroPadding2D)
def _zero_padding(layer: ZeroPadding1D | ZeroPadding2D, step: Step, graph: GraphBuilder) -> None:
    del step
    (top, bottom), (left, right) = add_padding(graph.value.padding, layer.sides)
    graph.to_channels_first()
    sizes = np.array([0, 0, top, left, 0, 0, bottom, right], np.int64)
    graph.node("Pad", graph.constant("sizes", sizes))


def pad_by_convolution(
    layer: ZeroPadding1D | ZeroPadding2D, step: Step, graph: GraphBuilder
) -> None:
    """Append a 1x1 convolution that gives each channel back, and pads.

    For a pool behind it: onnxruntime 1.31 moves ONNX's Pad into a MaxPool, where zeros are lost.
    """
    channels = step.input_shape[-1]
    (top, bottom), (left, right) = add_padding(graph.value.padding, layer.sides)
    graph.to_channels_first()
    kernel = graph.constant("identity", np.ones((channels, 1, 1, 1), np.float32))
    graph.node("Conv", kernel, kernel_shape=[1, 1], pads=[top, left, bottom, right], group=channels)


@emit.register(Cropping1D)
@emit.register(Cropping2D)
def _cropping(layer: Cropping1D | Cropping2D, step: Step, graph: GraphBuilder) -> None:
    graph.to_channels_first()
    cuts = [
        (graph.axis(axis), before, step.input_shape[axis] - after)
        for axis, (before, after) in enumerate(layer.sides)
        if before or after
    ]
    if cuts:
        axes, begins, ends = (np.array(numbers, np.int64) for numbers in zip(*cuts, strict=True))
        names = (("begins", begins), ("ends", ends), ("axes", axes))
        graph.node("Slice", *(graph.constant(name, numbers) for name, numbers in names))


@emit.register
def _up_sampling_2d(layer: UpSampling2D, step: Step, graph: GraphBuilder) -> None:
    del step
    _append_resize(graph, layer.size, layer.interpolation)


@emit.register
def _up_sampling_1d(layer: UpSampling1D, step: Step, graph: GraphBuilder) -> None:
    del step
    _append_resize(graph, (1, layer.size), "nearest")


def _append_resize(graph: GraphBuilder, size: tuple[int, int], interpolation: str) -> None:
    graph.to_channels_first()
    scales = graph.constant("scales", np.array([1, 1, *size], np.float32))
    if interpolation == "nearest":
        graph.node(
            "Resize", "", scales, mode="nearest", nearest_mode="floor",
            coordinate_transformation_mode="asymmetric",
        )  # fmt: skip
    else:
        graph.node("Resize", "", scales, mode="linear", coordinate_transformation_mode="half_pixel")


@emit.register
def _flatten(layer: Flatten, step: Step, graph: GraphBuilder) -> None:
    del layer
    if len(step.input_shape) == 1:
        return
    *pixels, channels = step.input_shape
    if math.prod(pixels) > 1 and channels > 1:
        graph.to_channels_last()
    graph.flatten(step.shape)


@emit.register
def _reshape(layer: Reshape, step: Step, graph: GraphBuilder) -> None:
    del layer
    if step.shape != step.input_shape:
        graph.reshape(step.shape, "reshape")


@emit.register
def _permute(layer: Permute, step: Step, graph: GraphBuilder) -> None:
    del step
    if layer.dims != tuple(sorted(layer.dims)):
        graph.to_channels_last()
        graph.node("Transpose", perm=[0, *layer.dims])


@emit.register
def _repeat_vector(layer: RepeatVector, step: Step, graph: GraphBuilder) -> None:
    graph.reshape((1, *step.input_shape), "to_sequence")
    graph.node("Tile", graph.constant("repeats", np.array([1, layer.n, 1], np.int64)))
