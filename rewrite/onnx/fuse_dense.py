"""Fuse a quantized Dense layer.

    Quantize(Gemm(Dequantize(x), Dequantize(w), Dequantize(b))) -> Dense(x, w, b, ...)

``y = clamp(rint(M * (sum((x - zx) * (w - zw)) + b)) + zy)`` with ``M = sx*sw/sy`` per output
channel.  Holds for alpha = beta = 1, x not transposed, constant weights quantized per tensor or
per output channel, and an int32 bias with the scale ``sx*sw``.
"""

from __future__ import annotations

from typing import Any

import onnx_ir as ir
from onnxscript.rewriter import RewriteRuleSet

from rewrite.onnx.fusion_rule import (
    FusionRule,
    bias_refusal,
    byte_refusal,
    codes_refusal,
    weights_refusal,
)
from rewrite.onnx.graphs import constant


class FuseDense(FusionRule):
    """Gemm with constant weights."""

    function = "Dense"
    parameters = (
        *("x", "x_scale", "x_zero_point", "w", "w_scale", "w_zero_point"),
        *("b", "b_scale", "b_zero_point", "y_scale", "y_zero_point"),
    )

    def pattern(
        self,
        op: Any,
        x: Any,
        x_scale: Any,
        x_zero_point: Any,
        w: Any,
        w_scale: Any,
        w_zero_point: Any,
        b: Any,
        b_scale: Any,
        b_zero_point: Any,
        y_scale: Any,
        y_zero_point: Any,
    ) -> Any:
        """Match a Gemm whose operands are dequantized and whose result is quantized."""
        product = op.Gemm(
            op.DequantizeLinear(x, x_scale, x_zero_point),
            op.DequantizeLinear(w, w_scale, w_zero_point, _outputs=["weights"]),
            op.DequantizeLinear(b, b_scale, b_zero_point),
            _outputs=["result"],
        )
        return op.QuantizeLinear(product, y_scale, y_zero_point)

    def refusal(self, result: ir.Node, values: dict[str, ir.Value]) -> str | None:
        """Refuse factors, a transposed input and a bias that is no vector."""
        attributes = result.attributes
        if attributes.get_float("alpha", 1.0) != 1.0 or attributes.get_float("beta", 1.0) != 1.0:
            return (
                "a Gemm must have alpha = beta = 1, for onnxruntime would compute in float; "
                "multiply them into weights and bias before quantizing"
            )
        if attributes.get_int("transA", 0):
            return "a Gemm must not transpose its input"
        weights, bias = constant(values["w"]), constant(values["b"])
        axis = 0 if attributes.get_int("transB", 0) else 1
        if weights is None or bias is None:
            return "weights and bias must be constant"
        if bias.size != weights.shape[axis]:
            return f"the bias must have {weights.shape[axis]} values, not {bias.size}"
        return (
            byte_refusal(values)
            or codes_refusal("input", values["x_scale"], values["x_zero_point"])
            or weights_refusal(values["weights"], axis, values)
            or bias_refusal(values)
            or codes_refusal("output", values["y_scale"], values["y_zero_point"])
        )


RULES = RewriteRuleSet([FuseDense.rule()])


def fuse_dense(model: ir.Model) -> int:
    """Apply to ``model``; return how many layers were fused."""
    return int(RULES.apply_to_model(model))
