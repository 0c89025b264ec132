"""Clip(x; 0, none) -> Relu(x); Max(x, 0) -> Relu(x); Clip(Relu(x); _, c), Min(Relu(x), c) -> Clip.

Equal for every finite x: max(x, 0) is Relu, and min(max(x, 0), c) is Clip(x; 0, c) for c >= 0.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx_ir as ir
from onnxscript.rewriter import MatchResult, RewriteRule, RewriteRuleClassBase

from rewrite.onnx.float.values import constant, float_initializer, only_user, take_name


def bounds(node: ir.Node) -> tuple[float, float, ir.Value] | None:
    """Return low, high and the clipped value of a Clip, Relu, Max or Min with a scalar constant."""
    if node.op_type == "Relu" and node.inputs[0] is not None:
        return 0.0, np.inf, node.inputs[0]
    if node.op_type == "Clip" and node.inputs[0] is not None:
        limits = [-np.inf, np.inf]
        for index, value in enumerate(node.inputs[1:3]):
            if value is not None:
                array = constant(value)
                if array is None:
                    return None
                limits[index] = float(array.reshape(()))
        return limits[0], limits[1], node.inputs[0]
    if node.op_type in ("Max", "Min") and len(node.inputs) == 2:
        for value, other in (node.inputs, reversed(node.inputs)):
            array = constant(other)
            if array is not None and array.size == 1 and value is not None:
                if array.ndim > len(value.shape or ()):
                    return None
                bound = float(array.reshape(()))
                low, high = (bound, np.inf) if node.op_type == "Max" else (-np.inf, bound)
                return low, high, value
    return None


class CanonicalClip(RewriteRuleClassBase):  # type: ignore[misc]
    """Bounds below and above as one node; one rule for each operator that ends them."""

    def __init__(self, operator: str) -> None:
        super().__init__(f"CanonicalClip{operator}", remove_nodes=False)
        self.operator = operator

    def pattern(self, op: Any, x: ir.Value) -> Any:
        """Any use of the operator."""
        attributes = {"_allow_other_inputs": True, "_allow_other_attributes": True}
        return getattr(op, self.operator)(_outputs=["y"], **attributes)

    def check(self, context: Any, y: ir.Value, **_: Any) -> MatchResult:
        """It becomes a shorter form."""
        result = MatchResult()
        node = y.producer()
        low, high, source = _merged(node)
        if source is None:
            return result.fail("bounds must be scalar constants", y)
        if low > high:
            return result.fail("the bounds are reversed", y)
        canonical = "Relu" if (low, high) == (0.0, np.inf) else "Clip"
        if node.op_type == canonical and source is node.inputs[0]:
            return result.fail("it is canonical", y)
        return result

    def rewrite(self, op: Any, y: ir.Value, **_: Any) -> Any:
        """Write Relu where that is enough."""
        node = y.producer()
        low, high, source = _merged(node)
        if (low, high) == (0.0, np.inf):
            return op.Relu(source, _name=take_name(node))
        limits = [
            None if np.isinf(bound) else float_initializer(op, node, kind, bound)
            for kind, bound in (("min", low), ("max", high))
        ]
        return op.Clip(source, *limits, _name=take_name(node))


def _merged(node: ir.Node) -> tuple[float, float, ir.Value | None]:
    outer = bounds(node)
    if outer is None:
        return 0.0, 0.0, None
    low, high, source = outer
    above = source.producer()
    inner = bounds(above) if above is not None and only_user(source) is not None else None
    if inner is not None and inner[0] <= high and low <= inner[1]:
        return max(low, inner[0]), min(high, inner[1]), inner[2]
    return low, high, source


RULES: tuple[RewriteRule, ...] = tuple(
    CanonicalClip.rule(o) for o in ("Clip", "Max", "Min", "Relu")
)
