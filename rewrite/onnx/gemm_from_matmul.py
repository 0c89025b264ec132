"""Make one operator of the two spellings of a Dense layer.

    Add(MatMul(x, w), b) -> Gemm(x, w, b)
    MatMul(x, w) -> Gemm(x, w)

for matrices x and w behind a DequantizeLinear each, and a constant vector b: the definition of Gemm
with alpha = beta = 1.  The first must come first, or the second takes its MatMul away.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import onnx_ir as ir
from onnxscript.rewriter import MatchContext, MatchResult, RewriteRuleClassBase, RewriteRuleSet

from rewrite.onnx.graphs import constant, is_operator


class _Product(RewriteRuleClassBase):  # type: ignore[misc]
    def check(self, context: MatchContext, **values: ir.Value) -> MatchResult:
        match = MatchResult()
        if not isinstance(context.graph_or_function, ir.Graph):
            return match.fail("the nodes are fused already")
        weights = _dequantized_constant(values["w"])
        if weights is None or weights.ndim != 2:
            return match.fail("the weights must be a constant, quantized matrix")
        shape = values["x"].shape
        if shape is None or shape.rank() != 2:
            return match.fail("the input must be a matrix")
        if "b" in values:
            bias = _dequantized_constant(values["b"])
            if bias is None:
                bias = constant(values["b"])
            if bias is None or bias.shape != (weights.shape[1],):
                return match.fail("the bias must be a constant vector")
        return match


class AddOfMatMul(_Product):
    """``Add(MatMul(x, w), b) -> Gemm(x, w, b)``."""

    def pattern(self, op: Any, x: Any, w: Any, b: Any) -> Any:
        """Match one order of the sum; the rule set commutes it."""
        return op.Add(op.MatMul(x, w, _outputs=["product"]), b)

    def rewrite(
        self, op: Any, x: ir.Value, w: ir.Value, b: ir.Value, product: ir.Value
    ) -> ir.Value:
        """Return the Gemm, named after the MatMul."""
        return _named(op.Gemm(x, w, b), product)


class BareMatMul(_Product):
    """``MatMul(x, w) -> Gemm(x, w)``."""

    def pattern(self, op: Any, x: Any, w: Any) -> Any:
        """Match any product."""
        return op.MatMul(x, w, _outputs=["product"])

    def rewrite(self, op: Any, x: ir.Value, w: ir.Value, product: ir.Value) -> ir.Value:
        """Return the Gemm, named after the MatMul."""
        return _named(op.Gemm(x, w), product)


def _dequantized_constant(value: ir.Value) -> npt.NDArray[np.generic] | None:
    node = value.producer()
    if node is None or not is_operator(node, "DequantizeLinear"):
        return None
    return constant(node.inputs[0])


def _named(result: ir.Value, source: ir.Value) -> ir.Value:
    node, original = result.producer(), source.producer()
    assert node is not None
    assert original is not None
    node.name = original.name
    return result


def gemm_from_matmul(model: ir.Model) -> int:
    """Apply to ``model``; return how many products changed."""
    sums = RewriteRuleSet([AddOfMatMul.rule()], commute=True).apply_to_model(model)
    return int(sums + RewriteRuleSet([BareMatMul.rule()]).apply_to_model(model))
