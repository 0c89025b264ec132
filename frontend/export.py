"""A network as a clean float ONNX graph, written directly from its layers.

Operators used: Transpose, Reshape, Mul, Add, Sub, Min, Conv, BatchNormalization, Relu, Clip,
LeakyRelu, ThresholdedRelu, MaxPool, GlobalAveragePool, Gemm and Softmax, in opset 21. Input and
output have Keras's layout (NHWC) and a symbolic batch axis; inside, images are NCHW from the very
first node on. Every node belongs to one layer, and is named ``<layer>`` or
``<layer>/<what it does>``.
"""

from __future__ import annotations

import math
from dataclasses import replace
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
from frontend.network import Input, Network, Node, Step
from frontend.onnx_builder import NO_PADDING, GraphBuilder, Padding, Value, add_padding
from frontend.windows import same_padding
from ir.errors import CompileError

OPSET = 21
IR_VERSION = 10
BATCH = "batch"
MAX_PADDED_CHANNELS = 4096
IMAGE_LAYERS = (ZeroPadding2D, Conv2D, MaxPooling2D, GlobalAveragePooling2D)


def export_network(network: Network) -> tuple[onnx.ModelProto, dict[str, str]]:
    """Return the float ONNX model of ``network`` and the layer of each node, by node name.

    Inputs are called as in Keras, outputs ``<layer>/output``, in the order of the network's.
    """
    graph = GraphBuilder()
    graph.names.update(network.input_shapes)
    consumers = network.consumers()
    ranks = {len(s.input_shape) for s in network.steps if isinstance(s.layer, IMAGE_LAYERS)}
    values: dict[Node, Value] = {}
    for source in network.inputs:
        graph.begin(source.name, (Value(source.name, source.shape),))
        if len(source.shape) in ranks and consumers[source]:
            graph.to_channels_first()
        values[source] = graph.value
    for step in network.steps:
        graph.begin(step.layer.name, tuple(values[source] for source in step.sources))
        if isinstance(step.layer, ZeroPadding2D) and _taken_over(step, network, consumers, graph):
            padding = add_padding(graph.value.padding, step.layer.padding)
            values[step] = replace(graph.value, padding=padding)
        else:
            emit(step.layer, step, graph)
            values[step] = replace(graph.value, shape=step.shape)
    names = _name_outputs(network, values, graph)
    model = helper.make_model(
        helper.make_graph(
            graph.nodes,
            network.name,
            [_value(name, shape) for name, shape in network.input_shapes.items()],
            [_value(name, node.shape) for name, node in zip(names, network.outputs, strict=True)],
            graph.constants,
        ),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="millrace",
    )
    model = onnx.shape_inference.infer_shapes(model, check_type=True, strict_mode=True)
    onnx.checker.check_model(model)
    return model, graph.layers


def _name_outputs(
    network: Network, values: dict[Node, Value], graph: GraphBuilder
) -> tuple[str, ...]:
    """Bring the outputs to Keras's layout and name them after their layers; return the names.

    A tensor that a node computes is renamed; an input, and a tensor that is an output already,
    goes through an Identity.
    """
    renamed: dict[str, str] = {}
    names = []
    for node in network.outputs:
        layer = node.name if isinstance(node, Input) else node.layer.name
        graph.begin(layer, (values[node],))
        graph.to_channels_last()
        if graph.tensor not in graph.producers or graph.tensor in renamed:
            graph.node("Identity")
        renamed[graph.tensor] = graph.unique(f"{layer}/output")
        names.append(renamed[graph.tensor])
    for computed in graph.nodes:
        for tensors in (computed.input, computed.output):
            tensors[:] = [renamed.get(tensor, tensor) for tensor in tensors]
    return tuple(names)


def _value(name: str, shape: Shape) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, [BATCH, *shape])


def _taken_over(
    padding: Step, network: Network, consumers: dict[Node, list[Step]], graph: GraphBuilder
) -> bool:
    """Tell whether all layers that take these zeros can pad with them themselves.

    A convolution can. A max pool pads with what never wins, which is the same if nothing is
    negative and no window lies in the padding completely.
    """
    pending: list[tuple[Step, Padding]] = [(padding, graph.value.padding)]
    while pending:
        step, total = pending.pop()
        layer = step.layer
        if isinstance(layer, ZeroPadding2D | TrainingOnly):
            if step in network.outputs:
                return False
            if isinstance(layer, ZeroPadding2D):
                total = add_padding(total, layer.padding)
            pending.extend((taker, total) for taker in consumers[step])
        elif isinstance(layer, MaxPooling2D):
            smaller = all(max(zeros) < k for zeros, k in zip(total, layer.pool_size, strict=True))
            if not (smaller and layer.padding == "valid" and _never_negative(graph)):
                return False
        elif not isinstance(layer, Conv2D):
            return False
    return True


def _never_negative(graph: GraphBuilder) -> bool:
    """Tell whether the current tensor can't be negative, by the node that computes it."""
    node = graph.producers.get(graph.tensor)
    while node is not None and node.op_type == "MaxPool":
        node = graph.producers.get(node.input[0])
    if node is None:
        return False
    return node.op_type in ("Relu", "ThresholdedRelu") or (
        node.op_type == "Clip" and node.input[1] != ""
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
    graph.to_channels_first()
    (top, bottom), (left, right) = add_padding(graph.value.padding, layer.padding)
    kernel = np.eye(channels, dtype=np.float32).reshape(channels, channels, 1, 1)
    pads = [top, left, bottom, right]
    graph.node("Conv", graph.constant("identity", kernel), kernel_shape=[1, 1], pads=pads)


@emit.register
def _conv(layer: Conv2D, step: Step, graph: GraphBuilder) -> None:
    graph.to_channels_first()
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
    if len(step.input_shape) > 1:
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
    graph.to_channels_first()
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
    (top, bottom), (left, right) = add_padding(graph.value.padding, own)
    return [top, left, bottom, right]


@emit.register
def _global_average(layer: GlobalAveragePooling2D, step: Step, graph: GraphBuilder) -> None:
    graph.to_channels_first()
    graph.node("GlobalAveragePool")
    if not layer.keepdims:
        graph.flatten(step.output_shape)


@emit.register
def _flatten(layer: Flatten, step: Step, graph: GraphBuilder) -> None:
    del layer
    if len(step.input_shape) == 1:
        return
    *pixels, channels = step.input_shape
    if math.prod(pixels) > 1 and channels > 1:
        graph.to_channels_last()
    graph.flatten(step.output_shape)


@emit.register
def _dense(layer: Dense, step: Step, graph: GraphBuilder) -> None:
    weights = [graph.constant(name, values) for name, values in step.weights.items()]
    graph.node("Gemm", *weights)
    append_activation(layer.activation, graph, "activation")
