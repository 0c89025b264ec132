"""A network as a clean float ONNX graph, written directly from its layers.

The graph has opset 21. Inputs and outputs have Keras's layout (NHWC) and a symbolic batch axis;
inside, images are NCHW from the very first node on, and sequences are images of one row. Every
node belongs to one layer, and is named ``<layer>`` or ``<layer>/<what it does>``.
"""

from __future__ import annotations

from dataclasses import replace

import onnx
from onnx import TensorProto, helper

from frontend import (
    export_merging,
    export_normalizing,
    export_pointwise,
    export_shaping,
    export_windows,
)
from frontend.emit import emit
from frontend.layers import Shape, TrainingOnly
from frontend.layers.convolutions import TransposedConvolution, Windowed
from frontend.layers.pooling import (
    GlobalPooling1D,
    GlobalPooling2D,
    MaxPooling1D,
    MaxPooling2D,
    Pooling,
)
from frontend.layers.shaping import (
    Cropping1D,
    Cropping2D,
    UpSampling1D,
    UpSampling2D,
    ZeroPadding1D,
    ZeroPadding2D,
)
from frontend.network import Input, Network, Node, Step
from frontend.onnx_builder import GraphBuilder, Padding, Value, add_padding

OPSET = 21
IR_VERSION = 10
BATCH = "batch"
IMAGE_LAYERS = (
    Windowed,
    TransposedConvolution,
    Pooling,
    GlobalPooling1D,
    GlobalPooling2D,
    ZeroPadding1D,
    ZeroPadding2D,
    Cropping1D,
    Cropping2D,
    UpSampling1D,
    UpSampling2D,
)
"""They work on images and sequences with their channels first."""

PADDINGS = (ZeroPadding1D, ZeroPadding2D)

EMITTERS = (
    export_merging,
    export_normalizing,
    export_pointwise,
    export_shaping,
    export_windows,
)
"""Importing them teaches ``emit`` the layers."""


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
        layer = step.layer
        if isinstance(layer, PADDINGS) and _taken_over(step, network, consumers, graph):
            padding = add_padding(graph.value.padding, layer.sides)
            values[step] = replace(graph.value, padding=padding)
            continue
        if isinstance(layer, PADDINGS) and _pooled(step, consumers):
            export_shaping.pad_by_convolution(layer, step, graph)
        else:
            emit(layer, step, graph)
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
        if isinstance(layer, (*PADDINGS, TrainingOnly)):
            if step in network.outputs:
                return False
            if isinstance(layer, PADDINGS):
                total = add_padding(total, layer.sides)
            pending.extend((taker, total) for taker in consumers[step])
        elif isinstance(layer, MaxPooling1D | MaxPooling2D):
            sizes = (1, *layer.pool_size)[-2:]
            smaller = all(max(zeros) < size for zeros, size in zip(total, sizes, strict=True))
            if not (smaller and layer.padding == "valid" and _never_negative(graph)):
                return False
        elif not isinstance(layer, Windowed):
            return False
    return True


def _pooled(step: Step, consumers: dict[Node, list[Step]]) -> bool:
    """Tell whether a pool reads what ``step`` puts out, directly or through idle layers."""
    return any(
        isinstance(taker.layer, Pooling)
        or (isinstance(taker.layer, TrainingOnly) and _pooled(taker, consumers))
        for taker in consumers[step]
    )


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
