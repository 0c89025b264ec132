"""Models that are quantized already: how they are known, and as what they are taken."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from frontend.onnx_checks import inputs_of
from frontend.onnx_constants import lift_constants
from frontend.onnx_names import name_nodes
from frontend.source import Shape
from frontend.stand_in import InputRange
from ir.errors import CompileError

QUANTIZING = ("QuantizeLinear", "DequantizeLinear", "ConvInteger", "MatMulInteger")
NEWEST_IR_VERSION = 13
"""The newest that onnxruntime reads."""


def is_quantized(model: onnx.ModelProto) -> bool:
    """Say whether an operator of ``model`` quantizes activations, or works on their codes.

    Raises:
        CompileError: scales are computed while the model runs.
    """
    constants = {i.name for i in model.graph.initializer}
    quantized = False
    for node in model.graph.node:
        if all(name in constants for name in node.input):
            constants.update(node.output)
        elif node.op_type == "DynamicQuantizeLinear":
            raise CompileError(
                "load", node.name or node.output[0], "scales are computed while the model runs",
                "quantize the model with calibration data (static quantization)",
            )  # fmt: skip
        else:
            quantized |= node.op_type in QUANTIZING or node.op_type.startswith(("QLinear", "QGemm"))
    return quantized


def as_golden(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return a copy of ``model`` that onnxruntime takes.

    It differs in names that several nodes have, in an IR version that is too new, and in that
    constants which nodes hold are initializers.
    """
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    copy.ir_version = min(copy.ir_version, NEWEST_IR_VERSION)
    lift_constants(copy.graph)
    name_nodes(copy.graph, unnamed=False)
    return copy


def code_ranges(model: onnx.ModelProto, shapes: dict[str, Shape]) -> dict[str, InputRange]:
    """Return the numbers that each input's codes stand for, or the codes where it takes codes."""
    constants = {i.name: numpy_helper.to_array(i) for i in model.graph.initializer}
    ranges = {}
    for value in inputs_of(model):
        kind = value.type.tensor_type.elem_type
        low, high = 0.0, 1.0
        if kind != TensorProto.FLOAT:
            limits = np.iinfo(helper.tensor_dtype_to_np_dtype(kind))
            low, high = float(limits.min), float(limits.max)
        for node in model.graph.node:
            if node.op_type == "QuantizeLinear" and node.input[0] == value.name:
                low, high = _spanned(node, constants)
        middle = ((low + high) / 2,)
        ranges[value.name] = InputRange(
            middle,
            ((high - low) / 4,),
            (low,),
            (high,),
            "what the input's codes stand for",
            kind != TensorProto.FLOAT,
        )
    return ranges


def _spanned(node: onnx.NodeProto, constants: dict[str, np.ndarray]) -> tuple[float, float]:
    scale = constants.get(node.input[1], np.ones(1))
    zero = constants.get(node.input[2] if len(node.input) > 2 else "", np.zeros(1, np.uint8))
    if zero.dtype.kind not in "iu" or scale.size != 1:
        return 0.0, 1.0
    limits, offset, factor = np.iinfo(zero.dtype), int(zero.reshape(-1)[0]), float(scale.item())
    return (limits.min - offset) * factor, (limits.max - offset) * factor
