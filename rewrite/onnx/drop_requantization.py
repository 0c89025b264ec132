"""Drop a quantization that repeats the one before it.

    Quantize(Dequantize(x, s, z), s, z) -> x

because Quantize(Dequantize(c)) = c for every code c.  With other parameters onnxruntime may merge
two quantizations in a row into a third one (``merge_quantizations``).
"""

from __future__ import annotations

from typing import Any

import onnx_ir as ir
from onnxscript.rewriter import MatchContext, MatchResult, RewriteRuleClassBase, RewriteRuleSet

from rewrite.onnx.fusion_rule import codes_refusal
from rewrite.onnx.graphs import same_constant


class DropRequantization(RewriteRuleClassBase):  # type: ignore[misc]
    """Dequantization followed by the same quantization."""

    def pattern(self, op: Any, x: Any, s: Any, z: Any, to_s: Any, to_z: Any) -> Any:
        """Match the pair."""
        return op.QuantizeLinear(op.DequantizeLinear(x, s, z), to_s, to_z)

    def check(self, context: MatchContext, **values: ir.Value) -> MatchResult:
        """Refuse unless both are the same, per tensor."""
        match = MatchResult()
        same = same_constant(values["s"], values["to_s"]) and same_constant(
            values["z"], values["to_z"]
        )
        if not same:
            return match.fail(
                "two quantizations in a row must have the same scale and zero point where codes "
                "enter or leave the core"
            )
        reason = codes_refusal("tensor", values["s"], values["z"])
        return match if reason is None else match.fail(reason)

    def rewrite(self, op: Any, x: ir.Value, **values: ir.Value) -> ir.Value:
        """Return the codes themselves."""
        same: ir.Value = op.Identity(x)
        return same


RULES = RewriteRuleSet([DropRequantization.rule()])


def drop_requantization(model: ir.Model) -> int:
    """Apply to ``model``; return how many pairs were dropped."""
    return int(RULES.apply_to_model(model))
