"""Fuse a quantized Softmax.

    Quantize(Softmax(Dequantize(x))) -> Softmax(x, ...)

over one axis, of 8-bit codes, in steps of 1/256 from the smallest code on, as onnxruntime's own
quantizer has it.  onnxruntime runs it as QLinearSoftmax, in float32; the element approximates it.
"""

from __future__ import annotations

from typing import Any

import onnx_ir as ir
from onnxscript.rewriter import RewriteRuleSet

from rewrite.onnx.fusion_rule import FusionRule, byte_refusal, codes_refusal
from rewrite.onnx.graphs import constant

STEP = 1 / 256
AXIS_OPSET = 13
"""From here on Softmax works on one axis; before, on all from ``axis`` on."""


class FuseSoftmax(FusionRule):
    """Softmax over an axis."""

    function = "Softmax"
    parameters = ("x", "x_scale", "x_zero_point", "y_scale", "y_zero_point")

    def pattern(
        self, op: Any, x: Any, x_scale: Any, x_zero_point: Any, y_scale: Any, y_zero_point: Any
    ) -> Any:
        """Match a Softmax of dequantized values whose result is quantized."""
        result = op.Softmax(op.DequantizeLinear(x, x_scale, x_zero_point), _outputs=["result"])
        return op.QuantizeLinear(result, y_scale, y_zero_point)

    def refusal(self, result: ir.Node, values: dict[str, ir.Value]) -> str | None:
        """Refuse other steps and several axes."""
        reason = (
            byte_refusal(values)
            or codes_refusal("input", values["x_scale"], values["x_zero_point"])
            or codes_refusal("output", values["y_scale"], values["y_zero_point"])
        )
        if reason is not None:
            return reason
        scale, zero = constant(values["y_scale"]), constant(values["y_zero_point"])
        assert scale is not None
        assert zero is not None
        lowest = -128 if zero.dtype.kind == "i" else 0
        if scale.item() != STEP or zero.item() != lowest:
            return (
                f"the result of a Softmax must have scale 1/256 and zero point {lowest}, not "
                f"{scale.item():g} and {zero.item()}"
            )
        shape, graph = values["x"].shape, result.graph
        if shape is None or graph is None:
            return "the shape of the input must be known"
        old = graph.opset_imports.get("", AXIS_OPSET) < AXIS_OPSET
        axis = result.attributes.get_int("axis", 1 if old else -1) % shape.rank()
        if axis == 0 or (old and axis != shape.rank() - 1):
            return f"a Softmax must work on one axis but the batch, not on axis {axis}"
        return None


RULES = RewriteRuleSet([FuseSoftmax.rule()])


def fuse_softmax(model: ir.Model) -> int:
    """Apply to ``model``; return how many were fused."""
    return int(RULES.apply_to_model(model))
