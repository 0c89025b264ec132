"""Write operators on codes as operators on numbers between quantizations.

    QLinearConv(x, sx, zx, w, sw, zw, sy, zy, b) -> Quantize(Conv(dx, dw, db), sy, zy)
        with dx = Dequantize(x, sx, zx), dw = Dequantize(w, sw, zw), db = Dequantize(b, sx*sw, 0)

and the same for QLinearMatMul, for onnxruntime's QLinearAdd, QLinearMul, QLinearConcat,
QLinearGlobalAveragePool, QLinearAveragePool, QLinearLeakyRelu, QLinearSigmoid, QLinearSoftmax and
QGemm, and for standard operators that take codes (``plain_operators``).

This is what the operators are defined by, and onnxruntime makes the same operators of the result:
its integers are compared before and after, like those of every rewrite; for their sake some int8
codes become uint8 (``unsigned_codes``).  A QLinearAveragePool on int8 codes alone becomes another,
one on uint8 codes, which rounds otherwise near the middle between two codes: the lowering looks at
what the original graph runs (``average_execution``).  So there is one form of a quantized graph for
all rules behind this one.  Condition: scales and zero points are constants.
Done in onnx-ir: the operators' operands differ, and bias scales are computed.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import onnx_ir as ir
import onnx_ir.passes.common as passes

from rewrite.onnx.code_builder import CodeBuilder, Parameters, operand_of, optional_operand
from rewrite.onnx.fuse_layout import MOVING, REPEATING
from rewrite.onnx.graphs import MICROSOFT, add_initializer, constant, is_operator
from rewrite.onnx.plain_operators import PLAIN, Rule, Scales, plain_rule
from rewrite.onnx.unsigned_codes import unsigned_codes

_UNARY = {
    "QLinearGlobalAveragePool": "GlobalAveragePool",
    "QLinearAveragePool": "AveragePool",
    "QLinearLeakyRelu": "LeakyRelu",
    "QLinearSigmoid": "Sigmoid",
    "QLinearSoftmax": "Softmax",
}
_BINARY = {"QLinearAdd": "Add", "QLinearMul": "Mul"}

OPERATORS = (
    *("QLinearConv", "QLinearMatMul", "QGemm", "QLinearConcat"),
    *(*_BINARY, *_UNARY),
    *PLAIN,
)
"""What is rewritten."""


def qdq_from_operators(model: ir.Model) -> int:
    """Apply to ``model``; return how many operators changed."""
    changed = 0
    scales: Scales = {}
    for node in list(model.graph):
        rule = _rule(node, scales)
        builder = CodeBuilder(model.graph, node, [])
        if rule is not None and has_constant_scales(node):
            rule(builder, node, scales)
        if builder.nodes:
            last = builder.nodes[-1]
            ir.convenience.replace_nodes_and_values(
                model.graph, node, [node], builder.nodes, [node.outputs[0]], last.outputs[:1]
            )
            changed += 1
            node = last
        _remember(node, scales)
    if changed:
        passes.ShapeInferencePass(check_type=False, strict_mode=False, data_prop=True)(model)
        unsigned_codes(model)
    return changed


def _rule(node: ir.Node, scales: Mapping[ir.Value, Parameters]) -> Rule | None:
    if is_operator(node, "QLinearConv"):
        return _convolution
    if is_operator(node, "QLinearMatMul"):
        return _product
    if node.domain != MICROSOFT:
        return plain_rule(node, scales)
    if node.attributes.get_int("channels_last", 0):
        return None
    if node.op_type == "QLinearConv":
        return _convolution
    if node.op_type in ("QuantizeLinear", "DequantizeLinear"):
        return _renamed
    if node.op_type == "QGemm":
        return _dense
    if node.op_type == "QLinearConcat":
        return _concatenation
    if node.op_type in _UNARY:
        return _unary
    return _binary if node.op_type in _BINARY else None


def has_constant_scales(node: ir.Node) -> bool:
    """True if every operand that is no code is a constant."""
    if node.domain in ("", "ai.onnx") and not node.op_type.startswith("QLinear"):
        return True  # it has no scales
    floats = [v for v in node.inputs if v is not None and v.dtype == ir.DataType.FLOAT]
    return all(constant(v) is not None or v is node.inputs[0] for v in floats)


def _remember(node: ir.Node, scales: Scales) -> None:
    """Note the parameters of the codes that ``node`` makes, or moves."""
    source = node.inputs[0] if node.inputs else None
    if is_operator(node, "QuantizeLinear") and len(node.inputs) > 2:
        scale, zero_point = node.inputs[1:3]
        if scale is not None and zero_point is not None:
            scales[node.outputs[0]] = scale, zero_point
    elif source in scales and is_operator(node, *MOVING, *REPEATING):
        scales[node.outputs[0]] = scales[source]


def _bias(b: CodeBuilder, codes: ir.Value, x_scale: ir.Value, w_scale: ir.Value) -> ir.Value:
    """Return the dequantized bias, whose scale is that of the accumulator."""
    x, w = constant(x_scale), constant(w_scale)
    assert x is not None
    assert w is not None
    products = (x.reshape(()) * w.reshape(-1)).astype(np.float32)
    products = products if len(products) > 1 else products.reshape(())
    scale = add_initializer(b.graph, f"{codes.name}_scale", products)
    zeros = add_initializer(b.graph, f"{codes.name}_zero", np.zeros(products.shape, np.int32))
    return b.dequantized(codes, scale, zeros, 0)


def _convolution(b: CodeBuilder, node: ir.Node, scales: Scales) -> None:
    x, w = (operand_of(node, i) for i in (0, 3))
    inputs: list[ir.Value | None] = [
        b.dequantized(x, operand_of(node, 1), optional_operand(node, 2)),
        b.dequantized(w, operand_of(node, 4), optional_operand(node, 5), 0),
    ]
    if (bias := optional_operand(node, 8)) is not None:
        inputs.append(_bias(b, bias, operand_of(node, 1), operand_of(node, 4)))
    b.quantized(b.computing("Conv", inputs), operand_of(node, 6), optional_operand(node, 7))


def _product(b: CodeBuilder, node: ir.Node, scales: Scales) -> None:
    inputs: list[ir.Value | None] = [
        b.dequantized(operand_of(node, 0), operand_of(node, 1), optional_operand(node, 2)),
        b.dequantized(operand_of(node, 3), operand_of(node, 4), optional_operand(node, 5), 1),
    ]
    b.quantized(b.computing("MatMul", inputs), operand_of(node, 6), optional_operand(node, 7))


def _dense(b: CodeBuilder, node: ir.Node, scales: Scales) -> None:
    axis = 0 if node.attributes.get_int("transB", 0) else 1
    x_scale = _times_alpha(b, node, operand_of(node, 1))
    inputs: list[ir.Value | None] = [
        b.dequantized(operand_of(node, 0), x_scale, optional_operand(node, 2)),
        b.dequantized(operand_of(node, 3), operand_of(node, 4), optional_operand(node, 5), axis),
    ]
    if (bias := optional_operand(node, 6)) is not None:
        inputs.append(_bias(b, bias, x_scale, operand_of(node, 4)))
    product = b.computing("Gemm", inputs)
    scale = optional_operand(node, 7)
    if scale is not None:
        b.quantized(product, scale, optional_operand(node, 8))


def _times_alpha(b: CodeBuilder, node: ir.Node, scale: ir.Value) -> ir.Value:
    """Return QGemm's factor ``alpha`` times the scale of its input, in float32.

    onnxruntime takes this product first of all, and multiplies the bias by it, too.
    """
    alpha, given = np.float32(node.attributes.get_float("alpha", 1.0)), constant(scale)
    if alpha == 1 or given is None:
        return scale
    return add_initializer(b.graph, f"{scale.name}_alpha", alpha * given.astype(np.float32))


def _unary(b: CodeBuilder, node: ir.Node, scales: Scales) -> None:
    x = b.dequantized(operand_of(node, 0), operand_of(node, 1), optional_operand(node, 2))
    result = b.computing(_UNARY[node.op_type], [x])
    b.quantized(result, operand_of(node, 3), optional_operand(node, 4))


def _binary(b: CodeBuilder, node: ir.Node, scales: Scales) -> None:
    operands: list[ir.Value | None] = [
        b.dequantized(
            *b.unsigned(operand_of(node, i), optional_operand(node, i + 2), operand_of(node, i + 1))
        )
        for i in (0, 3)
    ]
    result = b.computing(_BINARY[node.op_type], operands)
    b.quantized(result, operand_of(node, 6), optional_operand(node, 7))


def _concatenation(b: CodeBuilder, node: ir.Node, scales: Scales) -> None:
    operands: list[ir.Value | None] = [
        b.dequantized(operand_of(node, i), operand_of(node, i + 1), optional_operand(node, i + 2))
        for i in range(2, len(node.inputs), 3)
    ]
    result = b.computing("Concat", operands)
    b.quantized(result, operand_of(node, 0), optional_operand(node, 1))


def _renamed(b: CodeBuilder, node: ir.Node, scales: Scales) -> None:
    inputs = [operand_of(node, 0), *(b.scalar(v) for v in node.inputs[1:3])]
    new = b.add(node.op_type, list(inputs), "_standard")
    new.attributes.update(node.attributes)
