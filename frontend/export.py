"""A network as a clean float ONNX graph, written directly from its layers.

Operators used: Transpose, Reshape, Mul, Add, Sub, Min, Conv, BatchNormalization, Relu, Clip,
LeakyRelu, ThresholdedRelu, MaxPool, GlobalAveragePool, Gemm and Softmax, in opset 21. Input and
output have Keras's layout (NHWC) and a symbolic batch axis; inside, images are NCHW from the very
first node on. Every node belongs to one layer, and is named ``<layer>`` or
``<layer>/<what it does>``.
"""

from __future__ import annotations

import math
from functools import singledispatch

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper

from frontend.activations import append_activation, append_leaky_relu, append_relu
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
from frontend.onnx_builder import NO_PADDING, GraphBuilder, Padding
from frontend.windows import same_padding
from ir.errors import CompileError

OPSET = 21
IR_VERSION = 10
BATCH = "batch"
MAX_PADDED_CHANNELS = 4096
IMAGE_LAYERS = (ZeroPadding2D, Conv2D, MaxPooling2D, GlobalAveragePooling2D)


def export_network(network: Network) -> tuple[onnx.ModelProto, dict[str, str]]:
    """Return the float ONNX model of ``network`` and the layer of each node, by node name.

    The input is called as in Keras, the output as the last layer.
    """
    graph = GraphBuilder(tensor=network.input_name, shape=network.input_shape)
    graph.names.add(network.input_name)
    if any(isinstance(step.layer, IMAGE_LAYERS) for step in network.steps):
        graph.layer = network.input_name
        graph.to_channels_first()
    for position, step in enumerate(network.steps):
        following = [later.layer for later in network.steps[position + 1 :]]
        graph.layer = step.layer.name
        if isinstance(step.layer, ZeroPadding2D) and _taken_over(step.layer, following, graph):
            graph.padding = _sum(graph.padding, step.layer.padding)
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


def _sum(first: Padding, second: Padding) -> Padding:
    (a, b), (c, d) = first
    (e, f), (g, h) = second
    return (a + e, b + f), (c + g, d + h)


def _taken_over(padding: ZeroPadding2D, following: list[Layer], graph: GraphBuilder) -> bool:
    """Tell whether the next layer that computes anything can pad with these zeros itself.

    A convolution can. A max pool pads with what never wins, which is the same if nothing is
    negative and no window lies in the padding completely.
    """
    total = _sum(graph.padding, padding.padding)
    for layer in following:
        if isinstance(layer, ZeroPadding2D):
            total = _sum(total, layer.padding)
        elif isinstance(layer, MaxPooling2D):
            smaller = all(max(zeros) < k for zeros, k in zip(total, layer.pool_size, strict=True))
            return smaller and layer.padding == "valid" and _never_negative(graph)
        elif not isinstance(layer, TrainingOnly):
            return isinstance(layer, Conv2D)
    return False


def _never_negative(graph: GraphBuilder) -> bool:
    computed = [node for node in graph.nodes if node.op_type != "MaxPool"]
    last = computed[-1] if computed else onnx.NodeProto()
    return last.op_type in ("Relu", "ThresholdedRelu") or (
        last.op_type == "Clip" and last.input[1] != ""
    )


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
    """Append a 1x1 convolution with the identity as its kernel, which pads.

    Not ONNX's Pad: onnxruntime 1.31 moves that into a MaxPool behind it, where the zeros are lost.
    """
    channels = step.input_shape[-1]
    if channels > MAX_PADDED_CHANNELS:
        raise CompileError(
            "export",
            layer.name,
            f"pads {channels} channels and no convolution follows that could",
            "put it in front of a Conv2D, or use padding='same' there",
        )
    (top, bottom), (left, right) = _sum(graph.padding, layer.padding)
    graph.padding = NO_PADDING
    kernel = np.eye(channels, dtype=np.float32).reshape(channels, channels, 1, 1)
    pads = [top, left, bottom, right]
    graph.node("Conv", graph.constant("identity", kernel), kernel_shape=[1, 1], pads=pads)


@emit.register
def _conv(layer: Conv2D, step: Step, graph: GraphBuilder) -> None:
    weights = [graph.constant("kernel", step.weights["kernel"].transpose(3, 2, 0, 1))]
    if layer.use_bias:
        weights.append(graph.constant("bias", step.weights["bias"]))
    graph.node(
        "Conv",
        *weights,
        kernel_shape=list(layer.kernel_size),
        strides=list(layer.strides),
        dilations=list(layer.dilation_rate),
        pads=_pads(layer, step, layer.kernel_size, layer.strides, layer.dilation_rate, graph),
        group=1,
    )
    append_activation(layer.activation, graph, "activation")


@emit.register
def _batch_normalization(layer: BatchNormalization, step: Step, graph: GraphBuilder) -> None:
    if len(step.input_shape) == 3:
        graph.to_channels_first()  # there may be nothing but flat layers behind
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
def _softmax(layer: Softmax, step: Step, graph: GraphBuilder) -> None:
    del layer, step
    append_activation("softmax", graph, "")


@emit.register
def _max_pooling(layer: MaxPooling2D, step: Step, graph: GraphBuilder) -> None:
    strides = layer.strides or layer.pool_size
    pads = _pads(layer, step, layer.pool_size, strides, (1, 1), graph)
    graph.node("MaxPool", kernel_shape=list(layer.pool_size), strides=list(strides), pads=pads)


def _pads(
    layer: Conv2D | MaxPooling2D,
    step: Step,
    kernel: tuple[int, int],
    strides: tuple[int, int],
    dilations: tuple[int, int],
    graph: GraphBuilder,
) -> list[int]:
    """Return the layer's own padding and that of ZeroPadding2D layers in front, in ONNX's order."""
    own: Padding = NO_PADDING
    if layer.padding == "same":
        height, width, _ = step.input_shape
        rows = same_padding(height, kernel[0], strides[0], dilations[0])
        own = rows, same_padding(width, kernel[1], strides[1], dilations[1])
    (top, bottom), (left, right) = _sum(graph.padding, own)
    graph.padding = NO_PADDING
    return [top, left, bottom, right]


@emit.register
def _global_average(layer: GlobalAveragePooling2D, step: Step, graph: GraphBuilder) -> None:
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
    append_activation(layer.activation, graph, "activation")
