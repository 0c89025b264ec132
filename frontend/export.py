"""A network as a clean float ONNX graph, written directly from its layers.

Operators used: Transpose, Reshape, Mul, Add, Sub, Min, Pad, Conv, BatchNormalization, Relu, Clip,
LeakyRelu, ThresholdedRelu, MaxPool, GlobalAveragePool, Gemm and Softmax, in opset 21. Input and
output have Keras's layout (NHWC) and a symbolic batch axis; inside, images are NCHW. Every node
belongs to one layer, and is named ``<layer>`` or ``<layer>/<what it does>``.
"""

from __future__ import annotations

import math
from functools import singledispatch

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper

from frontend.layers import (
    Activation,
    BatchNormalization,
    Conv2D,
    Dense,
    Flatten,
    GlobalAveragePooling2D,
    Layer,
    LeakyReLU,
    MaxPooling2D,
    Normalization,
    ReLU,
    Rescaling,
    Shape,
    Softmax,
    TrainingOnly,
    ZeroPadding2D,
)
from frontend.network import Network, Step
from frontend.onnx_builder import GraphBuilder
from frontend.windows import same_padding

OPSET = 21
IR_VERSION = 10
BATCH = "batch"


def export_network(network: Network) -> tuple[onnx.ModelProto, dict[str, str]]:
    """Return the float ONNX model of ``network`` and the layer of each node, by node name.

    The input is called as in Keras, the output as the last layer.
    """
    graph = GraphBuilder(tensor=network.input_name, shape=network.input_shape)
    graph.names.add(network.input_name)
    for position, step in enumerate(network.steps):
        following = [later.layer for later in network.steps[position + 1 :]]
        graph.layer = step.layer.name
        if isinstance(step.layer, ZeroPadding2D) and _convolution_follows(following):
            (top, bottom), (left, right) = step.layer.padding
            (t, b), (le, r) = graph.padding
            graph.padding = ((t + top, b + bottom), (le + left, r + right))
        else:
            emit(step.layer, step, graph)
        graph.shape = step.output_shape
    graph.to_channels_last()
    if not graph.nodes:
        graph.node("Identity")
    output = graph.unique(network.steps[-1].layer.name + "/output")
    graph.nodes[-1].output[0] = output
    model = helper.make_model(
        helper.make_graph(
            graph.nodes,
            network.name,
            [_value(network.input_name, network.input_shape)],
            [_value(output, network.output_shape)],
            graph.constants,
        ),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="millrace",
    )
    model = onnx.shape_inference.infer_shapes(model, check_type=True, strict_mode=True)
    onnx.checker.check_model(model)
    return model, graph.layers


def _value(name: str, shape: Shape) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, [BATCH, *shape])


def _convolution_follows(following: list[Layer]) -> bool:
    """Tell whether the next layer that computes anything is a convolution (after more padding)."""
    for layer in following:
        if not isinstance(layer, TrainingOnly | ZeroPadding2D):
            return isinstance(layer, Conv2D)
    return False


@singledispatch
def emit(layer: Layer, step: Step, graph: GraphBuilder) -> None:
    """Append the nodes of one call of a layer."""
    raise NotImplementedError(type(layer).__name__)


@emit.register
def _training_only(layer: TrainingOnly, step: Step, graph: GraphBuilder) -> None:
    del layer, step, graph


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
def _zero_padding(layer: ZeroPadding2D, step: Step, graph: GraphBuilder) -> None:
    del step
    graph.to_channels_first()
    (top, bottom), (left, right) = layer.padding
    pads = np.array([0, 0, top, left, 0, 0, bottom, right], np.int64)
    graph.node("Pad", graph.constant("pads", pads), mode="constant")


@emit.register
def _conv(layer: Conv2D, step: Step, graph: GraphBuilder) -> None:
    graph.to_channels_first()
    pads = np.array(graph.padded())
    if layer.padding == "same":
        (top, bottom), (left, right) = (
            same_padding(*axis)
            for axis in zip(
                step.input_shape[:2],
                layer.kernel_size,
                layer.strides,
                layer.dilation_rate,
                strict=True,
            )
        )
        pads = pads + np.array([top, left, bottom, right])
    weights = [graph.constant("kernel", step.weights["kernel"].transpose(3, 2, 0, 1))]
    if layer.use_bias:
        weights.append(graph.constant("bias", step.weights["bias"]))
    graph.node(
        "Conv",
        *weights,
        kernel_shape=list(layer.kernel_size),
        strides=list(layer.strides),
        dilations=list(layer.dilation_rate),
        pads=pads.tolist(),
        group=1,
    )
    _activate(layer.activation, graph, "activation")


