"""Run stages of a fused call alone in onnxruntime, codes in, codes out.

The stages run between a QuantizeLinear and a DequantizeLinear, as in a whole network:
onnxruntime computes with int8 activations in integers only if both are there (it moves them to
uint8 first), and codes survive both exactly.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnx_ir as ir
from onnx import helper, numpy_helper

from ir.numbers import IntArray
from rewrite.lower.reading import Quantization, Stage
from rewrite.onnx.execution import run
from rewrite.onnx.graphs import is_operator


def run_alone(stages: tuple[Stage, ...], *codes: IntArray) -> IntArray:
    """Return what onnxruntime makes of ``codes``, any shapes that the operators accept.

    ``codes``: one array for each source of the first stage.
    """
    model = model_alone(stages, *(c.shape for c in codes))
    entries = [_entry(stages[0], source) for source in stages[0].sources]
    if len(stages) == 1 and stages[0].is_bare:
        return requantize_alone(stages[0].quantization(entries[0]), stages[0].output, codes[0])
    numbers = {}
    for number, (entry, array) in enumerate(zip(entries, codes, strict=True)):
        entering = stages[0].quantization(entry)
        centred = (array - entering.zero_point).astype(np.float32)
        numbers[f"numbers_{number}"] = centred * entering.scale
    (result,) = run(model, None, numbers)
    if is_operator(stages[-1].nodes[-1], "ArgMax"):
        return result.astype(np.int64)
    leaving = stages[-1].output
    restored = np.rint(result.astype(np.float64) / float(leaving.scale)) + leaving.zero_point
    recovered: IntArray = restored.astype(np.int64)
    return recovered


def requantize_alone(entering: Quantization, leaving: Quantization, codes: IntArray) -> IntArray:
    """Return the codes that onnxruntime makes of the numbers of ``codes``, any shape.

    Codes go in and come out as they are: of two quantizations in a row that both are between
    numbers onnxruntime makes a third one.
    """
    values: dict[str, npt.NDArray[Any]] = {}
    for name, quantization in (("from", entering), ("to", leaving)):
        number = quantization.number
        dtype = np.dtype(f"{'int' if number.signed else 'uint'}{max(8, number.bits)}")
        values[f"{name}_scale"] = np.asarray(quantization.scale)
        values[f"{name}_zero_point"] = np.array(quantization.zero_point, dtype)
    graph = helper.make_graph(
        [
            helper.make_node("DequantizeLinear", ["codes", "from_scale", "from_zero_point"], ["x"]),
            helper.make_node("QuantizeLinear", ["x", "to_scale", "to_zero_point"], ["result"]),
        ],
        "requantize",
        [_codes_info("codes", values["from_zero_point"])],
        [_codes_info("result", values["to_zero_point"])],
        [numpy_helper.from_array(value, name) for name, value in values.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    (result,) = run(model, None, {"codes": codes.astype(values["from_zero_point"].dtype)})
    number = leaving.number
    clamped: IntArray = np.clip(result.astype(np.int64), number.minimum, number.maximum)
    return clamped


def _codes_info(name: str, zero_point: npt.NDArray[Any]) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(
        name, helper.np_dtype_to_tensor_dtype(zero_point.dtype), None
    )


def model_alone(stages: tuple[Stage, ...], *shapes: tuple[int, ...]) -> onnx.ModelProto:
    """Return the model that ``run_alone`` runs on codes of these shapes."""
    entries = [_entry(stages[0], source) for source in stages[0].sources]
    model: onnx.ModelProto = ir.to_proto(_sandwich(stages, entries, shapes))
    return model


def _entry(stage: Stage, source: ir.Value) -> ir.Node:
    """Return the DequantizeLinear that reads ``source``."""
    return next(n for n in stage.nodes if n.inputs[0] is source)


def _sandwich(
    stages: tuple[Stage, ...], entries: Sequence[ir.Node], shapes: Sequence[tuple[int, ...]]
) -> ir.Model:
    sources = [
        ir.Value(name=f"numbers_{i}", type=ir.TensorType(ir.DataType.FLOAT), shape=ir.Shape(shape))
        for i, shape in enumerate(shapes)
    ]
    imports = {"": stages[0].opset}
    graph = ir.Graph(sources, [], nodes=[], opset_imports=imports, name="alone")
    values: dict[ir.Value, ir.Value] = {}

    def operand(stage: Stage, value: ir.Value | None) -> ir.Value | None:
        if value is None or value in values:
            return None if value is None else values[value]
        name = f"constant_{len(values)}"
        constant = ir.Value(name=name, const_value=ir.tensor(stage.array(value), name=name))
        graph.register_initializer(constant)
        values[value] = constant
        return constant

    for source, entry in zip(sources, entries, strict=True):
        parameters = [operand(stages[0], v) for v in entry.inputs[1:3]]
        quantize = ir.node("QuantizeLinear", [source, *parameters])
        graph.append(quantize)
        codes = entry.inputs[0]
        assert codes is not None
        values[codes] = quantize.outputs[0]
    for stage in stages:
        for node in stage.nodes:
            inputs = [operand(stage, v) for v in node.inputs]
            attributes = list(node.attributes.values())
            count = len(node.outputs)
            copy = ir.Node(node.domain, node.op_type, inputs, attributes, num_outputs=count)
            graph.append(copy)
            values.update(zip(node.outputs, copy.outputs, strict=True))
    last = stages[-1].nodes[-1]
    result, element_type = values[stages[-1].result], ir.DataType.INT64
    if not is_operator(last, "ArgMax"):
        ends = [operand(stages[-1], v) for v in last.inputs[1:3]]
        dequantize = ir.node("DequantizeLinear", [result, *ends])
        graph.append(dequantize)
        result, element_type = dequantize.outputs[0], ir.DataType.FLOAT
    result.name = "result"
    result.type = ir.TensorType(element_type)
    graph.outputs.append(result)
    return ir.Model(graph, ir_version=10)
