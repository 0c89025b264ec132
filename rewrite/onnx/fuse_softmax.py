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
from rewrite.onnx.graphs import constant, is_fused, is_operator

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


class FuseInnerSoftmax(FuseSoftmax):
    """Softmax in front of a layer of the core: it cannot be left to the host."""

    def refusal(self, result: ir.Node, values: dict[str, ir.Value]) -> str | None:
        """Refuse one behind which the host can go on, too."""
        if not _feeds_core(result):
            return "a Softmax at the end is left to the host unless it is asked for"
        return super().refusal(result, values)


def _feeds_core(softmax: ir.Node) -> bool:
    """Tell whether codes are computed of a Softmax's own: moving them alone does not count."""
    pending = [value for value in softmax.outputs for value in _codes_of(value)]
    while pending:
        for node, _ in pending.pop().uses():
            if is_operator(node, "QuantizeLinear") or (is_fused(node) and node.op_type != "Layout"):
                return True
            pending += node.outputs
    return False


def _codes_of(value: ir.Value) -> list[ir.Value]:
    """Return the codes that ``value`` is quantized to."""
    return [v for n, _ in value.uses() if is_operator(n, "QuantizeLinear") for v in n.outputs]


RULES = RewriteRuleSet([FuseSoftmax.rule()])
INNER_RULES = RewriteRuleSet([FuseInnerSoftmax.rule()])


def fuse_softmax(model: ir.Model) -> int:
    """Apply to ``model``; return how many were fused."""
    return int(RULES.apply_to_model(model))


def fuse_inner_softmax(model: ir.Model) -> int:
    """Apply to those that a layer of the core follows; return how many were fused."""
    return int(INNER_RULES.apply_to_model(model))
