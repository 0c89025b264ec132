"""Putting the QDQ graph together with onnxruntime's quantizer, all scales given."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import onnx_ir as ir
import onnx_ir.passes.common as passes
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantType
from onnxruntime.quantization.calibrate import CalibrationMethod, TensorData, TensorsData
from onnxruntime.quantization.qdq_quantizer import QDQQuantizer

from frontend.exactness import Quantized
from frontend.plan import (
    CONCATENATING,
    NORMALIZING,
    QUANTIZED_OPERATORS,
    SELECTING,
    WEIGHTED,
    Plan,
)
from frontend.snap import SnappedWeights

IR_VERSION = 10
NOT_BY_TYPE = {*CONCATENATING, *NORMALIZING, *SELECTING, "AveragePool"}
"""onnxruntime's quantizer would give their results the scales of their inputs, or none."""


def assemble(
    plan: Plan,
    scales: dict[str, Quantized],
    weights: dict[str, SnappedWeights],
    *,
    argmax: bool,
) -> onnx.ModelProto:
    """Return the QDQ model: Q and DQ around each planned tensor, integer weights and biases."""
    model = onnx.ModelProto()
    model.CopyFrom(plan.model)
    if argmax:
        _replace_softmax(model)
    host = set(plan.host) | {name for region in plan.regions for name in region.nodes}
    quantizer = QDQQuantizer(
        model,
        per_channel=True,
        reduce_range=False,
        weight_qType=QuantType.QInt8,
        activation_qType=QuantType.QUInt8,
        tensors_range=_no_ranges(plan),
        nodes_to_quantize=[],
        nodes_to_exclude=sorted(host),
        op_types_to_quantize=sorted({*QUANTIZED_OPERATORS} - NOT_BY_TYPE),
        extra_options={
            "ForceQuantizeNoInputCheck": True,
            "QDQDisableWeightAdjustForInt32Bias": True,
            "TensorQuantOverrides": _overrides(plan, scales, weights),
        },
    )
    for name in plan.activations:
        quantizer.quantize_activation_tensor(name)
    quantized = quantizer.quantize_model()
    _check_constants(quantized, plan, weights)
    return _finish(quantized)


def _no_ranges(plan: Plan) -> TensorsData:
    """All scales are given, but the quantizer wants a range for each tensor."""
    nothing = TensorData(lowest=np.float32(0.0), highest=np.float32(1.0))
    return TensorsData(CalibrationMethod.MinMax, dict.fromkeys(plan.activations, nothing))


def _overrides(
    plan: Plan, scales: dict[str, Quantized], weights: dict[str, SnappedWeights]
) -> dict[str, list[dict[str, Any]]]:
    overrides: dict[str, list[dict[str, Any]]] = {
        name: [
            {
                "quant_type": QuantType.QUInt8,
                "scale": np.array(scales[name].scale, np.float32),
                "zero_point": np.array(scales[name].zero_point, np.uint8),
            }
        ]
        for name in plan.activations
    }
    for node in plan.model.graph.node:
        if node.op_type in WEIGHTED:
            overrides[node.input[1]] = [
                {
                    "quant_type": QuantType.QInt8,
                    "axis": _channel_axis(node),
                    "scale": np.array(scale, np.float32),
                    "zero_point": np.array(0, np.int8),
                }
                for scale in weights[node.name].scales
            ]
    return overrides


def _channel_axis(node: onnx.NodeProto) -> int:
    return 0 if node.op_type == "Conv" else 1


def _check_constants(
    model: onnx.ModelProto, plan: Plan, weights: dict[str, SnappedWeights]
) -> None:
    """Make sure that the quantizer arrived at the very integers that the search proved."""
    constants = {i.name: i for i in model.graph.initializer}
    for node in plan.model.graph.node:
        if node.op_type not in WEIGHTED:
            continue
        snapped = weights[node.name]
        codes = numpy_helper.to_array(constants[f"{node.input[1]}_quantized"])
        matrix = codes if node.op_type == "Gemm" else codes.reshape(len(codes), -1).T
        biases = numpy_helper.to_array(constants[f"{node.input[2]}_quantized"])
        assert np.array_equal(matrix, snapped.codes), f"weights of {node.name}"
        assert np.array_equal(biases, snapped.biases), f"biases of {node.name}"


def _replace_softmax(model: onnx.ModelProto) -> None:
    """Put ArgMax over the channels (the last axis) in place of a final Softmax, or at the end."""
    graph = model.graph
    output = graph.output[0]
    last = next(n for n in graph.node if output.name in n.output)
    dims = [d.dim_value or d.dim_param for d in output.type.tensor_type.shape.dim[:-1]]
    name = f"{output.name}_argmax"
    source, axis = output.name, -1
    moved = next(
        (n for n in graph.node if n.op_type == "Softmax" and n.output[0] in last.input), None
    )
    if last.op_type == "Softmax":
        source = last.input[0]
        graph.node.remove(last)
    elif moved is not None and _to_channels_last(last):
        source, axis = moved.input[0], 1
        graph.node.remove(last)
        graph.node.remove(moved)
    graph.node.append(
        helper.make_node("ArgMax", [source], [name], f"{last.name}/argmax", axis=axis, keepdims=0)
    )
    output.CopyFrom(helper.make_tensor_value_info(name, TensorProto.INT64, dims))


def _to_channels_last(node: onnx.NodeProto) -> bool:
    """True for a Transpose from NCHW to NHWC."""
    permutations = [list(a.ints) for a in node.attribute if a.name == "perm"]
    return node.op_type == "Transpose" and permutations == [[0, 2, 3, 1]]


def _finish(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return the model in a form that depends on its content only, with shapes."""
    graph_model = ir.from_proto(model)
    passes.RemoveUnusedNodesPass()(graph_model)
    graph_model.graph.sort()
    result = ir.to_proto(graph_model)
    result.ir_version = min(result.ir_version, IR_VERSION)
    result.producer_name, result.producer_version = "millrace", ""
    del result.metadata_props[:], result.graph.metadata_props[:]
    del result.graph.value_info[:]
    initializers = sorted(result.graph.initializer, key=lambda tensor: tensor.name)
    del result.graph.initializer[:]
    result.graph.initializer.extend(initializers)
    return onnx.shape_inference.infer_shapes(result, strict_mode=True)
