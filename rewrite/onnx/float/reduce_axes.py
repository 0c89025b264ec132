"""Reductions along any axes -> pools of images, or a convolution.

    ReduceMean(x (C, H, W); H or W) -> AveragePool(x; window of the whole axis); ReduceMax: MaxPool
    ReduceMean(x (C, H, W); C) -> Conv(x, 1 / C)
    ReduceMean(x; any axes) -> GlobalAveragePool(Reshape(Transpose(x; kept, reduced); k, r, 1))
    ReduceMax(x; any axes) -> GlobalMaxPool of the same
    ReduceMin(x) -> -ReduceMax(-x)

with k values kept, in the order of their axes but for channels of images, which come last as they
do in streams, and r reduced; Reshapes give the result its axes again.  Conditions: known sizes,
constant axes, not the batch.
"""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
import onnx_ir as ir
from onnxscript.rewriter import MatchResult, RewriteRule, RewriteRuleClassBase

from rewrite.onnx.float.values import (
    constant,
    float_initializer,
    integer,
    ints,
    reshape,
    static_shape,
    take_name,
)

POOLS = {
    "ReduceMean": ("AveragePool", "GlobalAveragePool"),
    "ReduceMax": ("MaxPool", "GlobalMaxPool"),
}


class ReduceToPool(RewriteRuleClassBase):  # type: ignore[misc]
    """One rule for the mean, one for the maximum."""

    def __init__(self, operator: str) -> None:
        super().__init__(f"{operator}ToPool")
        self.operator = operator

    def pattern(self, op: Any, x: ir.Value) -> Any:
        """Any such reduction."""
        attributes = {"_allow_other_inputs": True, "_allow_other_attributes": True}
        return getattr(op, self.operator)(x, _outputs=["y"], **attributes)

    def check(self, context: Any, x: ir.Value, y: ir.Value) -> MatchResult:
        """Of known size, along axes of a frame."""
        axes = reduced_axes(y.producer())
        if axes is None or static_shape(y) is None:
            return MatchResult().fail("sizes and axes must be known", y)
        if not axes or 0 in axes:
            return MatchResult().fail("it must reduce axes of a frame", y)
        return MatchResult()

    def rewrite(self, op: Any, x: ir.Value, y: ir.Value) -> Any:
        """Pool along these axes."""
        node, shape, after = y.producer(), static_shape(x), static_shape(y)
        assert node is not None
        assert shape is not None
        assert after is not None
        axes = reduced_axes(node)
        assert axes is not None
        name, (window, whole) = take_name(node), POOLS[self.operator]
        if len(shape) == 4 and axes in ([2], [3]):
            kernel = [shape[axis] if axis in axes else 1 for axis in (2, 3)]
            pooled = getattr(op, window)(x, kernel_shape=kernel, strides=[1, 1], _name=name)
            return reshape(op, node, pooled, after[1:])
        if len(shape) == 4 and axes == [1] and self.operator == "ReduceMean":
            weight = np.full((1, shape[1], 1, 1), 1 / shape[1])
            mean = op.Conv(x, float_initializer(op, node, "weight", weight), _name=name)
            return reshape(op, node, mean, after[1:])
        kept = [axis for axis in range(1, len(shape)) if axis not in axes]
        if len(shape) == 4 and kept[:1] == [1]:
            kept = [*kept[1:], 1]
        image = op.Transpose(x, perm=[0, *kept, *axes], _name=f"{name}/transpose")
        sizes = (prod(shape[a] for a in kept), prod(shape[a] for a in axes), 1)
        pooled = getattr(op, whole)(reshape(op, node, image, sizes), _name=name)
        if kept != sorted(kept):
            apart = reshape(op, node, pooled, [shape[axis] for axis in kept])
            order = [0, *(1 + kept.index(axis) for axis in sorted(kept))]
            pooled = op.Transpose(apart, perm=order, _name=f"{name}/in_order")
        return reshape(op, node, pooled, after[1:])


def reduced_axes(node: ir.Node | None) -> list[int] | None:
    """Return the axes that a reduction reduces, counted from the front; None if not known."""
    assert node is not None
    shape = static_shape(node.inputs[0])
    stated = node.inputs[1] if len(node.inputs) > 1 else None
    given = constant(stated)
    if shape is None or (stated is not None and given is None):
        return None
    axes = ints(node, "axes", ()) if given is None else tuple(int(a) for a in given.reshape(-1))
    if not axes and not integer(node, "noop_with_empty_axes", 0):
        axes = tuple(range(len(shape)))
    return sorted(axis % len(shape) for axis in axes)


class MinimumOfNegative(RewriteRuleClassBase):  # type: ignore[misc]
    """The smallest value is the negative of the largest negative."""

    def pattern(self, op: Any, x: ir.Value) -> Any:
        """Any ReduceMin."""
        attributes = {"_allow_other_inputs": True, "_allow_other_attributes": True}
        return op.ReduceMin(x, _outputs=["y"], **attributes)

    def rewrite(self, op: Any, x: ir.Value, y: ir.Value) -> Any:
        """Negate, take the largest, negate."""
        node = y.producer()
        assert node is not None
        name = take_name(node)
        negative = op.Neg(x, _name=f"{name}/negative")
        attributes = dict(node.attributes)
        largest = op.op("ReduceMax", negative, *node.inputs[1:], _name=f"{name}/max", **attributes)
        return op.Neg(largest, _name=name)


RULES: tuple[RewriteRule, ...] = (
    MinimumOfNegative.rule(),
    *(ReduceToPool.rule(operator) for operator in POOLS),
)
