"""Fuse a mean over some axes.

    Quantize(ReduceMean(Dequantize(x), axes)) -> Mean(x, ..., axes)

onnxruntime computes it in float32: see ``ir/average_proof.py`` for when that is a function of an
integer.  A GlobalAveragePool it computes in integers.
"""

from __future__ import annotations

from typing import Any

import onnx_ir as ir
from onnxscript.rewriter import RewriteRuleSet

from rewrite.onnx.fusion_rule import FusionRule, byte_refusal, codes_refusal
from rewrite.onnx.graphs import constant


class FuseMean(FusionRule):
    """ReduceMean over any axes but the batch."""

    function = "Mean"
    parameters = ("x", "x_scale", "x_zero_point", "y_scale", "y_zero_point", "axes")

    def pattern(
        self,
        op: Any,
        x: Any,
        x_scale: Any,
        x_zero_point: Any,
        y_scale: Any,
        y_zero_point: Any,
        axes: Any,
    ) -> Any:
        """Match a mean of dequantized values whose result is quantized."""
        numbers = op.DequantizeLinear(x, x_scale, x_zero_point)
        mean = op.ReduceMean(numbers, axes, _outputs=["result"])
        return op.QuantizeLinear(mean, y_scale, y_zero_point)

    def refusal(self, result: ir.Node, values: dict[str, ir.Value]) -> str | None:
        """Refuse unknown axes, the batch, and quantizations that are not per tensor."""
        axes, shape = constant(values["axes"]), values["x"].shape
        if axes is None or shape is None:
            return "the axes of a ReduceMean must be constants, and those of its input known"
        if axes.size == 0 or any(int(a) % shape.rank() == 0 for a in axes.reshape(-1)):
            return "a ReduceMean must be one of some axes of each frame, not of the batch"
        return (
            byte_refusal(values)
            or codes_refusal("input", values["x_scale"], values["x_zero_point"])
            or codes_refusal("output", values["y_scale"], values["y_zero_point"])
        )


RULES = RewriteRuleSet([FuseMean.rule()])


def fuse_mean(model: ir.Model) -> int:
    """Apply to ``model``; return how many means were fused."""
    return int(RULES.apply_to_model(model))
