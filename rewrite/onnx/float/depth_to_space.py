"""DepthToSpace, SpaceToDepth -> Transpose between Reshapes.

    DepthToSpace(x; b, DCR): (C, H, W) -> (b, b, c, H, W) -> (c, H, b, W, b) -> (c, b H, b W)
    DepthToSpace(x; b, CRD): (C, H, W) -> (c, b, b, H, W) -> (c, H, b, W, b) -> (c, b H, b W)
    SpaceToDepth(x; b): (C, H, W) -> (C, H / b, b, W / b, b) -> (b, b, C, H / b, W / b)

with c = C / b^2: the definitions of the operators.  Condition: known sizes.
"""

from __future__ import annotations

from typing import Any

import onnx_ir as ir
from onnxscript.rewriter import MatchResult, RewriteRule, RewriteRuleClassBase

from rewrite.onnx.float.values import integer, reshape, static_shape, take_name


class BlocksToReshapes(RewriteRuleClassBase):  # type: ignore[misc]
    """One rule for each direction."""

    def __init__(self, operator: str) -> None:
        super().__init__(f"{operator}ToReshapes")
        self.operator = operator

    def pattern(self, op: Any, x: ir.Value) -> Any:
        """Any use of the operator."""
        return getattr(op, self.operator)(x, _allow_other_attributes=True, _outputs=["y"])

    def check(self, context: Any, x: ir.Value, y: ir.Value) -> MatchResult:
        """Of known size."""
        if static_shape(x) is None or static_shape(y) is None:
            return MatchResult().fail("sizes must be known", x)
        return MatchResult()

    def rewrite(self, op: Any, x: ir.Value, y: ir.Value) -> Any:
        """Split the axes, move them, join them."""
        node, before, after = y.producer(), static_shape(x), static_shape(y)
        assert node is not None
        assert before is not None
        assert after is not None
        block = integer(node, "blocksize", 1)
        split: tuple[int, ...]
        if self.operator == "SpaceToDepth":
            split = (before[1], after[2], block, after[3], block)
            order = [0, 3, 5, 1, 2, 4]
        elif node.attributes.get_string("mode", "DCR") == "DCR":
            split, order = (block, block, after[1], *before[2:]), [0, 3, 4, 1, 5, 2]
        else:
            split, order = (after[1], block, block, *before[2:]), [0, 1, 4, 2, 5, 3]
        name = take_name(node)
        moved = op.Transpose(reshape(op, node, x, split), perm=order, _name=name)
        return reshape(op, node, moved, after[1:])


RULES: tuple[RewriteRule, ...] = tuple(
    BlocksToReshapes.rule(operator) for operator in ("DepthToSpace", "SpaceToDepth")
)
