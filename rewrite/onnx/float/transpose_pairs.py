"""Transpose(Transpose(x; p); q) -> Transpose(x; p∘q); Transpose(x; identity) -> x.

A Transpose that only moves axes of length 1 becomes a Reshape, and a Reshape that does what a
transposition to channels-first does (one channel) becomes that Transpose, so that pairs can meet.
"""

from __future__ import annotations

from typing import Any

import onnx_ir as ir
from onnxscript.rewriter import MatchResult, RewriteRule, RewriteRuleClassBase

from rewrite.onnx.float.values import (
    TO_NCHW,
    TO_NHWC,
    permutation,
    reshape,
    static_shape,
    take_name,
)


class MergeTransposes(RewriteRuleClassBase):  # type: ignore[misc]
    """Two in a row."""

    def __init__(self) -> None:
        super().__init__(remove_nodes=False)  # others may read the first

    def pattern(self, op: Any, x: ir.Value) -> Any:
        """A Transpose behind a Transpose."""
        inner = op.Transpose(x, _allow_other_attributes=True, _outputs=["inner"])
        return op.Transpose(inner, _allow_other_attributes=True, _outputs=["outer"])

    def rewrite(self, op: Any, x: ir.Value, inner: ir.Value, outer: ir.Value) -> Any:
        """Compose the permutations."""
        first, second = permutation(inner.producer()), permutation(outer.producer())
        assert first is not None
        assert second is not None
        perm = [first[axis] for axis in second]
        if perm == sorted(perm):
            return op.Identity(x, _name=take_name(outer.producer()))
        return op.Transpose(x, perm=perm, _name=take_name(outer.producer()))


class TransposeToReshape(RewriteRuleClassBase):  # type: ignore[misc]
    """A Transpose that leaves every element where it is."""

    def pattern(self, op: Any, x: ir.Value) -> Any:
        """Any Transpose."""
        return op.Transpose(x, _allow_other_attributes=True, _outputs=["y"])

    def check(self, context: Any, x: ir.Value, y: ir.Value) -> MatchResult:
        """The axes longer than 1 keep their order, and the batch stays in front."""
        result = MatchResult()
        shape, perm = static_shape(x), permutation(y.producer())
        if shape is None or perm is None or perm[0] != 0:
            return result.fail("shape and permutation must be known, the batch in front", y)
        long = [axis for axis in perm if shape[axis] > 1]
        if long != sorted(long):
            return result.fail("it moves elements", y)
        if perm in (TO_NCHW, TO_NHWC) and shape[perm[1]] * shape[perm[2]] * shape[perm[3]] > 1:
            pixels = shape[2] * shape[3] if perm == TO_NHWC else shape[1] * shape[2]
            if pixels > 1:
                return result.fail("it converts an image of one channel between layouts", y)
        return result

    def rewrite(self, op: Any, x: ir.Value, y: ir.Value) -> Any:
        """Reshape to the transposed shape."""
        node, shape = y.producer(), static_shape(y)
        assert node is not None
        assert shape is not None
        return reshape(op, node, x, shape[1:])


class ReshapeToTranspose(RewriteRuleClassBase):  # type: ignore[misc]
    """(batch, height, width, 1) reshaped to (batch, 1, height, width), or the other way round."""

    def pattern(self, op: Any, x: ir.Value, shape: ir.Value) -> Any:
        """Any Reshape."""
        return op.Reshape(x, shape, _allow_other_attributes=True, _outputs=["y"])

    def check(self, context: Any, x: ir.Value, shape: ir.Value, y: ir.Value) -> MatchResult:
        """One channel, more than one pixel."""
        return MatchResult() if _layouts(x, y) else MatchResult().fail("no change of layout", y)

    def rewrite(self, op: Any, x: ir.Value, shape: ir.Value, y: ir.Value) -> Any:
        """Use the transposition of that direction."""
        return op.Transpose(x, perm=_layouts(x, y), _name=take_name(y.producer()))


def _layouts(x: ir.Value, y: ir.Value) -> list[int] | None:
    before, after = static_shape(x), static_shape(y)
    if before is None or after is None or len(before) != 4 or len(after) != 4 or before == after:
        return None
    for perm, channels, pixels in ((TO_NCHW, 3, before[1:3]), (TO_NHWC, 1, before[2:4])):
        if tuple(before[a] for a in perm) == after and before[channels] == 1 and max(pixels) > 1:
            return list(perm)
    return None


RULES: tuple[RewriteRule, ...] = (
    MergeTransposes.rule(),
    TransposeToReshape.rule(),
    ReshapeToTranspose.rule(),
)
