"""Sum(a, b, c) -> (a + b) + c, Mean(a, b, c) -> ((a + b) + c) * 1/3, ReduceSum -> ReduceMean * n.

The definitions of the operators; n is the number of values that a ReduceSum adds up.
"""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
import onnx_ir as ir
from onnxscript.rewriter import MatchResult, RewriteRule, RewriteRuleClassBase

from rewrite.onnx.float.values import float_initializer, static_shape, take_name


class SumOfSeveral(RewriteRuleClassBase):  # type: ignore[misc]
    """One rule for Sum, one for Mean."""

    def __init__(self, operator: str) -> None:
        super().__init__(f"{operator}OfSeveral")
        self.operator = operator

    def pattern(self, op: Any) -> Any:
        """Any use of the operator."""
        return getattr(op, self.operator)(_allow_other_inputs=True, _outputs=["y"])

    def rewrite(self, op: Any, y: ir.Value) -> Any:
        """Add one after the other, in the operator's order."""
        node = y.producer()
        assert node is not None
        operands, name = list(node.inputs), take_name(node)
        total = operands[0]
        if len(operands) == 1:
            return op.Identity(total, _name=name)
        mean = self.operator == "Mean"
        for number, operand in enumerate(operands[1:], 2):
            last = number == len(operands) and not mean
            total = op.Add(total, operand, _name=name if last else f"{name}/add_{number}")
        if not mean:
            return total
        factor = float_initializer(op, node, "factor", np.array(1 / len(operands)))
        return op.Mul(total, factor, _name=name)


class ReduceSumToMean(RewriteRuleClassBase):  # type: ignore[misc]
    """A sum along axes."""

    def pattern(self, op: Any, x: ir.Value) -> Any:
        """Any ReduceSum."""
        attributes = {"_allow_other_inputs": True, "_allow_other_attributes": True}
        return op.ReduceSum(x, _outputs=["y"], **attributes)

    def check(self, context: Any, x: ir.Value, y: ir.Value) -> MatchResult:
        """Of known size."""
        if static_shape(x) is None or static_shape(y) is None:
            return MatchResult().fail("shapes must be known", y)
        return MatchResult()

    def rewrite(self, op: Any, x: ir.Value, y: ir.Value) -> Any:
        """Average, then multiply."""
        node, before, after = y.producer(), static_shape(x), static_shape(y)
        assert node is not None
        assert before is not None
        assert after is not None
        inputs = [x, *node.inputs[1:]]
        attributes = dict(node.attributes)
        name = take_name(node)
        mean = op.op("ReduceMean", *inputs, _name=f"{name}/mean", **attributes)
        count = float_initializer(op, node, "count", np.array(prod(before) / prod(after)))
        return op.Mul(mean, count, _name=name)


RULES: tuple[RewriteRule, ...] = (
    SumOfSeveral.rule("Sum"),
    SumOfSeveral.rule("Mean"),
    ReduceSumToMean.rule(),
)
