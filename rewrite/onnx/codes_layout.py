"""Move codes, not numbers.

    Quantize(Transpose(Dequantize(x, s, z)), s, z) -> Transpose(x)

and the same for Reshape, Flatten, Squeeze, Unsqueeze and Identity.  Quantize(Dequantize(c)) = c
for every code c if both use the same scale and zero point, and these operators only move values.
"""

from __future__ import annotations

from typing import Any

import onnx_ir as ir
from onnxscript.rewriter import MatchContext, MatchResult, RewriteRuleClassBase, RewriteRuleSet

from rewrite.onnx.fusion_rule import codes_refusal
from rewrite.onnx.graphs import same_constant

MOVING = ("Transpose", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Identity")
"""Operators that only move values."""


class CodesLayout(RewriteRuleClassBase):  # type: ignore[misc]
    """The rewrite for one operator of ``MOVING``."""

    def __init__(self, operator: str) -> None:
        super().__init__(name=f"CodesLayout{operator}")
        self.operator = operator

    def pattern(self, op: Any, x: Any, s: Any, z: Any, to_s: Any, to_z: Any) -> Any:
        """Match the operator between dequantization and quantization."""
        moved = getattr(op, self.operator)(
            op.DequantizeLinear(x, s, z), _allow_other_inputs=True, _outputs=["moved"]
        )
        return op.QuantizeLinear(moved, to_s, to_z)

    def check(self, context: MatchContext, **values: ir.Value) -> MatchResult:
        """Refuse unless both quantizations are the same, per tensor."""
        match = MatchResult()
        if not isinstance(context.graph_or_function, ir.Graph):
            return match.fail("the nodes are fused already")
        reason = codes_refusal("moved tensor", values["s"], values["z"])
        same = same_constant(values["s"], values["to_s"]) and same_constant(
            values["z"], values["to_z"]
        )
        if reason is None and not same:
            reason = f"scale and zero point must be the same before and after {self.operator}"
        return match if reason is None else match.fail(reason)

    def rewrite(self, op: Any, x: ir.Value, moved: ir.Value, **_: ir.Value) -> ir.Value:
        """Return the same operator on codes."""
        old = moved.producer()
        assert old is not None
        result: ir.Value = getattr(op, self.operator)(x, *old.inputs[1:], **old.attributes)
        new = result.producer()
        assert new is not None
        new.name = old.name
        return result


RULES = RewriteRuleSet([CodesLayout.rule(o) for o in MOVING])


def codes_layout(model: ir.Model) -> int:
    """Apply to ``model``; return how many operators moved to codes."""
    return int(RULES.apply_to_model(model))
