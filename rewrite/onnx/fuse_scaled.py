"""Fuse a quantized layer whose sums are scaled in float before they are quantized.

    Quantize(Add(Mul(Conv(Dequantize(x), Dequantize(w), Dequantize(b)), s), t)) -> Scaled(x, w, ...)

and the same for Gemm, and without the Add: ``y = clamp(rint(f32((f32(a * s) + t) / sy)) + zy)``
for the integer accumulator a, all in float32, which never falls where a rises.  Condition: the
scales of x and w are 1 and float32 computes the layer exactly; s is positive, s and t are one
number or one for each channel.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx_ir as ir
from onnxscript.rewriter import RewriteRuleSet

from rewrite.onnx.float_exactness import layer_refusal
from rewrite.onnx.fusion_rule import FusionRule, bias_refusal, codes_refusal, weights_refusal
from rewrite.onnx.graphs import constant


class FuseScaled(FusionRule):
    """A layer, a product with constants, and a sum with constants where ``shifted``."""

    function = "Scaled"
    operands = (
        *("x", "x_scale", "x_zero_point", "w", "w_scale", "w_zero_point"),
        *("b", "b_scale", "b_zero_point", "y_scale", "y_zero_point", "s"),
    )

    def __init__(self, operator: str, shifted: bool) -> None:
        super().__init__()
        self.operator, self.shifted = operator, shifted
        self.parameters = (*self.operands, "t") if shifted else self.operands

    def _layer(self, op: Any, values: dict[str, Any]) -> Any:
        layer = getattr(op, self.operator)(
            op.DequantizeLinear(values["x"], values["x_scale"], values["x_zero_point"]),
            op.DequantizeLinear(
                values["w"], values["w_scale"], values["w_zero_point"], _outputs=["weights"]
            ),
            op.DequantizeLinear(values["b"], values["b_scale"], values["b_zero_point"]),
            _outputs=["result"],
        )
        return op.Mul(layer, values["s"])

    def refusal(self, result: ir.Node, values: dict[str, ir.Value]) -> str | None:
        """Refuse what float32 might round before it scales, and factors that turn the sums."""
        conv = self.operator == "Conv"
        weights = constant(values["w"])
        if weights is None or (conv and weights.ndim != 4):
            return "a convolution must have two spatial axes and constant weights"
        axis = 0 if conv or result.attributes.get_int("transB", 0) else 1
        for name in ("s", "t"):
            if name in values and not _by_channel(values[name], weights.shape[axis], conv):
                return "what scales a layer must be a constant, one number or one for each channel"
        factors = constant(values["s"])
        if factors is None or not np.all(factors > 0):
            return "what scales a layer must be positive"
        if np.any(constant(values["x_scale"]) != 1) or np.any(constant(values["w_scale"]) != 1):
            return "what is scaled in float must be an integer sum"
        return (
            codes_refusal("input", values["x_scale"], values["x_zero_point"])
            or weights_refusal(values["weights"], axis, values)
            or bias_refusal(values)
            or codes_refusal("output", values["y_scale"], values["y_zero_point"])
            or layer_refusal(result)
        )


class FuseProduct(FuseScaled):
    """The rewrite without a sum."""

    def pattern(
        self, op: Any, x: Any, x_scale: Any, x_zero_point: Any, w: Any, w_scale: Any,
        w_zero_point: Any, b: Any, b_scale: Any, b_zero_point: Any, y_scale: Any,
        y_zero_point: Any, s: Any,
    ) -> Any:  # fmt: skip
        """Match the layer, the product and the quantization."""
        return op.QuantizeLinear(self._layer(op, dict(locals())), y_scale, y_zero_point)


class FuseProductAndSum(FuseScaled):
    """The rewrite with a sum."""

    def pattern(
        self, op: Any, x: Any, x_scale: Any, x_zero_point: Any, w: Any, w_scale: Any,
        w_zero_point: Any, b: Any, b_scale: Any, b_zero_point: Any, y_scale: Any,
        y_zero_point: Any, s: Any, t: Any,
    ) -> Any:  # fmt: skip
        """Match the layer, the product, the sum and the quantization."""
        total = op.Add(self._layer(op, dict(locals())), t)
        return op.QuantizeLinear(total, y_scale, y_zero_point)


def _by_channel(value: ir.Value, channels: int, conv: bool) -> bool:
    """True for a float32 constant that is one number or one for each channel."""
    array = constant(value)
    if array is None or array.dtype != np.float32:
        return False
    behind = (1, 1) if conv else ()
    each = (channels, *behind)
    return array.size == 1 or array.shape in (each, (1, *each))


RULES = RewriteRuleSet(
    [
        rule.rule(operator, shifted)
        for operator in ("Conv", "Gemm")
        for rule, shifted in ((FuseProduct, False), (FuseProductAndSum, True))
    ],
    commute=True,
)


def fuse_scaled(model: ir.Model) -> int:
    """Apply to ``model``; return how many layers were fused."""
    return int(RULES.apply_to_model(model))
