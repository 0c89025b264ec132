"""Fuse a quantized Resize that interpolates linearly.

    Quantize(Resize(Dequantize(x); linear, whole factors)) -> Interpolation(x, ...)

and the same with the fraction cut off before, ``Quantize(Cast(Cast(Resize(...), int32)))``, as
onnxruntime interpolates between codes (``rewrite/onnx/resize_of_codes.py``).  See
``ir/interpolation_proof.py`` for the arithmetic.
"""

from __future__ import annotations

from typing import Any

import onnx_ir as ir
from onnxscript.rewriter import RewriteRuleSet

from rewrite.onnx.fuse_selection import FuseSelection
from rewrite.onnx.fusion_rule import byte_refusal, codes_refusal
from rewrite.onnx.graphs import constant

COORDINATES = ("half_pixel", "pytorch_half_pixel", "asymmetric")
"""Where an enlarged pixel lies: the weights of its neighbours depend on its phase alone."""

LARGEST_FACTOR = 16
"""Weights of both axes together then have 11 bits at most."""


class FuseInterpolation(FuseSelection):
    """Resize by whole factors of rows and columns, mode ``linear``."""

    truncated = False

    def __init__(self) -> None:
        super().__init__("Resize", interpolation_refusal)
        self.function = "Interpolation"

    def pattern(
        self, op: Any, x: Any, x_scale: Any, x_zero_point: Any, y_scale: Any, y_zero_point: Any
    ) -> Any:
        """Match a linear Resize between dequantization and quantization."""
        interpolated = op.Resize(
            op.DequantizeLinear(x, x_scale, x_zero_point),
            mode="linear",
            _allow_other_inputs=True,
            _allow_other_attributes=True,
            _outputs=["result"],
        )
        if self.truncated:
            interpolated = op.Cast(
                op.Cast(interpolated, to=ir.DataType.INT32.value), to=ir.DataType.FLOAT.value
            )
        return op.QuantizeLinear(interpolated, y_scale, y_zero_point)

    def refusal(self, result: ir.Node, values: dict[str, ir.Value]) -> str | None:
        """Refuse what is not a bilinear enlargement of an image, quantized per tensor."""
        return (
            byte_refusal(values)
            or codes_refusal("input", values["x_scale"], values["x_zero_point"])
            or codes_refusal("output", values["y_scale"], values["y_zero_point"])
            or interpolation_refusal(result)
        )


class FuseTruncatedInterpolation(FuseInterpolation):
    """The same between codes, which are numbers here with the scale 1."""

    truncated = True


def factors_of(scales: Any) -> tuple[int, int] | None:
    """Return the factors of rows and columns, None if ``scales`` enlarge otherwise."""
    if scales is None or scales.size != 4 or any(scales.reshape(-1)[:2] != 1):
        return None
    down, across = (float(s) for s in scales.reshape(-1)[2:])
    whole = down.is_integer() and across.is_integer() and min(down, across) >= 1
    return (int(down), int(across)) if whole else None


def interpolation_refusal(node: ir.Node) -> str | None:
    """Return why a linear Resize is not the same for every pixel of a phase."""
    factors = factors_of(constant(node.inputs[2]) if len(node.inputs) > 2 else None)
    if factors is None:
        return "a linear Resize must enlarge the rows and columns of an image by whole factors"
    if max(factors) > LARGEST_FACTOR:
        return f"a linear Resize must enlarge by at most {LARGEST_FACTOR}, not {max(factors)}"
    form = node.attributes.get_string("coordinate_transformation_mode", "half_pixel")
    if form not in COORDINATES:
        return f"the coordinates of a linear Resize must be half_pixel or asymmetric, not {form}"
    if node.attributes.get_int("antialias", 0) or node.attributes.get_int("exclude_outside", 0):
        return "a linear Resize must not smooth, or leave out what lies outside of the image"
    return None


RULES = RewriteRuleSet([FuseInterpolation.rule(), FuseTruncatedInterpolation.rule()])


def fuse_interpolation(model: ir.Model) -> int:
    """Apply to ``model``; return how many were fused."""
    return int(RULES.apply_to_model(model))
