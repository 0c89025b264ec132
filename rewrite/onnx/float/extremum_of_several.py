"""Max(a, b, c) -> Max(Max(a, b), c), and the same for Min.

The definition of the operators; elements choose between two values.
"""

from __future__ import annotations

from typing import Any

import onnx_ir as ir
from onnxscript.rewriter import MatchResult, RewriteRule, RewriteRuleClassBase

from rewrite.onnx.float.values import take_name

OPERANDS = 2


class ExtremumOfSeveral(RewriteRuleClassBase):  # type: ignore[misc]
    """One rule for Max, one for Min."""

    def __init__(self, operator: str) -> None:
        super().__init__(f"{operator}OfSeveral")
        self.operator = operator

    def pattern(self, op: Any) -> Any:
        """Any use of the operator."""
        return getattr(op, self.operator)(_allow_other_inputs=True, _outputs=["y"])

    def check(self, context: Any, y: ir.Value) -> MatchResult:
        """Not of two values."""
        node = y.producer()
        assert node is not None
        if len(node.inputs) == OPERANDS:
            return MatchResult().fail("it has two operands", y)
        return MatchResult()

    def rewrite(self, op: Any, y: ir.Value) -> Any:
        """Choose one after the other, in the operator's order."""
        node = y.producer()
        assert node is not None
        operands, name = list(node.inputs), take_name(node)
        chosen = operands[0]
        if len(operands) == 1:
            return op.Identity(chosen, _name=name)
        for number, operand in enumerate(operands[1:], OPERANDS):
            last = number == len(operands)
            part = name if last else f"{name}/part_{number}"
            chosen = getattr(op, self.operator)(chosen, operand, _name=part)
        return chosen


RULES: tuple[RewriteRule, ...] = (ExtremumOfSeveral.rule("Max"), ExtremumOfSeveral.rule("Min"))
