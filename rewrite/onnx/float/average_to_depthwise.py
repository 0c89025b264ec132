"""AveragePool(x; windows of k values) -> Conv(x, 1 / k; group = channels).

The mean is the sum of the values times 1 / k.  Condition: each window has the same number k of
values that count: nothing is padded, or what is padded counts (``count_include_pad``), as zeros.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx_ir as ir
from onnxscript.rewriter import MatchResult, RewriteRule, RewriteRuleClassBase

from rewrite.onnx.float.conv_form import same_pads
from rewrite.onnx.float.values import (
    float_initializer,
    integer,
    ints,
    static_shape,
    take_name,
)


class AverageToDepthwise(RewriteRuleClassBase):  # type: ignore[misc]
    """An AveragePool of images."""

    def pattern(self, op: Any, x: ir.Value) -> Any:
        """Any AveragePool."""
        return op.AveragePool(x, _allow_other_attributes=True, _outputs=["y"])

    def check(self, context: Any, x: ir.Value, y: ir.Value) -> MatchResult:
        """All windows divide by the same number."""
        result, shape, node = MatchResult(), static_shape(x), y.producer()
        if shape is None or len(shape) != 4:
            return result.fail("it must pool images of known size", x)
        pads = _pads(node, shape)
        if any(pads) and not integer(node, "count_include_pad", 0):
            return result.fail("windows at the border hold fewer values", y)
        spans = _spans(node)
        strides = ints(node, "strides", (1, 1))
        for axis in (0, 1):
            rest = shape[2 + axis] + pads[axis] + pads[2 + axis] - spans[axis]
            if rest < 0 or (integer(node, "ceil_mode", 0) and rest % strides[axis]):
                return result.fail("the last window reaches beyond the image", y)
        return result

    def rewrite(self, op: Any, x: ir.Value, y: ir.Value) -> Any:
        """Convolve each channel with equal weights."""
        node, shape = y.producer(), static_shape(x)
        assert node is not None
        assert shape is not None
        kernel = ints(node, "kernel_shape", ())
        weight = np.full((shape[1], 1, *kernel), 1 / np.prod(kernel))
        return op.Conv(
            x,
            float_initializer(op, node, "weight", weight),
            float_initializer(op, node, "bias", np.zeros(shape[1])),
            dilations=list(ints(node, "dilations", (1, 1))),
            group=shape[1],
            kernel_shape=list(kernel),
            pads=list(_pads(node, shape)),
            strides=list(ints(node, "strides", (1, 1))),
            _name=take_name(node),
        )


def _spans(node: ir.Node) -> tuple[int, ...]:
    kernel, dilations = ints(node, "kernel_shape", ()), ints(node, "dilations", (1, 1))
    return tuple((k - 1) * d + 1 for k, d in zip(kernel, dilations, strict=True))


def _pads(node: ir.Node, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return (top, left, bottom, right)."""
    mode = node.attributes.get_string("auto_pad", "NOTSET")
    if mode == "NOTSET":
        return ints(node, "pads", (0, 0, 0, 0))
    kernel, strides = ints(node, "kernel_shape", ()), ints(node, "strides", (1, 1))
    return same_pads(mode, shape[2:], kernel, strides, ints(node, "dilations", (1, 1)))


RULES: tuple[RewriteRule, ...] = (AverageToDepthwise.rule(),)
