"""Softmax and LayerNormalization as ONNX nodes, over the channels or over other axes.

Whatever axes they are over are brought to the end first, as one: the same values in another order.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from frontend.activations import append_activation
from frontend.emit import emit
from frontend.export_pointwise import neutral_scale_and_shift
from frontend.layers import Shape
from frontend.layers.base import frame_axes
from frontend.layers.pointwise import LayerNormalization, Softmax
from frontend.network import Step
from frontend.onnx_builder import GraphBuilder


@emit.register
def _softmax(layer: Softmax, step: Step, graph: GraphBuilder) -> None:
    shape = step.input_shape
    axes = frame_axes(layer.axis, shape)
    _append_over(axes, shape, graph, lambda: append_activation("softmax", graph, ""))


@emit.register
def _layer_normalization(layer: LayerNormalization, step: Step, graph: GraphBuilder) -> None:
    shape = step.input_shape
    axes = frame_axes(layer.axis, shape)
    values = neutral_scale_and_shift(math.prod(shape[axis] for axis in axes)) | step.weights
    graph.to_channels_last()

    def append() -> None:
        # Keras reshapes the weights to the axes in ascending order, whatever order they are in
        weights = [graph.constant(name, values[name].reshape(-1)) for name in ("gamma", "beta")]
        graph.node("LayerNormalization", *weights, axis=-1, epsilon=layer.epsilon)

    _append_over(axes, shape, graph, append)


def _append_over(
    axes: tuple[int, ...], shape: Shape, graph: GraphBuilder, append: Callable[[], None]
) -> None:
    """Append what ``append`` does to the channels, to ``axes`` of frames of ``shape`` instead."""
    last = len(shape) - 1
    if axes == (last,):
        append()
        return
    graph.to_channels_last()
    rest = [axis for axis in range(len(shape)) if axis not in axes]
    order = [*rest, *sorted(axes)]
    moved = tuple(shape[axis] for axis in order)
    if order != sorted(order):
        graph.node("Transpose", role="to_last", perm=[0, *(axis + 1 for axis in order)])
    if len(axes) > 1:
        graph.reshape((*moved[: len(rest)], math.prod(moved[len(rest) :])), "as_one")
    append()
    if len(axes) > 1:
        graph.reshape(moved, "apart")
    if order != sorted(order):
        back = [order.index(axis) + 1 for axis in range(len(shape))]
        graph.node("Transpose", role="from_last", perm=[0, *back])
