"""Write operators on codes as operators on numbers between quantizations.

    QLinearConv(x, sx, zx, w, sw, zw, sy, zy, b) -> Quantize(Conv(dx, dw, db), sy, zy)
        with dx = Dequantize(x, sx, zx), dw = Dequantize(w, sw, zw), db = Dequantize(b, sx*sw, 0)

and the same for QLinearMatMul, for onnxruntime's QLinearAdd, QLinearMul, QLinearConcat,
QLinearGlobalAveragePool, QLinearAveragePool, QLinearLeakyRelu, QLinearSigmoid, QLinearSoftmax and
QGemm, and for MaxPool and Resize, which work on codes as they are: the largest code is that of the
largest number, so any scale serves; for linear values see ``resize_of_codes``.

This is what the operators are defined by, and onnxruntime makes the same operators of the result:
its integers are compared before and after, like those of every rewrite; for their sake some int8
codes become uint8 (``unsigned_codes``).  So there is one form of a quantized graph for all rules
behind this one.  Condition: scales and zero points are constants.
Done in onnx-ir: the operators' operands differ, and bias scales are computed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir
import onnx_ir.passes.common as passes

from rewrite.onnx.execution import SHIFT
from rewrite.onnx.graphs import CODE_TYPES, add_initializer, constant, is_operator
from rewrite.onnx.resize_of_codes import is_nearest, resize_of_codes_refusal, resizes_codes
from rewrite.onnx.unsigned_codes import unsigned_codes

MICROSOFT = "com.microsoft"
_UNARY = {
    "QLinearGlobalAveragePool": "GlobalAveragePool",
    "QLinearAveragePool": "AveragePool",
    "QLinearLeakyRelu": "LeakyRelu",
    "QLinearSigmoid": "Sigmoid",
    "QLinearSoftmax": "Softmax",
}
_BINARY = {"QLinearAdd": "Add", "QLinearMul": "Mul"}
_DROPPED = ("channels_last", "opset")
"""Attributes that only onnxruntime's operators have."""

Parameters = tuple[ir.Value, ir.Value]
"""Scale and zero point."""


@dataclass(frozen=True, slots=True)
class _Builder:
    """Collects the nodes that replace ``node``; each gets its name with a suffix."""

    graph: ir.Graph
    node: ir.Node
    nodes: list[ir.Node]

    def add(self, operator: str, inputs: list[ir.Value | None], suffix: str = "") -> ir.Node:
        new = ir.node(operator, inputs)
        stem = self.node.outputs[0].name or ""
        new.name = f"{self.node.name or stem}{suffix}"
        new.outputs[0].name = f"{stem}{suffix or '_result'}"
        self.nodes.append(new)
        return new

    def dequantized(
        self, codes: ir.Value, scale: ir.Value, zero_point: ir.Value | None, axis: int | None = None
    ) -> ir.Value:
        node = self.add(
            "DequantizeLinear",
            [codes, *(self.scalar(v) for v in (scale, zero_point))],
            f"_operand_{len(self.nodes)}",
        )
        if axis is not None:
            node.attributes["axis"] = ir.AttrInt64("axis", axis)
        return node.outputs[0]

    def unsigned(
        self, codes: ir.Value, zero_point: ir.Value | None, scale: ir.Value
    ) -> tuple[ir.Value, ir.Value, ir.Value | None]:
        """Return codes, scale and zero point; constant int8 codes as uint8, as activations are."""
        array, zero = constant(codes), constant(zero_point)
        if array is None or array.dtype != np.int8:
            return codes, scale, zero_point
        zeros = np.zeros((), np.int8) if zero is None else zero
        shifted = [(a.astype(np.int64) + SHIFT).astype(np.uint8) for a in (array, zeros)]
        names = (f"{codes.name}_unsigned", f"{codes.name}_unsigned_zero_point")
        values = [add_initializer(self.graph, n, a) for n, a in zip(names, shifted, strict=True)]
        return values[0], scale, values[1]

    def quantized(self, numbers: ir.Node, scale: ir.Value, zero_point: ir.Value | None) -> None:
        inputs = [numbers.outputs[0], *(self.scalar(v) for v in (scale, zero_point))]
        self.add("QuantizeLinear", inputs, "_quantize")

    def scalar(self, value: ir.Value | None) -> ir.Value | None:
        """Return ``value``, without axes if it is one number."""
        array = constant(value)
        if value is None or array is None or array.size != 1 or array.ndim == 0:
            return value
        return add_initializer(self.graph, f"{value.name}_scalar", array.reshape(()))

    def computing(self, operator: str, inputs: list[ir.Value | None]) -> ir.Node:
        """Add the operator itself, with the attributes that it shares with the standard's."""
        new = self.add(operator, inputs)
        for name, attribute in self.node.attributes.items():
            if name not in _DROPPED:
                new.attributes[name] = attribute
        return new


