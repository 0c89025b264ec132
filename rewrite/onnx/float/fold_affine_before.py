"""Conv(x * scale + offset, W, b) -> Conv(x, W * scale, b + sum(W * offset)); the same for Gemm.

``scale`` goes to the weights of its input channel, the sum runs over a filter's taps.  Exact in
real numbers if every tap always sees the offset: either the offset is 0 or there is no zero padding
(zeros enter behind the affine).  In front of a Gemm the constants may vary along all axes, and
Reshape and Transpose may lie between.  float64, rounded once.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx_ir as ir
from onnxscript.rewriter import MatchResult, RewriteRule, RewriteRuleClassBase

from rewrite.onnx.float.affine import FloatArray, affine_chain
from rewrite.onnx.float.values import (
    clone,
    constant,
    float_initializer,
    integer,
    ints,
    only_user,
    permutation,
    static_shape,
)


class FoldAffineIntoConv(RewriteRuleClassBase):  # type: ignore[misc]
    """An affine chain right in front of a Conv."""

    def pattern(self, op: Any, x: ir.Value, weight: ir.Value, bias: ir.Value) -> Any:
        """Any Conv with a bias."""
        return op.Conv(x, weight, bias, _allow_other_attributes=True, _outputs=["y"])

    def check(
        self, context: Any, x: ir.Value, weight: ir.Value, bias: ir.Value, y: ir.Value
    ) -> MatchResult:
        """Nothing else reads the chain, and padding does not see its offset."""
        result = MatchResult()
        chain, node = affine_chain(x), y.producer()
        assert node is not None
        if chain.first is None or only_user(x) is None:
            return result.fail("no affine chain in front that only this Conv reads", x)
        channels = chain.per_channel()
        if channels is None:
            return result.fail("constants must vary along the input channels only", x)
        if constant(weight) is None or constant(bias) is None:
            return result.fail("weights and bias must be constant", y)
        if np.any(channels[1] != 0) and any(ints(node, "pads", (0,))):
            return result.fail("zero padding does not pass through the offset", y)
        return result

    def rewrite(
        self, op: Any, x: ir.Value, weight: ir.Value, bias: ir.Value, y: ir.Value
    ) -> ir.Value:
        """Scale the weights of each input channel."""
        chain, node = affine_chain(x), y.producer()
        channels, w, b = chain.per_channel(), constant(weight), constant(bias)
        assert node is not None
        assert channels is not None
        assert w is not None
        assert b is not None
        groups = integer(node, "group", 1)
        scale, offset = (_of_filters(c, groups, w.shape[0]) for c in channels)
        w64 = w.astype(np.float64)
        folded = b.astype(np.float64) + (w64 * offset).sum((1, 2, 3))
        inputs = [
            chain.source,
            float_initializer(op, node, "weight", w64 * scale),
            float_initializer(op, node, "bias", folded),
        ]
        return clone(op, node, inputs)


def _of_filters(per_channel: FloatArray, groups: int, filters: int) -> FloatArray:
    """Return (filters, channels per group, 1, 1): what each filter's input channels are given."""
    grouped = per_channel.reshape(groups, -1)
    return np.repeat(grouped, filters // groups, axis=0)[:, :, None, None]


class FoldAffineIntoGemm(RewriteRuleClassBase):  # type: ignore[misc]
    """An affine chain in front of a Gemm, perhaps with Reshape and Transpose between."""

    def pattern(self, op: Any, x: ir.Value, weight: ir.Value, bias: ir.Value) -> Any:
        """Any Gemm with a bias (canonical: no alpha, beta or transposition)."""
        return op.Gemm(x, weight, bias, _allow_other_attributes=True, _outputs=["y"])

    def check(
        self, context: Any, x: ir.Value, weight: ir.Value, bias: ir.Value, y: ir.Value
    ) -> MatchResult:
        """Nothing else reads the chain."""
        result = MatchResult()
        if y.producer().attributes:
            return result.fail("the Gemm is not canonical", y)
        if constant(weight) is None or constant(bias) is None:
            return result.fail("weights and bias must be constant", y)
        _, moved = _moves(x)
        if moved is None or affine_chain(moved).first is None:
            return result.fail("no affine chain in front", x)
        if only_user(moved) is None:
            return result.fail("something else reads the affine chain's result", moved)
        return result

    def rewrite(
        self, op: Any, x: ir.Value, weight: ir.Value, bias: ir.Value, y: ir.Value
    ) -> ir.Value:
        """Scale the weights of each input feature."""
        node = y.producer()
        moves, moved = _moves(x)
        w, b = constant(weight), constant(bias)
        assert node is not None
        assert moved is not None
        assert w is not None
        assert b is not None
        chain = affine_chain(moved)
        shape = static_shape(moved)
        assert shape is not None
        scale, offset = np.broadcast_to(chain.scale, shape), np.broadcast_to(chain.offset, shape)
        source = chain.source
        for move in reversed(moves):
            source = clone(op, move, [source, *move.inputs[1:]])
            perm = permutation(move)
            if perm is not None:
                scale, offset = scale.transpose(perm), offset.transpose(perm)
        w64, offset = w.astype(np.float64), offset.reshape(-1)
        inputs = [
            source,
            float_initializer(op, node, "weight", w64 * scale.reshape(-1, 1)),
            float_initializer(op, node, "bias", b.astype(np.float64) + offset @ w64),
        ]
        return clone(op, node, inputs)


def _moves(value: ir.Value) -> tuple[list[ir.Node], ir.Value | None]:
    """Return the Reshapes and Transposes above ``value``, last first, and the value above them."""
    moves: list[ir.Node] = []
    node = value.producer()
    while node is not None and node.op_type in ("Reshape", "Transpose"):
        if only_user(value) is None or node.inputs[0] is None:
            return moves, None
        if static_shape(node.inputs[0]) is None:
            return moves, None
        moves.append(node)
        value = node.inputs[0]
        node = value.producer()
    return moves, value


RULES: tuple[RewriteRule, ...] = (FoldAffineIntoConv.rule(), FoldAffineIntoGemm.rule())
