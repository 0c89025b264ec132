"""Activation functions as ONNX nodes."""

from __future__ import annotations

import numpy as np

from frontend.layers.base import KERAS_2_HARD_SIGMOID
from frontend.layers.pointwise import ReLU
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


OPERATORS: dict[str, tuple[str, dict[str, float | str]]] = {
    "relu": ("Relu", {}),
    "leaky_relu": ("LeakyRelu", {"alpha": 0.2}),
    "elu": ("Elu", {"alpha": 1.0}),
    "selu": ("Selu", {}),
    "sigmoid": ("Sigmoid", {}),
    "hard_sigmoid": ("HardSigmoid", {"alpha": 1 / 6, "beta": 0.5}),
    KERAS_2_HARD_SIGMOID: ("HardSigmoid", {"alpha": 0.2, "beta": 0.5}),
    "tanh": ("Tanh", {}),
    "softplus": ("Softplus", {}),
    "softsign": ("Softsign", {}),
    "hard_silu": ("HardSwish", {}),
    "hard_swish": ("HardSwish", {}),
    "gelu": ("Gelu", {"approximate": "none"}),
    "exponential": ("Exp", {}),
}
"""Activations that are one ONNX operator, with what its attributes have to be."""


def append_activation(activation: str, graph: GraphBuilder, role: str) -> None:
    """Append an activation; ``leaky_relu`` by name has Keras's slope of 0.2."""
    if activation == "relu6":
        _append_clip(graph, 0.0, 6.0, role)
    elif activation in ("silu", "swish"):
        source = graph.tensor
        gate = graph.node("Sigmoid", role=f"{role}_gate" if role else "gate")
        graph.free_node("Mul", source, gate, role=role)
    elif activation == "softmax":
        graph.node("Softmax", role=role, axis=1 if graph.channels_first else -1)
    elif activation != "linear":
        operator, attributes = OPERATORS[activation]
        graph.node(operator, role=role, **attributes)
