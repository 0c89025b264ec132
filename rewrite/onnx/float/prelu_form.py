"""Relu(x) + c Relu(-x) -> PRelu(x; -c).

Keras 3 writes PReLU so. For x >= 0 the second term is 0 and both are x; for x < 0 the first is 0,
and ``c * -x`` is ``-c * x``. Conditions: c is constant, and x is one tensor.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx_ir as ir
from onnxscript.rewriter import MatchResult, RewriteRule, RewriteRuleClassBase

from rewrite.onnx.float.values import constant, float_initializer, take_name


class PReluForm(RewriteRuleClassBase):  # type: ignore[misc]
    """Operands of Add and Mul in either order."""

    def __init__(self) -> None:
        super().__init__(remove_nodes=False)

    def pattern(self, op: Any, a: ir.Value, b: ir.Value) -> Any:
        """Any Add."""
        return op.Add(a, b, _outputs=["y"])

    def check(self, context: Any, a: ir.Value, b: ir.Value, y: ir.Value) -> MatchResult:
        """Of a Relu and a multiple of the Relu of the negative."""
        if _parts(a, b) is None and _parts(b, a) is None:
            return MatchResult().fail("it must add c Relu(-x) to Relu(x)", y)
        return MatchResult()

    def rewrite(self, op: Any, a: ir.Value, b: ir.Value, y: ir.Value) -> Any:
        """Use the operator that does it."""
        parts, node = _parts(a, b) or _parts(b, a), y.producer()
        assert parts is not None
        assert node is not None
        x, slope = parts
        return op.PRelu(x, float_initializer(op, node, "slope", -slope), _name=take_name(node))


def _parts(positive: ir.Value, negative: ir.Value) -> tuple[ir.Value, Any] | None:
    """Return x and c."""
    relu, product = positive.producer(), negative.producer()
    if relu is None or relu.op_type != "Relu" or product is None or product.op_type != "Mul":
        return None
    for factor, other in (product.inputs[:2], product.inputs[1::-1]):
        inner = None if other is None else other.producer()
        if constant(factor) is None or inner is None or inner.op_type != "Relu":
            continue
        minus = None if inner.inputs[0] is None else inner.inputs[0].producer()
        if minus is not None and minus.op_type == "Neg" and minus.inputs[0] is relu.inputs[0]:
            x = minus.inputs[0]
            assert x is not None
            return x, np.asarray(constant(factor))
    return None


RULES: tuple[RewriteRule, ...] = (PReluForm.rule(),)