def qdq_from_operators(model: ir.Model) -> int:
    """Apply to ``model``; return how many operators changed."""
    changed = 0
    scales: dict[ir.Value, Parameters] = {}
    for node in list(model.graph):
        rule = _rule(node, scales)
        builder = _Builder(model.graph, node, [])
        if rule is not None and _has_constant_scales(node):
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


def _rule(
    node: ir.Node, scales: Mapping[ir.Value, Parameters]
) -> Callable[[_Builder, ir.Node, dict[ir.Value, Parameters]], None] | None:
    if is_operator(node, "QLinearConv"):
        return _convolution
    if is_operator(node, "QLinearMatMul"):
        return _product
    if is_operator(node, "MaxPool") and (source := node.inputs[0]) is not None:
        return _selection if source in scales or source.dtype in CODE_TYPES else None
    if resizes_codes(node):
        return _selection if is_nearest(node) else _interpolation
    if node.domain != MICROSOFT or node.attributes.get_int("channels_last", 0):
        return None
    if node.op_type in ("QuantizeLinear", "DequantizeLinear"):
        return _renamed
    if node.op_type == "QGemm":
        return _dense
    if node.op_type == "QLinearConcat":
        return _concatenation
    if node.op_type in _UNARY:
        return _unary
    return _binary if node.op_type in _BINARY else None


def _has_constant_scales(node: ir.Node) -> bool:
    """True if every operand that is no code is a constant."""
    floats = [v for v in node.inputs if v is not None and v.dtype == ir.DataType.FLOAT]
    return is_operator(node, "MaxPool", "Resize") or all(
        constant(v) is not None or v is node.inputs[0] for v in floats
    )


def _remember(node: ir.Node, scales: dict[ir.Value, Parameters]) -> None:
    """Note the parameters of the codes that ``node`` makes, or moves."""
    source = node.inputs[0] if node.inputs else None
    if is_operator(node, "QuantizeLinear") and len(node.inputs) > 2:
        scale, zero_point = node.inputs[1:3]
        if scale is not None and zero_point is not None:
            scales[node.outputs[0]] = scale, zero_point
    elif source in scales and node.outputs[0].dtype in CODE_TYPES:
        scales[node.outputs[0]] = scales[source]


def _operand(node: ir.Node, index: int) -> ir.Value:
    value = node.inputs[index]
    assert value is not None
    return value


def _optional(node: ir.Node, index: int) -> ir.Value | None:
    return node.inputs[index] if index < len(node.inputs) else None


def _bias(
    b: _Builder, codes: ir.Value, x_scale: ir.Value, w_scale: ir.Value, alpha: float = 1.0
) -> ir.Value:
    """Return the dequantized bias, whose scale is that of the accumulator."""
    x, w = constant(x_scale), constant(w_scale)
    assert x is not None
    assert w is not None
    products = (np.float32(alpha) * x.reshape(()) * w.reshape(-1)).astype(np.float32)
    products = products if len(products) > 1 else products.reshape(())
    scale = add_initializer(b.graph, f"{codes.name}_scale", products)
    zeros = add_initializer(b.graph, f"{codes.name}_zero", np.zeros(products.shape, np.int32))
    return b.dequantized(codes, scale, zeros, 0)


def _convolution(b: _Builder, node: ir.Node, scales: dict[ir.Value, Parameters]) -> None:
    x, w = (_operand(node, i) for i in (0, 3))
    inputs: list[ir.Value | None] = [
        b.dequantized(x, _operand(node, 1), _optional(node, 2)),
        b.dequantized(w, _operand(node, 4), _optional(node, 5), 0),
    ]
    if (bias := _optional(node, 8)) is not None:
        inputs.append(_bias(b, bias, _operand(node, 1), _operand(node, 4)))
    b.quantized(b.computing("Conv", inputs), _operand(node, 6), _optional(node, 7))


