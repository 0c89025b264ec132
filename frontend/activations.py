"""Activation functions as ONNX nodes."""

from __future__ import annotations

from collections.abc import Callable

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
    "celu": ("Celu", {"alpha": 1.0}),
    "selu": ("Selu", {}),
    "sigmoid": ("Sigmoid", {}),
    "hard_sigmoid": ("HardSigmoid", {"alpha": 1 / 6, "beta": 0.5}),
    KERAS_2_HARD_SIGMOID: ("HardSigmoid", {"alpha": 0.2, "beta": 0.5}),
    "sparse_sigmoid": ("HardSigmoid", {"alpha": 0.5, "beta": 0.5}),
    "tanh": ("Tanh", {}),
    "hard_shrink": ("Shrink", {"lambd": 0.5, "bias": 0.0}),
    "soft_shrink": ("Shrink", {"lambd": 0.5, "bias": 0.5}),
    "softplus": ("Softplus", {}),
    "softsign": ("Softsign", {}),
    "hard_silu": ("HardSwish", {}),
    "hard_swish": ("HardSwish", {}),
    "gelu": ("Gelu", {"approximate": "none"}),
    "mish": ("Mish", {}),
    "exponential": ("Exp", {}),
}
"""Activations that are one ONNX operator, with what its attributes have to be."""


def append_activation(activation: str, graph: GraphBuilder, role: str) -> None:
    """Append an activation; ``leaky_relu`` by name has Keras's slope of 0.2."""
    if activation in OPERATORS:
        operator, attributes = OPERATORS[activation]
        graph.node(operator, role=role, **attributes)
    elif activation != "linear":
        COMPOSED[activation](graph, role)


def _part(role: str, part: str) -> str:
    """Return the role of an inner node of an activation."""
    return f"{role}_{part}" if role else part


def _relu6(graph: GraphBuilder, role: str) -> None:
    _append_clip(graph, 0.0, 6.0, role)


def _hard_tanh(graph: GraphBuilder, role: str) -> None:
    _append_clip(graph, -1.0, 1.0, role)


def _softmax(graph: GraphBuilder, role: str) -> None:
    graph.node("Softmax", role=role, axis=1 if graph.channels_first else -1)


def _log_softmax(graph: GraphBuilder, role: str) -> None:
    graph.node("LogSoftmax", role=role, axis=1 if graph.channels_first else -1)


def _silu(graph: GraphBuilder, role: str) -> None:
    """``x * sigmoid(x)``."""
    source = graph.tensor
    gate = graph.node("Sigmoid", role=_part(role, "gate"))
    graph.free_node("Mul", source, gate, role=role)


def _tanh_shrink(graph: GraphBuilder, role: str) -> None:
    """``x - tanh(x)``."""
    source = graph.tensor
    bounded = graph.node("Tanh", role=_part(role, "tanh"))
    graph.free_node("Sub", source, bounded, role=role)


def _log_sigmoid(graph: GraphBuilder, role: str) -> None:
    """``-softplus(-x)``."""
    graph.node("Neg", role=_part(role, "opposite"))
    graph.node("Softplus", role=_part(role, "softplus"))
    graph.node("Neg", role=role)


def _squareplus(graph: GraphBuilder, role: str) -> None:
    """``(x + sqrt(x * x + 4)) / 2``."""
    source = graph.tensor
    graph.free_node("Mul", source, source, role=_part(role, "square"))
    graph.node("Add", graph.scalar("four", 4.0), role=_part(role, "raised"))
    root = graph.node("Sqrt", role=_part(role, "root"))
    graph.free_node("Add", source, root, role=_part(role, "sum"))
    graph.node("Mul", graph.scalar("half", 0.5), role=role)


def _sparse_plus(graph: GraphBuilder, role: str) -> None:
    """0 below -1, x above 1, between them ``(x + 1) ** 2 / 4``: a clipped square and a ReLU."""
    source = graph.tensor
    graph.node("HardSigmoid", role=_part(role, "middle"), alpha=0.5, beta=0.5)
    square = graph.free_node("Mul", graph.tensor, graph.tensor, role=_part(role, "square"))
    graph.free_node("Sub", source, graph.scalar("one", 1.0), role=_part(role, "above"))
    above = graph.node("Relu", role=_part(role, "linear"))
    graph.free_node("Add", square, above, role=role)


COMPOSED: dict[str, Callable[[GraphBuilder, str], None]] = {
    "relu6": _relu6,
    "hard_tanh": _hard_tanh,
    "softmax": _softmax,
    "log_softmax": _log_softmax,
    "silu": _silu,
    "swish": _silu,
    "tanh_shrink": _tanh_shrink,
    "log_sigmoid": _log_sigmoid,
    "squareplus": _squareplus,
    "sparse_plus": _sparse_plus,
}
"""Activations of another form than one node with constant attributes."""
