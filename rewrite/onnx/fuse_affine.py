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


class FuseAffine(FuseConvolution):
    """Depthwise convolution with a 1x1 kernel; the pattern is that of any convolution."""

    function = "Affine"

    def kind_refusal(self, affine: bool) -> str | None:
        """Refuse everything but one weight per channel."""
        if affine:
            return None
        return "an affine element must have one 1x1 kernel per channel, stride 1 and no padding"


RULES = RewriteRuleSet([FuseAffine.rule()])


def fuse_affine(model: ir.Model) -> int:
    """Apply to ``model``; return how many were fused."""
    return int(RULES.apply_to_model(model))
