"""Conv(x, W, b) * scale + offset -> Conv(x, W * scale, b * scale + offset); the same for Gemm and
ConvTranspose.

Exact in real numbers; computed in float64 for the whole chain of Mul, Add, Sub, Div, Neg and
BatchNormalization and rounded to float32 once.  Condition: constants vary along the output channels
only, and nothing else reads the values in between.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx_ir as ir
from onnxscript.rewriter import MatchResult, RewriteRule, RewriteRuleClassBase

from rewrite.onnx.float.affine import AFFINE_OPERATORS, FloatArray, affine_chain, affine_step
from rewrite.onnx.float.values import clone, constant, float_initializer, integer, only_user


class FoldAffineAfter(RewriteRuleClassBase):  # type: ignore[misc]
    """Rooted at the last operator of the chain, one rule for each operator type."""

    def __init__(self, operator: str) -> None:
        super().__init__(f"FoldAffineAfter{operator}")
        self.operator = operator

    def pattern(self, op: Any, x: ir.Value) -> Any:
        """``y`` ends a chain of affine operators."""
        attributes = {"_allow_other_inputs": True, "_allow_other_attributes": True}
        return getattr(op, self.operator)(_outputs=["y"], **attributes)

    def check(self, context: Any, y: ir.Value, **_: Any) -> MatchResult:
        """The chain starts at a Conv, Gemm or ConvTranspose that nothing else reads."""
        result = MatchResult()
        user = only_user(y)
        if affine_step(y.producer()) is None:
            return result.fail("its second operand must be constant")
        if user is not None and affine_step(user) is not None:
            return result.fail("the chain goes on; the last operator folds all of it")
        chain = affine_chain(y)
        producer = chain.source.producer()
        if producer is None or producer.op_type not in ("Conv", "ConvTranspose", "Gemm"):
            return result.fail("the chain does not start at a Conv or Gemm", y)
        if only_user(chain.source) is None:
            return result.fail("something else reads the sums before the chain", chain.source)
        if constant(producer.inputs[1]) is None or len(producer.inputs) < 3:
            return result.fail("the weights must be constant and the bias present", producer)
        if chain.per_channel() is None:
            return result.fail("constants must vary along the output channels only", y)
        return result

    def rewrite(self, op: Any, y: ir.Value, **_: Any) -> ir.Value:
        """Scale weights and bias of each output channel."""
        chain = affine_chain(y)
        node, channels = chain.source.producer(), chain.per_channel()
        assert node is not None
        assert channels is not None
        scale, offset = channels
        weight, bias = constant(node.inputs[1]), constant(node.inputs[2])
        assert weight is not None
        assert bias is not None
        weight = weight.astype(np.float64)
        scaled = weight * _of_outputs(node, scale, len(weight))
        folded = bias.astype(np.float64) * scale + offset
        inputs = [
            node.inputs[0],
            float_initializer(op, node, "weight", scaled),
            float_initializer(op, node, "bias", folded),
        ]
        return clone(op, node, inputs)


def _of_outputs(node: ir.Node, scale: FloatArray, inputs: int) -> FloatArray:
    """Return a number per output channel so that it spreads over the weights of ``node``.

    ``inputs``: first dimension of a ConvTranspose's weights (inputs, outputs / groups, rows,
    columns).
    """
    match node.op_type:
        case "Conv":
            return scale.reshape(-1, 1, 1, 1)
        case "ConvTranspose":
            groups = integer(node, "group", 1)
            return np.repeat(scale.reshape(groups, -1), inputs // groups, axis=0)[:, :, None, None]
        case _:
            return scale


RULES: tuple[RewriteRule, ...] = tuple(FoldAffineAfter.rule(o) for o in AFFINE_OPERATORS)
