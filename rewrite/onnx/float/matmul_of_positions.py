"""Reshape(MatMul(Reshape(x; n, c), W); ..., u) -> MatMul(x, W): Tensordot as TensorFlow writes it.

    x (1, p, ..., c) as n = p * ... rows of c values, times W (c, u), in the shape (1, p, ..., u)

The rows are those of x in its own order, so the product takes x as it is.  Condition: sizes are
known, W is a constant matrix, and only the last axis of the result differs from that of x.
"""

from __future__ import annotations

from typing import Any

import onnx_ir as ir
from onnxscript.rewriter import MatchResult, RewriteRule, RewriteRuleClassBase

from rewrite.onnx.float.values import constant, static_shape, take_name


class MatMulOfPositions(RewriteRuleClassBase):  # type: ignore[misc]
    """A dense layer of all positions as rows of one matrix."""

    def __init__(self) -> None:
        super().__init__("MatMulOfPositions", remove_nodes=False)

    def pattern(self, op: Any, x: ir.Value, weight: ir.Value) -> Any:
        """A product between two reshapes."""
        options = {"_allow_other_inputs": True, "_allow_other_attributes": True}
        rows = op.Reshape(x, _outputs=["rows"], **options)
        product = op.MatMul(rows, weight, _outputs=["product"])
        return op.Reshape(product, _outputs=["y"], **options)

    def check(
        self, context: Any, x: ir.Value, rows: ir.Value, weight: ir.Value, y: ir.Value, **_: Any
    ) -> MatchResult:
        """Rows of the last axis, put back to where they were."""
        result = MatchResult()
        before, between, after = static_shape(x), static_shape(rows), static_shape(y)
        matrix = constant(weight)
        if before is None or between is None or after is None or len(before) < 3:
            return result.fail("x must have positions, and shapes must be known", x)
        if matrix is None or matrix.ndim != 2:
            return result.fail("the second operand must be a constant matrix", weight)
        if len(between) != 2 or between[1] != before[-1]:
            return result.fail("the rows must be those of the last axis", rows)
        if after != (*before[:-1], matrix.shape[1]):
            return result.fail("the positions must be those of x", y)
        return result

    def rewrite(self, op: Any, x: ir.Value, weight: ir.Value, product: ir.Value, **_: Any) -> Any:
        """Multiply without the reshapes."""
        return op.MatMul(x, weight, _name=take_name(product.producer()))


RULES: tuple[RewriteRule, ...] = (MatMulOfPositions.rule(),)
