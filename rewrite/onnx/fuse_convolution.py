"""Fuse a quantized convolution.

    Quantize(Conv(Dequantize(x), Dequantize(w), Dequantize(b))) -> Convolution(x, w, b, ...)

``y = clamp(rint(M * (sum((x - zx) * (w - zw)) + b)) + zy)`` with ``M = sx*sw/sy`` per output
channel: integers in, integers out.  Holds for any number of groups, constant weights quantized per
tensor or per output channel, and an int32 bias with the scale ``sx*sw``.
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


class FuseConvolution(FusionRule):
    """Conv over two spatial axes."""

    function = "Convolution"
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
        """Match a convolution whose operands are dequantized and whose result is quantized."""
        convolved = op.Conv(
            op.DequantizeLinear(x, x_scale, x_zero_point),
            op.DequantizeLinear(w, w_scale, w_zero_point, _outputs=["weights"]),
            op.DequantizeLinear(b, b_scale, b_zero_point),
            _outputs=["result"],
        )
        return op.QuantizeLinear(convolved, y_scale, y_zero_point)

    def refusal(self, result: ir.Node, values: dict[str, ir.Value]) -> str | None:
        """Refuse kernels that are not two-dimensional and what onnxruntime computes in float."""
        shape = values["w"].shape
        if shape is None or shape.rank() != 4:
            return "a convolution must have two spatial axes"
        return (
            byte_refusal(values)
            or codes_refusal("input", values["x_scale"], values["x_zero_point"])
            or weights_refusal(values["weights"], 0, values)
            or bias_refusal(values)
            or codes_refusal("output", values["y_scale"], values["y_zero_point"])
            or self.kind_refusal(is_affine(result, values["w"]))
        )

    def kind_refusal(self, affine: bool) -> str | None:
        """Leave to ``FuseAffine`` what is its."""
        return "an affine convolution must be an affine element" if affine else None


def is_affine(convolution: ir.Node, weights: ir.Value) -> bool:
    """True if each pixel's channels are multiplied by one weight each, and nothing is added up."""
    groups = convolution.attributes.get_int("group", 1)
    if groups == 1 or weights.shape is None or weights.shape.numpy() != (groups, 1, 1, 1):
        return False
    strides = convolution.attributes.get_ints("strides", [1, 1])
    return all(s == 1 for s in strides) and not any(convolution.attributes.get_ints("pads", []))


RULES = RewriteRuleSet([FuseConvolution.rule()])


def fuse_convolution(model: ir.Model) -> int:
    """Apply to ``model``; return how many convolutions were fused."""
    return int(RULES.apply_to_model(model))
