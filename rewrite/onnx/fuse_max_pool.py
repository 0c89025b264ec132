"""Fuse a max pool of codes.

    Quantize(MaxPool(Dequantize(x, s, z)), t, u) -> MaxPool(x, s, z, t, u)

Dequantization increases strictly, so the maximum of the numbers is the number of the maximal code,
and Quantize(Dequantize(c)) = c for every code c if both use the same scale and zero point; with
others it never decreases, so that a table may stand in front.
"""

from __future__ import annotations

from typing import Any

import onnx_ir as ir
from onnxscript.rewriter import RewriteRuleSet

from rewrite.onnx.fusion_rule import FusionRule, codes_refusal


class FuseMaxPool(FusionRule):
    """MaxPool over two spatial axes, neighbouring taps."""

    function = "MaxPool"
    parameters = ("x", "x_scale", "x_zero_point", "y_scale", "y_zero_point")

    def pattern(
        self, op: Any, x: Any, x_scale: Any, x_zero_point: Any, y_scale: Any, y_zero_point: Any
    ) -> Any:
        """Match a pool of dequantized values whose result is quantized."""
        pooled = op.MaxPool(op.DequantizeLinear(x, x_scale, x_zero_point), _outputs=["result"])
        return op.QuantizeLinear(pooled, y_scale, y_zero_point)

    def refusal(self, result: ir.Node, values: dict[str, ir.Value]) -> str | None:
        """Refuse dilation, other axes, and quantizations that are not per tensor."""
        if len(result.outputs) > 1:
            return "a max pool must not return indices"
        if len(result.attributes.get_ints("kernel_shape", [])) != 2:
            return "a max pool must have two spatial axes"
        if any(d != 1 for d in result.attributes.get_ints("dilations", [])):
            return "a max pool must have dilation 1"
        return codes_refusal("input", values["x_scale"], values["x_zero_point"]) or codes_refusal(
            "output", values["y_scale"], values["y_zero_point"]
        )


RULES = RewriteRuleSet([FuseMaxPool.rule()])


def fuse_max_pool(model: ir.Model) -> int:
    """Apply to ``model``; return how many pools were fused."""
    return int(RULES.apply_to_model(model))
