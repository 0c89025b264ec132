"""Concat(c, x, d; a) -> Add(Pad(x; zeros), C), where c and d are constants.

C has c and d at their places along axis a and zeros where x is: a constant in front of a sequence
(the class token of a transformer) is a border of zeros and a summand for each place.  Conditions:
one computed operand, known sizes, constants that do not depend on the frame, not along the batch.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx_ir as ir
from onnxscript.rewriter import MatchResult, RewriteRule, RewriteRuleClassBase

from rewrite.onnx.float.values import (
    constant,
    float_initializer,
    initializer,
    integer,
    static_shape,
    take_name,
)


class ConstantToken(RewriteRuleClassBase):  # type: ignore[misc]
    """Any number of constants around one tensor."""

    def pattern(self, op: Any) -> Any:
        """Any Concat."""
        attributes = {"_allow_other_inputs": True, "_allow_other_attributes": True}
        return op.Concat(_outputs=["y"], **attributes)

    def check(self, context: Any, y: ir.Value, **_: Any) -> MatchResult:
        """One operand is computed, the others are constants of the result's other axes."""
        result, node, shape = MatchResult(), y.producer(), static_shape(y)
        assert node is not None
        computed = [value for value in node.inputs if constant(value) is None]
        if len(computed) != 1 or len(node.inputs) < 2:
            return result.fail("not all operands but one are constants", y)
        if shape is None or static_shape(computed[0]) is None:
            return result.fail("sizes must be known", y)
        if integer(node, "axis", 0) % len(shape) == 0:
            return result.fail("it joins frames", y)
        return result

    def rewrite(self, op: Any, y: ir.Value, **_: Any) -> Any:
        """Surround the tensor with zeros, then add the constants."""
        node, shape = y.producer(), static_shape(y)
        assert node is not None
        assert shape is not None
        axis = integer(node, "axis", 0) % len(shape)
        sides = np.zeros((2, len(shape)), np.int64)
        source: ir.Value | None = None
        parts = []
        for value in node.inputs:
            array = constant(value)
            if array is not None:
                sides[int(source is not None), axis] += array.shape[axis]
                parts.append(array)
            else:
                source, sizes = value, static_shape(value)
                assert sizes is not None
                parts.append(np.zeros(sizes, np.float32))
        name = take_name(node)
        pads = initializer(op, node, "pads", sides.reshape(-1))
        padded = op.Pad(source, pads, _name=f"{name}/pad")
        summand = float_initializer(op, node, "constants", np.concatenate(parts, axis))
        return op.Add(padded, summand, _name=name)


RULES: tuple[RewriteRule, ...] = (ConstantToken.rule(),)
