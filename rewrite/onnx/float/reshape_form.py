"""Flatten, Squeeze, Unsqueeze, Reshape(x, computed shape) -> Reshape(x, (-1, static dimensions)).

All of them keep the elements' order, so only the output's shape matters.  Condition: shapes are
static but for the batch, which stays in front.  Reshape(Reshape(x)) -> Reshape(x).
"""

from __future__ import annotations

from typing import Any

import onnx_ir as ir
from onnxscript.rewriter import MatchResult, RewriteRule, RewriteRuleClassBase

from rewrite.onnx.float.values import constant, reshape, static_shape, take_name

OPERATORS = ("Flatten", "Reshape", "Squeeze", "Unsqueeze")


class CanonicalReshape(RewriteRuleClassBase):  # type: ignore[misc]
    """One rule for each operator."""

    def __init__(self, operator: str) -> None:
        super().__init__(f"CanonicalReshape{operator}")
        self.operator = operator

    def pattern(self, op: Any, x: ir.Value) -> Any:
        """Any use of the operator."""
        attributes = {"_allow_other_inputs": True, "_allow_other_attributes": True}
        return getattr(op, self.operator)(x, _outputs=["y"], **attributes)

    def check(self, context: Any, x: ir.Value, y: ir.Value) -> MatchResult:
        """Static shapes, batch in front, not canonical yet."""
        result = MatchResult()
        before, after, node = static_shape(x), static_shape(y), y.producer()
        if before is None or after is None or not before or before[:1] != after[:1]:
            return result.fail("shapes must be static and keep the batch in front", y)
        above = x.producer()
        if node.op_type == "Reshape" and above is not None and above.op_type == "Reshape":
            return result
        target = constant(node.inputs[1]) if node.op_type == "Reshape" else None
        if target is not None and tuple(target) == (-1, *after[1:]) and not node.attributes:
            return result.fail("it is canonical", y)
        return result

    def rewrite(self, op: Any, x: ir.Value, y: ir.Value) -> Any:
        """Reshape to the output's static shape, from above all reshapes."""
        node, shape, above = y.producer(), static_shape(y), x.producer()
        assert node is not None
        assert shape is not None
        if above is not None and above.op_type == "Reshape" and above.inputs[0] is not None:
            x = above.inputs[0]
        target = reshape(op, node, x, shape[1:])
        target.producer().name = take_name(node)
        return target


RULES: tuple[RewriteRule, ...] = tuple(CanonicalReshape.rule(o) for o in OPERATORS)
