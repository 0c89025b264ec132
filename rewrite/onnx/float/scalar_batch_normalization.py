"""BatchNormalization(x) of one channel -> Add(Mul(x, scale), offset), both scalar.

An affine function with one factor and one summand for everything is a function of one value, and
elementwise operators with scalar constants become tables.  A whole chain of affine operators is
composed in float64 and rounded once.  Condition: neither neighbour took the chain in.
"""

from __future__ import annotations

from typing import Any

import onnx_ir as ir
from onnxscript.rewriter import MatchResult, RewriteRule, RewriteRuleClassBase

from rewrite.onnx.float.affine import affine_chain
from rewrite.onnx.float.values import float_initializer, take_name


class ScalarBatchNormalization(RewriteRuleClassBase):  # type: ignore[misc]
    """The chain that ends in a BatchNormalization."""

    def pattern(self, op: Any, x: ir.Value) -> Any:
        """Any BatchNormalization."""
        attributes = {"_allow_other_inputs": True, "_allow_other_attributes": True}
        return op.BatchNormalization(x, _outputs=["y"], **attributes)

    def check(self, context: Any, x: ir.Value, y: ir.Value) -> MatchResult:
        """One factor and one summand."""
        chain = affine_chain(y)
        if chain.first is None:
            return MatchResult().fail("its statistics must be constant", y)
        if not chain.is_scalar:
            return MatchResult().fail("its channels differ", y)
        return MatchResult()

    def rewrite(self, op: Any, x: ir.Value, y: ir.Value) -> Any:
        """Multiply, then add."""
        chain, node = affine_chain(y), y.producer()
        assert node is not None
        scale = float_initializer(op, node, "scale", chain.scale.reshape(()))
        offset = float_initializer(op, node, "offset", chain.offset.reshape(()))
        product = op.Mul(chain.source, scale, _name=f"{node.name}/scale")
        return op.Add(product, offset, _name=take_name(node))


RULES: tuple[RewriteRule, ...] = (ScalarBatchNormalization.rule(),)
