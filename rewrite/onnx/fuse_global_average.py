"""Fuse a quantized global average.

    Quantize(GlobalAveragePool(Dequantize(x))) -> GlobalAverage(x, ...)

``y = clamp(rint(M * sum(x - zx)) + zy)`` with ``M = sx / (sy * pixels)``.
"""

from __future__ import annotations

from typing import Any

import onnx_ir as ir
from onnxscript.rewriter import RewriteRuleSet

from rewrite.onnx.fusion_rule import FusionRule, byte_refusal, codes_refusal


class FuseGlobalAverage(FusionRule):
    """GlobalAveragePool over two spatial axes."""

    function = "GlobalAverage"
    parameters = ("x", "x_scale", "x_zero_point", "y_scale", "y_zero_point")

    def pattern(
        self, op: Any, x: Any, x_scale: Any, x_zero_point: Any, y_scale: Any, y_zero_point: Any
    ) -> Any:
        """Match an average of dequantized values whose result is quantized."""
        mean = op.GlobalAveragePool(
            op.DequantizeLinear(x, x_scale, x_zero_point), _outputs=["result"]
        )
        return op.QuantizeLinear(mean, y_scale, y_zero_point)

    def refusal(self, result: ir.Node, values: dict[str, ir.Value]) -> str | None:
        """Refuse quantizations that are not per tensor."""
        return (
            byte_refusal(values)
            or codes_refusal("input", values["x_scale"], values["x_zero_point"])
            or codes_refusal("output", values["y_scale"], values["y_zero_point"])
        )


RULES = RewriteRuleSet([FuseGlobalAverage.rule()])


def fuse_global_average(model: ir.Model) -> int:
    """Apply to ``model``; return how many averages were fused."""
    return int(RULES.apply_to_model(model))
