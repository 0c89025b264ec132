"""Concat and Slice move to the channels-first side of layout changes.

    Concat(Transpose(x; to NHWC), Transpose(y; to NHWC); a) -> Transpose(Concat(x, y; a'); to NHWC)
    Slice(Transpose(x; to NHWC); axes) -> Transpose(Slice(x; axes'); to NHWC)

An axis of NHWC is axis ``TO_NHWC[axis]`` of NCHW; nothing else changes. Conditions: known shapes;
all tensors read come through such a Transpose; where a Slice cuts is constant.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx_ir as ir
from onnxscript.rewriter import MatchResult, RewriteRule, RewriteRuleClassBase

from rewrite.onnx.float.values import (
    TO_NHWC,
    clone,
    constant,
    initializer,
    integer,
    permutation,
)


class ConcatBelow(RewriteRuleClassBase):  # type: ignore[misc]
    """Any number of tensors."""

    def pattern(self, op: Any) -> Any:
        """Any Concat."""
        attributes = {"_allow_other_inputs": True, "_allow_other_attributes": True}
        return op.Concat(_outputs=["y"], **attributes)

    def check(self, context: Any, y: ir.Value, **_: Any) -> MatchResult:
        """All tensors come through a Transpose to NHWC."""
        node = y.producer()
        if any(v is None or permutation(v.producer()) != TO_NHWC for v in node.inputs):
            return MatchResult().fail("not all tensors come through a Transpose to NHWC", y)
        return MatchResult()

    def rewrite(self, op: Any, y: ir.Value, **_: Any) -> Any:
        """Join channels-first data."""
        node = y.producer()
        assert node is not None
        axis = TO_NHWC[integer(node, "axis", 0) % 4]
        inner = clone(op, node, [_above(v) for v in node.inputs], axis=axis)
        return op.Transpose(inner, perm=list(TO_NHWC), _name=f"{node.name}/to_nhwc")


class SliceBelow(RewriteRuleClassBase):  # type: ignore[misc]
    """With its axes stated or not."""

    def pattern(self, op: Any, x: ir.Value) -> Any:
        """Any Slice."""
        return op.Slice(x, _allow_other_inputs=True, _outputs=["y"])

    def check(self, context: Any, x: ir.Value, y: ir.Value) -> MatchResult:
        """Of a tensor that comes through a Transpose to NHWC."""
        node = y.producer()
        if permutation(x.producer()) != TO_NHWC:
            return MatchResult().fail("the tensor comes through no Transpose to NHWC", x)
        if any(constant(v) is None for v in node.inputs[1:]) or len(node.inputs) < 3:
            return MatchResult().fail("it does not cut at constant places", y)
        return MatchResult()

    def rewrite(self, op: Any, x: ir.Value, y: ir.Value) -> Any:
        """Cut channels-first data."""
        node = y.producer()
        assert node is not None
        starts = constant(node.inputs[1])
        assert starts is not None
        stated = constant(node.inputs[3]) if len(node.inputs) > 3 else None
        axes = np.arange(starts.size) if stated is None else stated
        moved = np.array([TO_NHWC[int(axis) % 4] for axis in axes], np.int64)
        where = initializer(op, node, "axes", moved)
        inputs = [_above(x), node.inputs[1], node.inputs[2], where, *node.inputs[4:]]
        inner = clone(op, node, inputs)
        return op.Transpose(inner, perm=list(TO_NHWC), _name=f"{node.name}/to_nhwc")


def _above(value: ir.Value | None) -> ir.Value | None:
    """Return what the Transpose in front of ``value`` reads."""
    producer = None if value is None else value.producer()
    assert producer is not None
    return producer.inputs[0]


RULES: tuple[RewriteRule, ...] = (ConcatBelow.rule(), SliceBelow.rule())
