"""Fuse a factor and a summand per channel.

    Quantize(Conv(Dequantize(x), Dequantize(w), Dequantize(b), group=channels)) -> Affine(x, w, b)

for 1x1 kernels, stride 1, no padding: one weight per channel, so every pixel is worked on alone,
``y = clamp(rint(M * ((x - zx) * (w - zw) + b)) + zy)``.  This is how a BatchNormalization that
cannot be folded into a neighbour is written.
"""

from __future__ import annotations

import onnx_ir as ir
from onnxscript.rewriter import RewriteRuleSet

from rewrite.onnx.fuse_convolution import FuseConvolution
from rewrite.onnx.fusion_rule import bias_refusal, byte_refusal, codes_refusal, weights_refusal


class FuseAffine(FuseConvolution):
    """Depthwise convolution with a 1x1 kernel; the pattern is that of any convolution."""

    function = "Affine"

    def refusal(self, result: ir.Node, values: dict[str, ir.Value]) -> str | None:
        """Refuse everything but one weight per channel."""
        shape = values["w"].shape
        groups = result.attributes.get_int("group", 1)
        if shape is None or shape.numpy() != (groups, 1, 1, 1) or groups == 1:
            return f"a convolution in {groups} groups must have one 1x1 kernel per channel"
        strides = result.attributes.get_ints("strides", [1, 1])
        if any(s != 1 for s in strides) or any(result.attributes.get_ints("pads", [])):
            return "a 1x1 depthwise convolution must have stride 1 and no padding"
        return (
            byte_refusal(values)
            or codes_refusal("input", values["x_scale"], values["x_zero_point"])
            or weights_refusal(values["weights"], 0, values)
            or bias_refusal(values)
            or codes_refusal("output", values["y_scale"], values["y_zero_point"])
        )


RULES = RewriteRuleSet([FuseAffine.rule()])


def fuse_affine(model: ir.Model) -> int:
    """Apply to ``model``; return how many were fused."""
    return int(RULES.apply_to_model(model))
