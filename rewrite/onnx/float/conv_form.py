"""Conv(x, W; auto_pad, …) -> Conv(x, W, b; explicit dilations, group, kernel_shape, pads, strides).

A missing bias becomes zeros.  ``auto_pad`` SAME_UPPER and SAME_LOWER become the pads that the ONNX
operator specification computes from the (static) input size; VALID becomes zeros.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx_ir as ir
from onnxscript.rewriter import MatchResult, RewriteRule, RewriteRuleClassBase

from rewrite.onnx.float.values import (
    constant,
    float_initializer,
    integer,
    ints,
    static_shape,
    take_name,
)

ATTRIBUTES = ("dilations", "group", "kernel_shape", "pads", "strides")


class CanonicalConv(RewriteRuleClassBase):  # type: ignore[misc]
    """A two-dimensional Conv with defaults left out."""

    def pattern(self, op: Any, x: ir.Value, weight: ir.Value) -> Any:
        """Any Conv."""
        return op.Conv(
            x, weight, _allow_other_inputs=True, _allow_other_attributes=True, _outputs=["y"]
        )

    def check(self, context: Any, x: ir.Value, weight: ir.Value, y: ir.Value) -> MatchResult:
        """Constant weights of an image filter, and something left out."""
        result = MatchResult()
        w, shape, node = constant(weight), static_shape(x), y.producer()
        if w is None or w.ndim != 4 or shape is None or len(shape) != 4:
            return result.fail("it must filter images with constant weights", y)
        complete = len(node.inputs) == 3 and node.inputs[2] is not None
        if complete and sorted(node.attributes) == list(ATTRIBUTES):
            return result.fail("it is canonical", y)
        return result

    def rewrite(self, op: Any, x: ir.Value, weight: ir.Value, y: ir.Value) -> Any:
        """Write everything out."""
        node, w, shape = y.producer(), constant(weight), static_shape(x)
        assert node is not None
        assert w is not None
        assert shape is not None
        bias = node.inputs[2] if len(node.inputs) > 2 else None
        if bias is None:
            bias = float_initializer(op, node, "bias", np.zeros(w.shape[0]))
        strides, dilations = ints(node, "strides", (1, 1)), ints(node, "dilations", (1, 1))
        kernel = ints(node, "kernel_shape", w.shape[2:])
        given = node.attributes.get("auto_pad")
        mode = "NOTSET" if given is None else given.as_string()
        if mode == "NOTSET":
            pads = ints(node, "pads", (0, 0, 0, 0))
        else:
            pads = same_pads(mode, shape[2:], kernel, strides, dilations)
        return op.Conv(
            x,
            weight,
            bias,
            dilations=list(dilations),
            group=integer(node, "group", 1),
            kernel_shape=list(kernel),
            pads=list(pads),
            strides=list(strides),
            _name=take_name(node),
        )


def same_pads(
    mode: str,
    size: tuple[int, ...],
    kernel: tuple[int, ...],
    strides: tuple[int, ...],
    dilations: tuple[int, ...],
) -> tuple[int, ...]:
    """Return (top, left, bottom, right) for an ``auto_pad`` mode."""
    if mode == "VALID":
        return (0, 0, 0, 0)
    begins, ends = [], []
    for n, k, s, d in zip(size, kernel, strides, dilations, strict=True):
        total = max(0, (-(-n // s) - 1) * s + (k - 1) * d + 1 - n)
        smaller, larger = total // 2, total - total // 2
        begins.append(smaller if mode == "SAME_UPPER" else larger)
        ends.append(larger if mode == "SAME_UPPER" else smaller)
    return (*begins, *ends)


RULES: tuple[RewriteRule, ...] = (CanonicalConv.rule(),)
