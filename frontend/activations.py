"""Activation functions as ONNX nodes."""

from __future__ import annotations

import numpy as np

from frontend.layers import ReLU
from frontend.onnx_builder import GraphBuilder


def append_relu(layer: ReLU, graph: GraphBuilder) -> None:
    """Append a ReLU layer: one node, unless it has two parameters that are not neutral."""
    limit = layer.max_value
    source = graph.tensor
    if layer.threshold == 0 and layer.negative_slope == 0:
        if limit is None:
            graph.node("Relu")
        else:
            _append_clip(graph, 0.0, limit)
        return
    if layer.threshold == 0:
        graph.node("LeakyRelu", alpha=layer.negative_slope)
    else:
        graph.node("ThresholdedRelu", alpha=layer.threshold)
    if limit is not None:
        _append_clip(graph, None, limit, "limit")
    if layer.threshold and layer.negative_slope:
        positive = graph.tensor
        threshold = graph.constant("threshold", np.array(layer.threshold, np.float32))
        graph.free_node("Sub", source, threshold, role="below")
        graph.node("Min", graph.constant("zero", np.array(0, np.float32)), role="negative")
        slope = graph.constant("slope", np.array(layer.negative_slope, np.float32))
        graph.node("Mul", slope, role="sloped")
        graph.free_node("Add", positive, graph.tensor, role="sum")


def _append_clip(graph: GraphBuilder, low: float | None, high: float, role: str = "") -> None:
    lower = "" if low is None else graph.constant("low", np.array(low, np.float32))
    graph.node("Clip", lower, graph.constant("high", np.array(high, np.float32)), role=role)


def append_leaky_relu(graph: GraphBuilder, slope: float, role: str) -> None:
    """Append ``x if x > 0 else slope * x``."""
    if slope == 0:
        graph.node("Relu", role=role)
    else:
        graph.node("LeakyRelu", role=role, alpha=slope)


def append_activation(activation: str, graph: GraphBuilder, role: str) -> None:
    """Append an activation; ``leaky_relu`` by name has Keras's slope of 0.2."""
    if activation == "relu":
        graph.node("Relu", role=role)
    elif activation == "relu6":
        _append_clip(graph, 0.0, 6.0, role)
    elif activation == "leaky_relu":
        append_leaky_relu(graph, 0.2, role)
    elif activation == "softmax":
        graph.node("Softmax", role=role, axis=1 if graph.channels_first else -1)
