"""A TFLite model as an ONNX graph: of QDQ form where it is quantized, else of floats."""

from __future__ import annotations

from collections.abc import Callable

import onnx
from onnx import TensorProto, helper, numpy_helper

from frontend import rules
from frontend.limits import check_activation
from frontend.tflite import dilation, moving, pointwise, pools, reducing, shaping, windows
from frontend.tflite.builder import Builder
from frontend.tflite.model import Model, Operator
from frontend.tflite.positions import dense_at_positions
from frontend.tflite.sequences import dilated_rows
from ir.errors import CompileError

OPSET = 21
IR_VERSION = 10
BATCH = "batch"

OPERATORS: dict[str, Callable[[Builder, Operator], None]] = {
    "AVERAGE_POOL_2D": pools.average_pool,
    "BATCH_TO_SPACE_ND": dilation.batch_to_space,
    "CONV_2D": windows.convolution,
    "DEPTHWISE_CONV_2D": windows.depthwise,
    "FULLY_CONNECTED": windows.fully_connected,
    "MAX_POOL_2D": pools.max_pool,
    "SPACE_TO_BATCH_ND": dilation.space_to_batch,
    "TRANSPOSE_CONV": windows.transposed_convolution,
    **moving.OPERATORS,
    **pointwise.OPERATORS,
    **reducing.OPERATORS,
    **shaping.OPERATORS,
}
"""What is supported, by TFLite's names."""

SIZES: dict[str, slice] = {
    "RESHAPE": slice(1, None),
    "SQUEEZE": slice(1, None),
    "EXPAND_DIMS": slice(1, None),
    "RESIZE_BILINEAR": slice(1, None),
    "RESIZE_NEAREST_NEIGHBOR": slice(1, None),
    "TRANSPOSE_CONV": slice(0, 1),
}
"""Inputs that only state the shape of the result, which the file states, too."""


def to_onnx(model: Model, name: str) -> onnx.ModelProto:
    """Return the ONNX model, opset 21, float inputs and outputs in TFLite's layout (NHWC).

    Args:
        model: the parsed file.
        name: of the graph.

    Raises:
        CompileError: an operator, a type or a parameter is not supported.
    """
    model = dilated_rows(dense_at_positions(model))
    graph = Builder(model)
    public = [graph.unique(name) for name, _ in (*model.inputs, *model.outputs)]
    inputs = [
        _input(graph, name, index) for name, (_, index) in zip(public, model.inputs, strict=False)
    ]
    for operator in _needed(model):
        convert = OPERATORS.get(operator.kind)
        graph.begin(operator)
        if convert is None:
            graph.refuse(
                f"uses the TFLite operator {rules.show(operator.kind)}, which is not supported",
                "replace the layer",
            )
        convert(graph, operator)
    ends = zip(public[len(inputs) :], model.outputs, strict=True)
    outputs = [_output(graph, name, index) for name, (_, index) in ends]
    constants = [numpy_helper.from_array(v, key) for key, v in graph.constants.items()]
    result = helper.make_model(
        helper.make_graph(graph.nodes, name, inputs, outputs, constants),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="millrace",
    )
    try:
        inferred = onnx.shape_inference.infer_shapes(result, check_type=True, strict_mode=True)
    except onnx.shape_inference.InferenceError as error:
        raise CompileError(
            "load", name, "has shapes that contradict each other", "copy or convert it again"
        ) from error
    for value in inferred.graph.value_info:  # what the file states may not be what is computed
        sizes = tuple(dim.dim_value for dim in value.type.tensor_type.shape.dim[1:])
        if value.name not in graph.constants and 0 not in sizes:
            check_activation(value.name, sizes)
    return inferred


def _needed(model: Model) -> list[Operator]:
    """Return the operators whose values reach an output; those that compute sizes do not."""
    wanted = {index for _, index in model.outputs}
    found = []
    for operator in reversed(model.operators):
        if wanted & set(operator.outputs):
            found.append(operator)
            sizes = operator.inputs[SIZES.get(operator.kind, slice(0, 0))]
            wanted.update(index for index in operator.inputs if index not in sizes)
    return found[::-1]


def _input(graph: Builder, name: str, index: int) -> onnx.ValueInfoProto:
    """Begin with an input; codes are quantized from floats as the file says."""
    graph.layer = name
    if not graph.plain:
        graph.batch = (*graph.tensor(index).shape, 1)[0]
    shape = graph.frame(index)
    if not 1 <= len(shape) <= 3 or 0 in shape:
        graph.refuse(
            f"its shape must be [batch, features] or [batch, height, width, channels], not "
            f"{[graph.batch, *shape]}",
            "use a supported input",
        )
    graph.write(index, name)
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, [BATCH, *shape])


def _output(graph: Builder, name: str, index: int) -> onnx.ValueInfoProto:
    """End with an output in floats."""
    graph.layer = name
    shape = graph.frame(index)
    graph.nodes.append(
        helper.make_node("Identity", [graph.read(index)], [name], graph.unique(f"{name}/output"))
    )
    quantized = graph.nodes[-2] if len(graph.nodes) > 1 else None
    if quantized is not None and quantized.op_type == "DequantizeLinear":
        graph.nodes.pop()
        quantized.output[0] = name
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, [BATCH, *shape])
