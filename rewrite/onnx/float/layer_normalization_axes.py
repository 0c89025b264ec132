"""LayerNormalization(x; last k axes) -> Reshape(LayerNormalization(Reshape(x; n); last axis)).

The mean and variance of n values do not depend on how they are arranged; factors and summands are
arranged as they are.  Conditions: known sizes, constant factors and summands, not of the batch.
"""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
import onnx_ir as ir
from onnxscript.rewriter import MatchResult, RewriteRule, RewriteRuleClassBase

from rewrite.onnx.float.values import (
    clone,
    constant,
    float_initializer,
    integer,
    reshape,
    static_shape,
)


class LayerNormalizationAxes(RewriteRuleClassBase):  # type: ignore[misc]
    """Of more than the last axis."""

    def pattern(self, op: Any, x: ir.Value) -> Any:
        """Any LayerNormalization."""
        attributes = {"_allow_other_inputs": True, "_allow_other_attributes": True}
        return op.LayerNormalization(x, _outputs=["y"], **attributes)

    def check(self, context: Any, x: ir.Value, y: ir.Value) -> MatchResult:
        """Of several axes of a frame, of known sizes."""
        result, shape, node = MatchResult(), static_shape(x), y.producer()
        assert node is not None
        if shape is None or any(constant(value) is None for value in node.inputs[1:]):
            return result.fail("sizes, factors and summands must be known", y)
        if not 1 <= integer(node, "axis", -1) % len(shape) < len(shape) - 1:
            return result.fail("it does not normalize several axes of a frame", y)
        return result

    def rewrite(self, op: Any, x: ir.Value, y: ir.Value) -> Any:
        """Make one axis of them."""
        node, shape = y.producer(), static_shape(x)
        assert node is not None
        assert shape is not None
        first = integer(node, "axis", -1) % len(shape)
        inner, operands = shape[first:], []
        for number, value in enumerate(node.inputs[1:]):
            array = constant(value)
            assert array is not None
            whole = np.broadcast_to(array, inner).reshape(-1)
            operands.append(float_initializer(op, node, f"operand{number}", whole))
        flat = reshape(op, node, x, (*shape[1:first], prod(inner)))
        return reshape(op, node, clone(op, node, [flat, *operands], axis=-1), shape[1:])


RULES: tuple[RewriteRule, ...] = (LayerNormalizationAxes.rule(),)
