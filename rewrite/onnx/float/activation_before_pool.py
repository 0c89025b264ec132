"""Relu(MaxPool(x)) -> MaxPool(Relu(x)); the same for Clip, and for Reshape and Slice in place of
MaxPool, and the Transpose of a pixel shuffle.

A non-decreasing function commutes with the maximum, any function of single elements with what moves
them.
The activation then follows the layer that it clamps, where it costs nothing.  Condition: nothing
else reads the pool's result.
"""

from __future__ import annotations

from typing import Any

import onnx_ir as ir
from onnxscript.rewriter import MatchResult, RewriteRule, RewriteRuleClassBase

from rewrite.onnx.float.values import clone, only_user, permutation


class ActivationBeforePool(RewriteRuleClassBase):  # type: ignore[misc]
    """One rule for each activation."""

    def __init__(self, activation: str) -> None:
        super().__init__(f"{activation}BeforePool", remove_nodes=False)
        self.activation = activation

    def pattern(self, op: Any, x: ir.Value) -> Any:
        """Any such activation."""
        attributes = {"_allow_other_inputs": True, "_allow_other_attributes": True}
        return getattr(op, self.activation)(x, _outputs=["y"], **attributes)

    def check(self, context: Any, x: ir.Value, y: ir.Value) -> MatchResult:
        """Right behind such an operator that it alone reads."""
        result = MatchResult()
        pool = x.producer()
        if pool is None or not _commutes(pool) or only_user(x) is None:
            return result.fail("no MaxPool, Reshape or Slice above that only it reads", x)
        if len([v for v in pool.outputs if list(v.uses())]) > 1:
            return result.fail("the pool's indices are read", x)
        return result

    def rewrite(self, op: Any, x: ir.Value, y: ir.Value) -> Any:
        """Swap the two."""
        pool, activation = x.producer(), y.producer()
        assert pool is not None
        assert activation is not None
        inner = clone(op, activation, [pool.inputs[0], *activation.inputs[1:]])
        return clone(op, pool, [inner, *pool.inputs[1:]])


def _commutes(node: ir.Node) -> bool:
    """Tell whether an activation is moved above; of an image's Transpose it stays below."""
    order = permutation(node)
    return node.op_type in ("MaxPool", "Reshape", "Slice") or (order is not None and len(order) > 4)


RULES: tuple[RewriteRule, ...] = (
    ActivationBeforePool.rule("Relu"),
    ActivationBeforePool.rule("Clip"),
)