def _product(b: _Builder, node: ir.Node, scales: dict[ir.Value, Parameters]) -> None:
    inputs: list[ir.Value | None] = [
        b.dequantized(_operand(node, 0), _operand(node, 1), _optional(node, 2)),
        b.dequantized(_operand(node, 3), _operand(node, 4), _optional(node, 5), 1),
    ]
    b.quantized(b.computing("MatMul", inputs), _operand(node, 6), _optional(node, 7))


def _dense(b: _Builder, node: ir.Node, scales: dict[ir.Value, Parameters]) -> None:
    axis = 0 if node.attributes.get_int("transB", 0) else 1
    inputs: list[ir.Value | None] = [
        b.dequantized(_operand(node, 0), _operand(node, 1), _optional(node, 2)),
        b.dequantized(_operand(node, 3), _operand(node, 4), _optional(node, 5), axis),
    ]
    if (bias := _optional(node, 6)) is not None:
        alpha = node.attributes.get_float("alpha", 1.0)
        inputs.append(_bias(b, bias, _operand(node, 1), _operand(node, 4), alpha))
    product = b.computing("Gemm", inputs)
    scale = _optional(node, 7)
    if scale is not None:
        b.quantized(product, scale, _optional(node, 8))


def _unary(b: _Builder, node: ir.Node, scales: dict[ir.Value, Parameters]) -> None:
    x = b.dequantized(_operand(node, 0), _operand(node, 1), _optional(node, 2))
    result = b.computing(_UNARY[node.op_type], [x])
    b.quantized(result, _operand(node, 3), _optional(node, 4))


def _binary(b: _Builder, node: ir.Node, scales: dict[ir.Value, Parameters]) -> None:
    operands: list[ir.Value | None] = [
        b.dequantized(*b.unsigned(_operand(node, i), _optional(node, i + 2), _operand(node, i + 1)))
        for i in (0, 3)
    ]
    result = b.computing(_BINARY[node.op_type], operands)
    b.quantized(result, _operand(node, 6), _optional(node, 7))


def _concatenation(b: _Builder, node: ir.Node, scales: dict[ir.Value, Parameters]) -> None:
    operands: list[ir.Value | None] = [
        b.dequantized(_operand(node, i), _operand(node, i + 1), _optional(node, i + 2))
        for i in range(2, len(node.inputs), 3)
    ]
    result = b.computing("Concat", operands)
    b.quantized(result, _operand(node, 0), _optional(node, 1))


def _selection(b: _Builder, node: ir.Node, scales: dict[ir.Value, Parameters]) -> None:
    codes = _operand(node, 0)
    scale, zero_point = scales[codes] if codes in scales else _plain(b, codes)
    numbers = b.dequantized(codes, scale, zero_point)
    b.quantized(b.computing(node.op_type, [numbers, *node.inputs[1:]]), scale, zero_point)


def _interpolation(b: _Builder, node: ir.Node, scales: dict[ir.Value, Parameters]) -> None:
    if resize_of_codes_refusal(node) is not None:
        return
    codes = _operand(node, 0)
    scale, zero_point = _plain(b, codes)
    numbers = b.dequantized(codes, scale, zero_point)
    result = b.computing("Resize", [numbers, *node.inputs[1:]])
    for kind in (ir.DataType.INT32, ir.DataType.FLOAT):
        result = b.add("Cast", [result.outputs[0]], f"_{kind.name.lower()}")
        result.attributes["to"] = ir.AttrInt64("to", kind.value)
    b.quantized(result, scale, zero_point)


def _plain(b: _Builder, codes: ir.Value) -> Parameters:
    """Return the parameters with which codes are numbers as they are."""
    assert codes.dtype is not None
    zero = np.zeros((), codes.dtype.numpy())
    return (
        add_initializer(b.graph, f"{codes.name}_one", np.ones((), np.float32)),
        add_initializer(b.graph, f"{codes.name}_zero", zero),
    )


def _renamed(b: _Builder, node: ir.Node, scales: dict[ir.Value, Parameters]) -> None:
    inputs = [_operand(node, 0), *(b.scalar(v) for v in node.inputs[1:3])]
    new = b.add(node.op_type, list(inputs), "_standard")
    new.attributes.update(node.attributes)
