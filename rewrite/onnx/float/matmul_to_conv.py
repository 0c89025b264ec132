"""MatMul(x, W) -> Conv(x, W; 1x1 kernel) between layout changes, for x with more than two axes.

    y[n, r, c] = sum over f of x[n, r, f] * W[f, c]

is a dense layer at each position r, so a convolution with a kernel of one tap of the tensor with
its features first.  Condition: W is a constant matrix, x has three or four axes of known size.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx_ir as ir
from onnxscript.rewriter import MatchResult, RewriteRule, RewriteRuleClassBase

from rewrite.onnx.float.values import (
    TO_NCHW,
    TO_NHWC,
    constant,
    float_initializer,
    reshape,
    static_shape,
    take_name,
)


class MatMulToConv(RewriteRuleClassBase):  # type: ignore[misc]
    """A dense layer of a sequence or an image."""

    def pattern(self, op: Any, x: ir.Value, weight: ir.Value) -> Any:
        """Any product."""
        return op.MatMul(x, weight, _outputs=["y"])

    def check(self, context: Any, x: ir.Value, weight: ir.Value, y: ir.Value) -> MatchResult:
        """Positions with features, times a constant matrix."""
        result = MatchResult()
        matrix, shape = constant(weight), static_shape(x)
        if matrix is None or matrix.ndim != 2:
            return result.fail("the second operand must be a constant matrix", weight)
        if shape is None or len(shape) not in (3, 4):
            return result.fail("the first operand must be a sequence or an image", x)
        return result

    def rewrite(self, op: Any, x: ir.Value, weight: ir.Value, y: ir.Value) -> Any:
        """Convolve with a kernel of one tap."""
        node, matrix, shape = y.producer(), constant(weight), static_shape(x)
        assert node is not None
        assert matrix is not None
        assert shape is not None
        after = (*shape[1:-1], matrix.shape[1])
        image = reshape(op, node, x, (1, *shape[1:])) if len(shape) == 3 else x
        name = take_name(node)
        kernel = float_initializer(op, node, "kernel", matrix.T[:, :, None, None])
        bias = float_initializer(op, node, "bias", np.zeros(matrix.shape[1]))
        first = op.Transpose(image, perm=list(TO_NCHW), _name=f"{name}/to_nchw")
        convolved = op.Conv(first, kernel, bias, kernel_shape=[1, 1], _name=name)
        last = op.Transpose(convolved, perm=list(TO_NHWC), _name=f"{name}/to_nhwc")
        return reshape(op, node, last, after) if len(shape) == 3 else last


RULES: tuple[RewriteRule, ...] = (MatMulToConv.rule(),)
