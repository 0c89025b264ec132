"""InstanceNormalization(x, g, b) -> LayerNormalization(Reshape(x; C, n)) * g + b.

Both subtract the mean of n values and divide by the root of their variance and epsilon: those of a
channel's pixels are the last axis of the reshaped tensor.  Factor and summand of a channel become
operators of their own, which layers behind may take in.  Conditions: known sizes, constant factors
and summands.
"""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
import onnx_ir as ir
from onnxscript.rewriter import MatchResult, RewriteRule, RewriteRuleClassBase

from rewrite.onnx.float.values import (
    constant,
    float_initializer,
    floating,
    reshape,
    static_shape,
    take_name,
)

_EPSILON = 1e-5
"""ONNX's default."""


class InstanceNormalization(RewriteRuleClassBase):  # type: ignore[misc]
    """Along any number of axes."""

    def pattern(self, op: Any, x: ir.Value, gamma: ir.Value, beta: ir.Value) -> Any:
        """Any InstanceNormalization."""
        return op.InstanceNormalization(
            x, gamma, beta, _allow_other_attributes=True, _outputs=["y"]
        )

    def check(
        self, context: Any, x: ir.Value, gamma: ir.Value, beta: ir.Value, y: ir.Value
    ) -> MatchResult:
        """Of known size, with constants."""
        if static_shape(x) is None or constant(gamma) is None or constant(beta) is None:
            return MatchResult().fail("sizes, factors and summands must be known", y)
        return MatchResult()

    def rewrite(self, op: Any, x: ir.Value, gamma: ir.Value, beta: ir.Value, y: ir.Value) -> Any:
        """Normalize the pixels of each channel."""
        node, shape = y.producer(), static_shape(x)
        assert node is not None
        assert shape is not None
        pixels, rest = prod(shape[2:]), [1] * (len(shape) - 2)
        factors, summands = constant(gamma), constant(beta)
        assert factors is not None
        assert summands is not None
        flat = reshape(op, node, x, (shape[1], pixels))
        name = take_name(node)
        value = op.LayerNormalization(
            flat,
            float_initializer(op, node, "ones", np.ones(pixels)),
            float_initializer(op, node, "zeros", np.zeros(pixels)),
            axis=-1,
            epsilon=floating(node, "epsilon", _EPSILON),
            _name=f"{name}/normalized",
        )
        value = reshape(op, node, value, shape[1:])
        for operator, array, neutral in (("Mul", factors, 1.0), ("Add", summands, 0.0)):
            if np.any(array != neutral):
                operand = float_initializer(op, node, operator, array.reshape(-1, *rest))
                value = getattr(op, operator)(value, operand, _name=f"{name}/{operator.lower()}")
        return value


RULES: tuple[RewriteRule, ...] = (InstanceNormalization.rule(),)
