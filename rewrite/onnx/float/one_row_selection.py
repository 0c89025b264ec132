"""Pad and Slice of a sequence -> the same of an image of one row.

    Pad(x (N, L, C)) -> Reshape(Pad(Reshape(x; 1, L, C)); L', C)     where steps are added
    Pad(x (N, C, L)) -> Reshape(Pad(Reshape(x; C, 1, L)); C, L')

and Slice likewise. The row comes in front of the axis that changes: which of the two layouts a
sequence has is not known, but steps are what is padded and cut. Nothing is done along the row.
Conditions: known shapes and places; one axis changes, and it is not the batch.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx_ir as ir
from onnxscript.rewriter import MatchResult, RewriteRule, RewriteRuleClassBase

from rewrite.onnx.float.values import clone, constant, initializer, reshape, static_shape


class OneRowSelection(RewriteRuleClassBase):  # type: ignore[misc]
    """The rewrite for Pad or Slice."""

    def __init__(self, operator: str) -> None:
        super().__init__(f"OneRow{operator}")
        self.operator = operator

    def pattern(self, op: Any, x: ir.Value) -> Any:
        """Any use of the operator."""
        attributes = {"_allow_other_inputs": True, "_allow_other_attributes": True}
        return getattr(op, self.operator)(x, _outputs=["y"], **attributes)

    def check(self, context: Any, x: ir.Value, y: ir.Value) -> MatchResult:
        """One axis of a sequence of known size changes."""
        result = MatchResult()
        before, after, node = static_shape(x), static_shape(y), y.producer()
        if before is None or after is None or len(before) != 3:
            return result.fail("it does not work on a sequence of known size", x)
        if any(v is not None and constant(v) is None for v in node.inputs[1:]):
            return result.fail("it does not work at constant places", y)
        if [a for a in range(3) if before[a] != after[a]] not in ([1], [2]):
            return result.fail("it must change one axis of a frame", y)
        return result

    def rewrite(self, op: Any, x: ir.Value, y: ir.Value) -> Any:
        """Work on an image of one row."""
        node, before, after = y.producer(), static_shape(x), static_shape(y)
        assert node is not None
        assert before is not None
        assert after is not None
        row = 1 if before[1] != after[1] else 2
        image = reshape(op, node, x, (*before[1:row], 1, *before[row:]))
        operands = list(node.inputs[1:])
        stated = constant(operands[2]) if len(operands) > 2 else None
        given = constant(operands[0])
        assert given is not None
        places = given.size // 2 if self.operator == "Pad" else given.size
        axes = np.arange(places) if stated is None else stated % 3
        axes = np.where(axes < row, axes, axes + 1).astype(np.int64)
        if self.operator == "Pad":
            sides = np.zeros((2, 4), np.int64)
            sides[:, axes] = given.reshape(2, -1)
            operands = [initializer(op, node, "pads", sides.reshape(-1)), *operands[1:2]]
        else:
            operands += [None] * (3 - len(operands))
            operands[2] = initializer(op, node, "axes", axes)
        return reshape(op, node, clone(op, node, [image, *operands]), after[1:])


RULES: tuple[RewriteRule, ...] = tuple(
    OneRowSelection.rule(operator) for operator in ("Pad", "Slice")
)
