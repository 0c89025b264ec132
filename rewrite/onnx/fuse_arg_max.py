"""Fuse the index of the largest value.

    ArgMax(Dequantize(x, s, z)) -> ArgMax(x, s, z)

over the channels (axis 1, the only axis besides the batch or the one in front of the spatial
axes).  Dequantization increases strictly, so the numbers and the codes have the same first maximum.
"""

from __future__ import annotations

from typing import Any

import onnx_ir as ir
from onnxscript.rewriter import RewriteRuleSet

from rewrite.onnx.fusion_rule import FusionRule, codes_refusal


class FuseArgMax(FusionRule):
    """ArgMax over the channels; the first of equals."""

    function = "ArgMax"
    parameters = ("x", "x_scale", "x_zero_point")

    def pattern(self, op: Any, x: Any, x_scale: Any, x_zero_point: Any) -> Any:
        """Match an index of dequantized values."""
        return op.ArgMax(op.DequantizeLinear(x, x_scale, x_zero_point), _outputs=["result"])

    def refusal(self, result: ir.Node, values: dict[str, ir.Value]) -> str | None:
        """Refuse other axes and the last of equals."""
        shape = values["x"].shape
        if shape is None:
            return "the shape of the input must be known"
        axis = result.attributes.get_int("axis", 0)
        if axis % shape.rank() != 1:
            return f"ArgMax must work on axis 1, not {axis}"
        if result.attributes.get_int("select_last_index", 0):
            return "ArgMax must select the first of equal values"
        return codes_refusal("input", values["x_scale"], values["x_zero_point"])


RULES = RewriteRuleSet([FuseArgMax.rule()])


def fuse_arg_max(model: ir.Model) -> int:
    """Apply to ``model``; return how many were fused."""
    return int(RULES.apply_to_model(model))
