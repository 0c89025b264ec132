"""Fuse a product of two computed, quantized matrices.

    Quantize(MatMul(Dequantize(a), Dequantize(b))) -> MatrixProduct(a, b, ...)

``y = clamp(rint(M * sum((a - za) * (b - zb))) + zy)`` with ``M = sa*sb/sy``.  Holds for 8-bit codes
that are quantized per tensor; each frame holds at least a matrix of each operand.
"""

from __future__ import annotations

from typing import Any

import onnx_ir as ir
from onnxscript.rewriter import RewriteRuleSet

from rewrite.onnx.fusion_rule import FusionRule, codes_refusal
from rewrite.onnx.graphs import DOMAIN, constant

_BYTES = (ir.DataType.UINT8, ir.DataType.INT8)


class FuseMatrixProduct(FusionRule):
    """MatMul of two streams."""

    function = "MatrixProduct"
    parameters = (
        *("a", "a_scale", "a_zero_point", "b", "b_scale", "b_zero_point"),
        *("y_scale", "y_zero_point"),
    )

    def pattern(
        self,
        op: Any,
        a: Any,
        a_scale: Any,
        a_zero_point: Any,
        b: Any,
        b_scale: Any,
        b_zero_point: Any,
        y_scale: Any,
        y_zero_point: Any,
    ) -> Any:
        """Match a MatMul whose operands are dequantized and whose result is quantized."""
        product = op.MatMul(
            op.DequantizeLinear(a, a_scale, a_zero_point),
            op.DequantizeLinear(b, b_scale, b_zero_point),
            _outputs=["result"],
        )
        return op.QuantizeLinear(product, y_scale, y_zero_point)

    def refusal(self, result: ir.Node, values: dict[str, ir.Value]) -> str | None:
        """Refuse a constant operand, vectors without axes of their own, and other codes."""
        for name in ("a", "b"):
            if constant(values[name]) is not None:
                return (
                    "a constant operand of a MatMul must be the second, a matrix that is quantized "
                    "per tensor or by column"
                )
            shape = values[name].shape
            if shape is None or shape.rank() < 3:
                return "the operands of a MatMul must have rows and columns in each frame"
        for name in ("a", "b", "y"):
            tensor = values[f"{name}_zero_point"].const_value
            if tensor is not None and tensor.dtype not in _BYTES:
                return (
                    f"operands and result of a MatMul must be quantized to 8 bits, not "
                    f"{tensor.dtype.name.lower()}: onnxruntime would compute in float"
                )
        return (
            codes_refusal("first operand", values["a_scale"], values["a_zero_point"])
            or codes_refusal("second operand", values["b_scale"], values["b_zero_point"])
            or codes_refusal("output", values["y_scale"], values["y_zero_point"])
        )

    def rewrite(self, op: Any, **values: ir.Value) -> ir.Value:
        """Return the call; a tensor that is both operands is read once."""
        inputs = list(dict.fromkeys(values[name] for name in self.parameters))
        call: ir.Value = getattr(op, self.function)(*inputs, _domain=DOMAIN)
        node, source = call.producer(), values["result"].producer()
        assert node is not None
        assert source is not None
        node.name = source.name
        return call


RULES = RewriteRuleSet([FuseMatrixProduct.rule()])


def fuse_matrix_product(model: ir.Model) -> int:
    """Apply to ``model``; return how many products were fused."""
    return int(RULES.apply_to_model(model))
