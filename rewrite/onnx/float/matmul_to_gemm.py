"""MatMul(x, W) -> Gemm(x, W, 0) and Gemm(x, W, b; alpha, beta, transB) -> Gemm(x, W', b').

W' = alpha * W (transposed if transB), b' = beta * b broadcast to one value for each output.  The
Add behind a MatMul then folds into the Gemm's bias.  Condition: x has two axes, W and b are
constant.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx_ir as ir
from onnxscript.rewriter import MatchResult, RewriteRule, RewriteRuleClassBase

from rewrite.onnx.float.values import (
    constant,
    float_initializer,
    floating,
    integer,
    static_shape,
    take_name,
)


class MatMulToGemm(RewriteRuleClassBase):  # type: ignore[misc]
    """A Dense layer's MatMul."""

    def pattern(self, op: Any, x: ir.Value, weight: ir.Value) -> Any:
        """A product with anything."""
        return op.MatMul(x, weight, _outputs=["y"])

    def check(self, context: Any, x: ir.Value, weight: ir.Value, y: ir.Value) -> MatchResult:
        """Vectors of features times a constant matrix."""
        result = MatchResult()
        matrix, shape = constant(weight), static_shape(x)
        if matrix is None or matrix.ndim != 2:
            return result.fail("the second operand must be a constant matrix", weight)
        if shape is None or len(shape) != 2:
            return result.fail("the first operand must be a batch of vectors", x)
        return result

    def rewrite(self, op: Any, x: ir.Value, weight: ir.Value, y: ir.Value) -> Any:
        """Give it a bias of zeros."""
        node, matrix = y.producer(), constant(weight)
        assert node is not None
        assert matrix is not None
        bias = float_initializer(op, node, "bias", np.zeros(matrix.shape[1]))
        return op.Gemm(x, weight, bias, _name=take_name(node))


class CanonicalGemm(RewriteRuleClassBase):  # type: ignore[misc]
    """A Gemm with attributes or without a full bias."""

    def pattern(self, op: Any, x: ir.Value, weight: ir.Value) -> Any:
        """Any Gemm."""
        return op.Gemm(
            x, weight, _allow_other_inputs=True, _allow_other_attributes=True, _outputs=["y"]
        )

    def check(self, context: Any, x: ir.Value, weight: ir.Value, y: ir.Value) -> MatchResult:
        """Constant matrix and bias, and something to be done."""
        result = MatchResult()
        node, matrix = y.producer(), constant(weight)
        if matrix is None or integer(node, "transA", 0):
            return result.fail("weights must be constant and the input not transposed", y)
        if len(node.inputs) < 3 or node.inputs[2] is None or node.attributes:
            return result
        bias = constant(node.inputs[2])
        if bias is None:
            return result.fail("the bias must be constant", y)
        if bias.shape == (matrix.shape[1],):
            return result.fail("it is canonical", y)
        return result

    def rewrite(self, op: Any, x: ir.Value, weight: ir.Value, y: ir.Value) -> Any:
        """Apply the attributes to the constants."""
        node, matrix = y.producer(), constant(weight)
        assert node is not None
        assert matrix is not None
        if integer(node, "transB", 0):
            matrix = matrix.T
        given = constant(node.inputs[2]) if len(node.inputs) > 2 else None
        bias = np.zeros(1) if given is None else np.asarray(given, np.float64)
        bias = np.broadcast_to(bias.reshape(-1), matrix.shape[1:2]) * floating(node, "beta", 1.0)
        matrix = matrix.astype(np.float64) * floating(node, "alpha", 1.0)
        scaled = float_initializer(op, node, "weight", matrix)
        return op.Gemm(x, scaled, float_initializer(op, node, "bias", bias), _name=take_name(node))


RULES: tuple[RewriteRule, ...] = (MatMulToGemm.rule(), CanonicalGemm.rule())
