"""Fuse a quantized average over windows.

    Quantize(AveragePool(Dequantize(x))) -> AveragePool(x, ...)

What lies outside of the image does not count, or counts as zero; see ``ir/average_proof.py`` for
the arithmetic.
"""

from __future__ import annotations

from typing import Any

import onnx_ir as ir
from onnxscript.rewriter import RewriteRuleSet

from rewrite.onnx.fusion_rule import FusionRule, byte_refusal, codes_refusal


class FuseAverage(FusionRule):
    """AveragePool over two spatial axes, neighbouring taps."""

    function = "AveragePool"
    parameters = ("x", "x_scale", "x_zero_point", "y_scale", "y_zero_point")

    def pattern(
        self, op: Any, x: Any, x_scale: Any, x_zero_point: Any, y_scale: Any, y_zero_point: Any
    ) -> Any:
        """Match an average of dequantized values whose result is quantized."""
        mean = op.AveragePool(op.DequantizeLinear(x, x_scale, x_zero_point), _outputs=["result"])
        return op.QuantizeLinear(mean, y_scale, y_zero_point)

    def refusal(self, result: ir.Node, values: dict[str, ir.Value]) -> str | None:
        """Refuse dilation, other axes, and quantizations not per tensor."""
        if len(result.attributes.get_ints("kernel_shape", [])) != 2:
            return "an average pool must have two spatial axes"
        if any(d != 1 for d in result.attributes.get_ints("dilations", [])):
            return "an average pool must have dilation 1"
        counted = result.attributes.get_int("count_include_pad", 0)
        if counted and result.attributes.get_int("ceil_mode", 0):
            return "an average pool that counts its padding must have ceil_mode 0"
        return (
            byte_refusal(values)
            or codes_refusal("input", values["x_scale"], values["x_zero_point"])
            or codes_refusal("output", values["y_scale"], values["y_zero_point"])
        )


RULES = RewriteRuleSet([FuseAverage.rule()])


def fuse_average(model: ir.Model) -> int:
    """Apply to ``model``; return how many averages were fused."""
    return int(RULES.apply_to_model(model))
