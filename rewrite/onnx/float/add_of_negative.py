"""x - y -> x + (-y) for two computed tensors.

onnxruntime adds quantized tensors with one factor for each, but subtracts them in float32, where
ties between two codes go either way.  The negation is a table, or part of the layer in front of it.
Exact in floating point, too: negation only changes the sign.
"""

from __future__ import annotations

from typing import Any

import onnx_ir as ir
from onnxscript.rewriter import MatchResult, RewriteRule, RewriteRuleClassBase

from rewrite.onnx.float.values import constant, take_name


class AddOfNegative(RewriteRuleClassBase):  # type: ignore[misc]
    """Differences of two computed tensors."""

    def pattern(self, op: Any, x: ir.Value, y: ir.Value) -> Any:
        """Any difference."""
        return op.Sub(x, y, _outputs=["difference"])

    def check(self, context: Any, x: ir.Value, y: ir.Value, **_: Any) -> MatchResult:
        """Neither operand is a constant."""
        if constant(x) is not None or constant(y) is not None:
            return MatchResult().fail("an operand is constant")
        return MatchResult()

    def rewrite(self, op: Any, x: ir.Value, y: ir.Value, difference: ir.Value) -> Any:
        """Negate, then add."""
        name = take_name(difference.producer())
        return op.Add(x, op.Neg(y, _name=f"{name}/negative"), _name=name)


RULES: tuple[RewriteRule, ...] = (AddOfNegative.rule(),)
