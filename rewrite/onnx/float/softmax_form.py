"""Reshape(Softmax(Flatten(x)); shape of x) -> Softmax(x; last axis), the same for LogSoftmax.

Before operator set 13 a Softmax worked on a matrix: converters flatten all axes in front of its
axis.  Where that is the last one, the rows of the matrix are the rows of x.  Conditions: known
sizes, the same last axis in front and behind.
"""

from __future__ import annotations

from typing import Any

import onnx_ir as ir
from onnxscript.rewriter import MatchResult, RewriteRule, RewriteRuleClassBase

from rewrite.onnx.float.values import integer, static_shape, take_name

OPERATORS = ("Softmax", "LogSoftmax")
_FLATTENING = ("Flatten", "Reshape")


class SoftmaxForm(RewriteRuleClassBase):  # type: ignore[misc]
    """One rule for each operator."""

    def __init__(self, operator: str) -> None:
        super().__init__(f"{operator}Form", remove_nodes=False)  # others may read the matrix
        self.operator = operator

    def pattern(self, op: Any, matrix: ir.Value, shape: ir.Value) -> Any:
        """Such an operator behind another and in front of a Reshape."""
        inner = getattr(op, self.operator)(matrix, _allow_other_attributes=True, _outputs=["inner"])
        return op.Reshape(inner, shape, _allow_other_attributes=True, _outputs=["y"])

    def check(
        self, context: Any, matrix: ir.Value, inner: ir.Value, y: ir.Value, **_: Any
    ) -> MatchResult:
        """The rows stay what they are."""
        result, above = MatchResult(), matrix.producer()
        if above is None or above.op_type not in _FLATTENING:
            return result.fail("nothing flattens what it works on", matrix)
        before, flat, after = (static_shape(v) for v in (above.inputs[0], matrix, y))
        if before is None or flat is None or before != after or len(flat) != 2:
            return result.fail("the shape must be known, flat inside and the same outside", y)
        node = inner.producer()
        assert node is not None
        if integer(node, "axis", -1) not in (-1, 1) or flat[1] != before[-1]:
            return result.fail("it must work along the last axis", inner)
        if len(before) == 2 and before == flat:
            return result.fail("the matrix is what there was", matrix)
        return result

    def rewrite(self, op: Any, matrix: ir.Value, inner: ir.Value, **_: Any) -> Any:
        """Work along the last axis of what was flattened."""
        above, node = matrix.producer(), inner.producer()
        assert above is not None
        assert node is not None
        return getattr(op, self.operator)(above.inputs[0], axis=-1, _name=take_name(node))


RULES: tuple[RewriteRule, ...] = tuple(SoftmaxForm.rule(operator) for operator in OPERATORS)
