"""f(x, s) -> f(x, Resize(s)) where s has one value for each channel: a squeeze-and-excite block.

    x (N, C, H, W), s (N, C, 1, 1): the operator itself repeats s for every pixel; a Resize to
    nearest values says so, and has an element.

Condition: both are computed, of known size, in either order.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx_ir as ir
from onnxscript.rewriter import MatchResult, RewriteRule, RewriteRuleClassBase

from rewrite.onnx.float.values import clone, constant, initializer, static_shape

OPERATORS = ("Add", "Sub", "Mul", "Div", "Max", "Min")


class BroadcastByResize(RewriteRuleClassBase):  # type: ignore[misc]
    """One rule for each operator."""

    def __init__(self, operator: str) -> None:
        super().__init__(f"BroadcastByResize{operator}", remove_nodes=False)
        self.operator = operator

    def pattern(self, op: Any, a: ir.Value, b: ir.Value) -> Any:
        """Two operands."""
        return getattr(op, self.operator)(a, b, _outputs=["y"])

    def check(self, context: Any, a: ir.Value, b: ir.Value, y: ir.Value) -> MatchResult:
        """One of them an image, the other one pixel of it."""
        result = MatchResult()
        if constant(a) is not None or constant(b) is not None:
            return result.fail("an operand is constant", y)
        shapes, whole = (static_shape(a), static_shape(b)), static_shape(y)
        if whole is None or len(whole) != 4 or None in shapes:
            return result.fail("the operands must be images of known size", y)
        if shapes[0] == shapes[1] or {whole, (*whole[:2], 1, 1)} != set(shapes):
            return result.fail("no operand has one value for each channel", y)
        return result

    def rewrite(self, op: Any, a: ir.Value, b: ir.Value, y: ir.Value) -> Any:
        """Repeat the smaller one."""
        node, whole = y.producer(), static_shape(y)
        assert node is not None
        assert whole is not None
        factors = np.array([1, 1, *whole[2:]], np.float32)
        scales = initializer(op, node, "repeats", factors)
        operands = [
            value
            if static_shape(value) == whole
            else op.Resize(
                value, None, scales, mode="nearest", nearest_mode="floor",
                coordinate_transformation_mode="asymmetric", _name=f"{node.name}/repeat",
            )
            for value in (a, b)
        ]  # fmt: skip
        return clone(op, node, operands)


RULES: tuple[RewriteRule, ...] = tuple(BroadcastByResize.rule(o) for o in OPERATORS)
