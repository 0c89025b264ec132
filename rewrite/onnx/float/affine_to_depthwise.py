"""x * scale + offset -> Conv(x, scale, offset; 1x1, group = channels).

What is left of affine layers (a BatchNormalization in front of a padded convolution, say) becomes
an element of its own, which onnxruntime quantizes like any convolution.  Vectors of features become
1x1 images and back, sequences images of one row, and those with the channels last are transposed
and back.  Condition: the
constants vary along the channels; with one factor and one summand for all channels the chain is a
function of one value and becomes a table instead.
"""

from __future__ import annotations

from typing import Any

import onnx_ir as ir
from onnxscript.rewriter import MatchResult, RewriteRule, RewriteRuleClassBase

from rewrite.onnx.float.affine import (
    AFFINE_OPERATORS,
    AffineChain,
    affine_chain,
    affine_step,
)
from rewrite.onnx.float.values import (
    TO_NCHW,
    TO_NHWC,
    float_initializer,
    only_user,
    reshape,
    static_shape,
    take_name,
)


class AffineToDepthwise(RewriteRuleClassBase):  # type: ignore[misc]
    """Rooted at the last operator of the chain, one rule for each operator type."""

    def __init__(self, operator: str) -> None:
        super().__init__(f"AffineToDepthwise{operator}")
        self.operator = operator

    def pattern(self, op: Any, x: ir.Value) -> Any:
        """``y`` ends a chain of affine operators."""
        attributes = {"_allow_other_inputs": True, "_allow_other_attributes": True}
        return getattr(op, self.operator)(_outputs=["y"], **attributes)

    def check(self, context: Any, y: ir.Value, **_: Any) -> MatchResult:
        """A whole chain with a constant for each channel."""
        result = MatchResult()
        user = only_user(y)
        if affine_step(y.producer()) is None:
            return result.fail("its second operand must be constant")
        if user is not None and affine_step(user) is not None:
            return result.fail("the chain goes on; the last operator converts all of it")
        chain = affine_chain(y)
        if chain.is_scalar:
            return result.fail("one factor and one summand for all channels: a table", y)
        if _channel_axis(chain, static_shape(y)) is None:
            return result.fail("constants must vary along the channels of an image or vector", y)
        return result

    def rewrite(self, op: Any, y: ir.Value, **_: Any) -> Any:
        """Build the convolution, named after the chain's first operator."""
        chain, shape = affine_chain(y), static_shape(y)
        axis, node = _channel_axis(chain, shape), chain.first
        assert axis is not None
        channels = chain.per_channel(axis)
        assert channels is not None
        assert node is not None
        assert shape is not None
        image, last = chain.source, axis == len(shape) - 1 > 1
        if len(shape) < 4:
            image = reshape(op, node, image, _image(shape, axis))
        if last:
            image = op.Transpose(image, perm=list(TO_NCHW), _name=f"{node.name}.to_nchw")
        convolved = op.Conv(
            image,
            float_initializer(op, node, "weight", channels[0].reshape(-1, 1, 1, 1)),
            float_initializer(op, node, "bias", channels[1]),
            dilations=[1, 1],
            group=shape[axis],
            kernel_shape=[1, 1],
            pads=[0, 0, 0, 0],
            strides=[1, 1],
            _name=take_name(node),
        )
        if last:
            name = f"{y.producer().name}.{'back' if len(shape) == 4 else 'to_nhwc'}"
            convolved = op.Transpose(convolved, perm=list(TO_NHWC), _name=name)
        if len(shape) == 4:
            return convolved
        back = reshape(op, y.producer(), convolved, shape[1:])
        back.producer().name = f"{node.name}.back"
        return back


def _channel_axis(chain: AffineChain, shape: tuple[int, ...] | None) -> int | None:
    """Return the axis of the channels, along which alone the constants vary: 1, or the last."""
    if shape is None or len(shape) not in (2, 3, 4):
        return None
    axes = (axis for axis in (1, len(shape) - 1) if chain.per_channel(axis) is not None)
    return next(axes, None)


def _image(shape: tuple[int, ...], axis: int) -> tuple[int, int, int]:
    """Return the shape of a vector (features) or of a sequence of one row as an image."""
    if len(shape) == 2:
        return shape[1], 1, 1
    return (shape[1], 1, shape[2]) if axis == 1 else (1, shape[1], shape[2])


RULES: tuple[RewriteRule, ...] = tuple(AffineToDepthwise.rule(o) for o in AFFINE_OPERATORS)
