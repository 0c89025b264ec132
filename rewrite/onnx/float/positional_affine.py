"""f(x, c) -> Reshape(f(Reshape(x; n, 1, 1), Reshape(c; n, 1, 1))): a constant for each place.

f is Add, Sub, Mul or Div, c a constant that differs along several axes (a learned position).  With
all n values of a frame as channels of one pixel it is an affine layer of channels.  Images are
turned channels last first, the order in which they are streamed.  Conditions: known sizes, c adds
no axes, at most ``MOST_PLACES`` values.
"""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx_ir as ir
from onnxscript.rewriter import MatchResult, RewriteRule, RewriteRuleClassBase

from rewrite.onnx.float.values import (
    TO_NCHW,
    TO_NHWC,
    clone,
    constant,
    float_initializer,
    reshape,
    static_shape,
)

OPERATORS = ("Add", "Sub", "Mul", "Div")
MOST_PLACES = 1 << 14
"""Multipliers and offsets that are stored."""


class PositionalAffine(RewriteRuleClassBase):  # type: ignore[misc]
    """One rule for each operator."""

    def __init__(self, operator: str) -> None:
        super().__init__(f"Positional{operator}")
        self.operator = operator

    def pattern(self, op: Any, a: ir.Value, b: ir.Value) -> Any:
        """Two operands."""
        return getattr(op, self.operator)(a, b, _outputs=["y"])

    def check(self, context: Any, a: ir.Value, b: ir.Value, y: ir.Value) -> MatchResult:
        """A constant for each place."""
        result, shape = MatchResult(), static_shape(y)
        if shape is None or len(shape) not in (3, 4) or prod(shape) > MOST_PLACES:
            return result.fail("sizes must be known and not too large", y)
        constants = [array for array in (constant(a), constant(b)) if array is not None]
        tensors = [value for value in (a, b) if constant(value) is None]
        if len(constants) != 1 or static_shape(tensors[0]) != shape:
            return result.fail("it must be a constant and a tensor of the result's shape", y)
        if self.operator == "Div" and constant(b) is None:
            return result.fail("it must divide by the constant", y)
        if sum(size > 1 for size in constants[0].shape) < 2:
            return result.fail("the constant differs along one axis at most", y)
        return result

    def rewrite(self, op: Any, a: ir.Value, b: ir.Value, y: ir.Value) -> Any:
        """Compute on channels of one pixel."""
        node, shape = y.producer(), static_shape(y)
        assert node is not None
        assert shape is not None
        image = len(shape) == 4
        operands = []
        for value in (a, b):
            array = constant(value)
            if array is None:
                seen = value
                if image:
                    name = f"{node.name}/to_nhwc"
                    seen = op.Transpose(value, perm=list(TO_NHWC), _name=name)
                operands.append(reshape(op, node, seen, (prod(shape), 1, 1)))
            else:
                operands.append(float_initializer(op, node, "places", _places(array, shape)))
        result = clone(op, node, operands)
        if not image:
            return reshape(op, node, result, shape[1:])
        last = reshape(op, node, result, (*shape[2:], shape[1]))
        return op.Transpose(last, perm=list(TO_NCHW), _name=f"{node.name}/to_nchw")


def _places(array: npt.NDArray[Any], shape: tuple[int, ...]) -> npt.NDArray[Any]:
    """Return the constant of each place, (1, n, 1, 1)."""
    spread = np.broadcast_to(array, shape)
    ordered = spread.transpose(TO_NHWC) if len(shape) == 4 else spread
    return ordered.reshape(1, -1, 1, 1)


RULES: tuple[RewriteRule, ...] = tuple(PositionalAffine.rule(o) for o in OPERATORS)
