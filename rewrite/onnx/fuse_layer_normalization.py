"""Fuse a quantized LayerNormalization.

    Quantize(LayerNormalization(Dequantize(x), gamma, beta)) -> LayerNormalization(x, gamma, ...)

over the last axis, of 8-bit codes, with constant float factors and summands; beta may be missing.
onnxruntime computes it in float32; the element approximates it.
"""

from __future__ import annotations

from typing import Any

import onnx_ir as ir
from onnxscript.rewriter import RewriteRuleSet

from rewrite.onnx.fusion_rule import FusionRule, byte_refusal, codes_refusal
from rewrite.onnx.graphs import constant


class FuseLayerNormalization(FusionRule):
    """LayerNormalization with factors and summands."""

    function = "LayerNormalization"
    parameters: tuple[str, ...] = (
        *("x", "x_scale", "x_zero_point", "gamma", "beta"),
        *("y_scale", "y_zero_point"),
    )

    def pattern(
        self,
        op: Any,
        x: Any,
        x_scale: Any,
        x_zero_point: Any,
        gamma: Any,
        beta: Any,
        y_scale: Any,
        y_zero_point: Any,
    ) -> Any:
        """Match a normalization of dequantized values whose result is quantized."""
        numbers = op.DequantizeLinear(x, x_scale, x_zero_point)
        result = op.LayerNormalization(numbers, gamma, beta, _outputs=["result"])
        return op.QuantizeLinear(result, y_scale, y_zero_point)

    def refusal(self, result: ir.Node, values: dict[str, ir.Value]) -> str | None:
        """Refuse other axes and computed factors."""
        reason = (
            byte_refusal(values)
            or codes_refusal("input", values["x_scale"], values["x_zero_point"])
            or codes_refusal("output", values["y_scale"], values["y_zero_point"])
        )
        if reason is not None:
            return reason
        shape, gamma = values["x"].shape, constant(values["gamma"])
        beta = constant(values["beta"]) if "beta" in values else gamma
        if shape is None:
            return "the shape of the input must be known"
        axis = result.attributes.get_int("axis", -1) % shape.rank()
        if axis != shape.rank() - 1 or axis == 0:
            return f"a LayerNormalization must work on the last axis, not on axis {axis}"
        if gamma is None or beta is None:
            return "factors and summands of a LayerNormalization must be constants"
        sizes = {int(array.size) for array in (gamma, beta)}
        if sizes != {shape[axis]}:
            return f"a LayerNormalization must have {shape[axis]} factors, not {gamma.size}"
        return None


class FuseWithoutSummands(FuseLayerNormalization):
    """LayerNormalization with factors only."""

    parameters = tuple(p for p in FuseLayerNormalization.parameters if p != "beta")

    def pattern(  # type: ignore[override]
        self,
        op: Any,
        x: Any,
        x_scale: Any,
        x_zero_point: Any,
        gamma: Any,
        y_scale: Any,
        y_zero_point: Any,
    ) -> Any:
        """Match the same without beta."""
        numbers = op.DequantizeLinear(x, x_scale, x_zero_point)
        result = op.LayerNormalization(numbers, gamma, _outputs=["result"])
        return op.QuantizeLinear(result, y_scale, y_zero_point)


RULES = RewriteRuleSet([FuseLayerNormalization.rule(), FuseWithoutSummands.rule()])


def fuse_layer_normalization(model: ir.Model) -> int:
    """Apply to ``model``; return how many were fused."""
    return int(RULES.apply_to_model(model))