@emit.register
def _batch_normalization(layer: BatchNormalization, step: Step, graph: GraphBuilder) -> None:
    if len(step.input_shape) == 3:
        graph.to_channels_first()
    channels = step.input_shape[-1]
    neutral = {"gamma": np.ones(channels, np.float32), "beta": np.zeros(channels, np.float32)}
    values = neutral | step.weights
    names = [
        graph.constant(name, values[name])
        for name in ("gamma", "beta", "moving_mean", "moving_variance")
    ]
    graph.node("BatchNormalization", *names, epsilon=layer.epsilon)


@emit.register
def _relu(layer: ReLU, step: Step, graph: GraphBuilder) -> None:
    del step
    limit = layer.max_value
    source = graph.tensor
    if layer.threshold == 0 and layer.negative_slope == 0:
        if limit is None:
            graph.node("Relu")
        else:
            _clip(graph, 0.0, limit)
        return
    if layer.threshold == 0:
        graph.node("LeakyRelu", alpha=layer.negative_slope)
    else:
        graph.node("ThresholdedRelu", alpha=layer.threshold)
    if limit is not None:
        _clip(graph, None, limit, "limit")
    if layer.threshold and layer.negative_slope:
        positive = graph.tensor
        threshold = graph.constant("threshold", np.array(layer.threshold, np.float32))
        graph.free_node("Sub", source, threshold, role="below")
        graph.node("Min", graph.constant("zero", np.array(0, np.float32)), role="negative")
        slope = graph.constant("slope", np.array(layer.negative_slope, np.float32))
        graph.node("Mul", slope, role="sloped")
        graph.free_node("Add", positive, graph.tensor, role="sum")


def _clip(graph: GraphBuilder, low: float | None, high: float, role: str = "") -> None:
    lower = "" if low is None else graph.constant("low", np.array(low, np.float32))
    graph.node("Clip", lower, graph.constant("high", np.array(high, np.float32)), role=role)


@emit.register
def _leaky_relu(layer: LeakyReLU, step: Step, graph: GraphBuilder) -> None:
    del step
    _leaky(graph, layer.negative_slope, "")


def _leaky(graph: GraphBuilder, slope: float, role: str) -> None:
    if slope == 0:
        graph.node("Relu", role=role)
    else:
        graph.node("LeakyRelu", role=role, alpha=slope)


@emit.register
def _activation(layer: Activation, step: Step, graph: GraphBuilder) -> None:
    del step
    _activate(layer.activation, graph, "")


@emit.register
def _softmax(layer: Softmax, step: Step, graph: GraphBuilder) -> None:
    del layer, step
    _activate("softmax", graph, "")


def _activate(activation: str, graph: GraphBuilder, role: str) -> None:
    """Append an activation; ``leaky_relu`` by name has Keras's slope of 0.2."""
    if activation == "relu":
        graph.node("Relu", role=role)
    elif activation == "relu6":
        _clip(graph, 0.0, 6.0, role)
    elif activation == "leaky_relu":
        _leaky(graph, 0.2, role)
    elif activation == "softmax":
        graph.node("Softmax", role=role, axis=1 if graph.channels_first else -1)


@emit.register
def _max_pooling(layer: MaxPooling2D, step: Step, graph: GraphBuilder) -> None:
    graph.to_channels_first()
    strides = layer.strides or layer.pool_size
    pads = [0, 0, 0, 0]
    if layer.padding == "same":
        (top, bottom), (left, right) = (
            same_padding(size, pool, stride, 1)
            for size, pool, stride in zip(
                step.input_shape[:2], layer.pool_size, strides, strict=True
            )
        )
        pads = [top, left, bottom, right]
    graph.node("MaxPool", kernel_shape=list(layer.pool_size), strides=list(strides), pads=pads)


@emit.register
def _global_average(layer: GlobalAveragePooling2D, step: Step, graph: GraphBuilder) -> None:
    graph.to_channels_first()
    graph.node("GlobalAveragePool")
    if not layer.keepdims:
        _to_vector(graph, step.output_shape)


@emit.register
def _flatten(layer: Flatten, step: Step, graph: GraphBuilder) -> None:
    del layer
    if len(step.input_shape) == 1:
        return
    height, width, channels = (1, *step.input_shape)[-3:]
    if height * width > 1 and channels > 1:
        graph.to_channels_last()
    _to_vector(graph, step.output_shape)


def _to_vector(graph: GraphBuilder, shape: Shape) -> None:
    sizes = np.array([-1, math.prod(shape)], np.int64)
    graph.node("Reshape", graph.constant("shape", sizes), role="flatten")
    graph.channels_first = False


@emit.register
def _dense(layer: Dense, step: Step, graph: GraphBuilder) -> None:
    weights = [graph.constant(name, values) for name, values in step.weights.items()]
    graph.node("Gemm", *weights)
    _activate(layer.activation, graph, "activation")
