"""Layers that compute each element, or each pixel's channels, as ONNX nodes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from frontend.activations import append_activation, append_leaky_relu, append_relu
from frontend.emit import emit
from frontend.layers.pointwise import (
    ELU,
    Activation,
    BatchNormalization,
    LayerScale,
    LeakyReLU,
    Normalization,
    PReLU,
    ReLU,
    Rescaling,
    ThresholdedReLU,
)
from frontend.network import Step
from frontend.onnx_builder import GraphBuilder


@emit.register
def _rescaling(layer: Rescaling, step: Step, graph: GraphBuilder) -> None:
    del step
    _affine(graph, np.array(layer.scale), np.array(layer.offset))


@emit.register
def _normalization(layer: Normalization, step: Step, graph: GraphBuilder) -> None:
    mean = np.array(layer.mean if layer.mean is not None else step.weights["mean"], np.float64)
    variance = step.weights["variance"] if layer.variance is None else layer.variance
    deviation = np.maximum(np.sqrt(np.array(variance, np.float64)), 1e-7)
    _affine(graph, 1 / deviation, -mean / deviation)


def _affine(graph: GraphBuilder, scale: NDArray[np.float64], offset: NDArray[np.float64]) -> None:
    """Append ``x * scale + offset``, without what changes nothing."""
    terms = (("Mul", "scale", scale, 1), ("Add", "offset", offset, 0))
    for operator, role, values, neutral in terms:
        if np.any(values != neutral):
            constant = graph.per_channel(values.astype(np.float32))
            graph.node(operator, graph.constant(role, constant), role=operator.lower())


@emit.register
def _layer_scale(layer: LayerScale, step: Step, graph: GraphBuilder) -> None:
    del layer
    _affine(graph, step.weights["gamma"].astype(np.float64), np.zeros(1))


@emit.register
def _batch_normalization(layer: BatchNormalization, step: Step, graph: GraphBuilder) -> None:
    if len(step.input_shape) > 1:
        graph.to_channels_first()  # there may be nothing but flat layers behind
    channels = step.input_shape[-1]
    values = neutral_scale_and_shift(channels) | step.weights
    names = [
        graph.constant(name, values[name])
        for name in ("gamma", "beta", "moving_mean", "moving_variance")
    ]
    graph.node("BatchNormalization", *names, epsilon=layer.epsilon)


@emit.register
def _relu(layer: ReLU, step: Step, graph: GraphBuilder) -> None:
    del step
    append_relu(layer, graph)


@emit.register
def _leaky_relu(layer: LeakyReLU, step: Step, graph: GraphBuilder) -> None:
    del step
    append_leaky_relu(graph, layer.negative_slope, "")


@emit.register
def _activation(layer: Activation, step: Step, graph: GraphBuilder) -> None:
    del step
    append_activation(layer.activation, graph, "")


@emit.register
def _thresholded_relu(layer: ThresholdedReLU, step: Step, graph: GraphBuilder) -> None:
    del step
    graph.node("ThresholdedRelu", alpha=layer.theta)


@emit.register
def _elu(layer: ELU, step: Step, graph: GraphBuilder) -> None:
    del step
    graph.node("Elu", alpha=layer.alpha)


@emit.register
def _prelu(layer: PReLU, step: Step, graph: GraphBuilder) -> None:
    del layer
    alpha = step.weights["alpha"]
    if graph.channels_first:
        image = alpha if alpha.ndim == 3 else alpha[np.newaxis]
        alpha = image.transpose(2, 0, 1)
    graph.node("PRelu", graph.constant("alpha", alpha))


def neutral_scale_and_shift(channels: int) -> dict[str, NDArray[np.float32]]:
    """Return the factor and term that change nothing."""
    return {"gamma": np.ones(channels, np.float32), "beta": np.zeros(channels, np.float32)}
