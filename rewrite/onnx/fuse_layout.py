"""Fuse what only moves values.

    Quantize(Transpose(Dequantize(x, s, z)), t, u) -> Layout(x, s, z, t, u)

and the same for Reshape, Flatten, Squeeze, Unsqueeze, DepthToSpace, SpaceToDepth, Tile, Expand and
Gather.  Quantize(Dequantize(c)) = c for every code c if both use the same scale and zero point, so
codes are moved and nothing else.
With others each code becomes another one, wherever it is moved: a table in front of the move.
The function keeps both quantizations: onnxruntime computes with int8 codes in integers only if
every QuantizeLinear is followed by a DequantizeLinear.
"""

from __future__ import annotations

from typing import Any

import onnx_ir as ir
from onnxscript.rewriter import RewriteRuleSet

from rewrite.onnx.fusion_rule import FusionRule, codes_refusal
from rewrite.onnx.graphs import DOMAIN, constant

MOVING = (
    *("Transpose", "Reshape", "Flatten", "Squeeze", "Unsqueeze"),
    *("DepthToSpace", "SpaceToDepth"),
)
"""Operators that only move values."""
REPEATING = ("Tile", "Expand", "Gather")
"""Operators that only move values, too, some of them to several places, others to none."""


class FuseLayout(FusionRule):
    """The rewrite for one operator of ``MOVING`` or ``REPEATING``."""

    function = "Layout"
    parameters = ("x", "x_scale", "x_zero_point", "y_scale", "y_zero_point")

    def __init__(self, operator: str) -> None:
        super().__init__()
        self.operator = operator

    def pattern(
        self, op: Any, x: Any, x_scale: Any, x_zero_point: Any, y_scale: Any, y_zero_point: Any
    ) -> Any:
        """Match the operator between dequantization and quantization."""
        moved = getattr(op, self.operator)(
            op.DequantizeLinear(x, x_scale, x_zero_point),
            _allow_other_inputs=True,
            _outputs=["result"],
        )
        return op.QuantizeLinear(moved, y_scale, y_zero_point)

    def refusal(self, result: ir.Node, values: dict[str, ir.Value]) -> str | None:
        """Refuse sizes and axes that are computed, and quantizations that are not per tensor."""
        if any(v is not None and constant(v) is None for v in result.inputs[1:]):
            return f"all operands of {self.operator} but the first must be constants"
        return codes_refusal(
            "moved tensor", values["x_scale"], values["x_zero_point"]
        ) or codes_refusal("result", values["y_scale"], values["y_zero_point"])

    def rewrite(self, op: Any, **values: ir.Value) -> ir.Value:
        """Return the call; sizes and axes come last."""
        moved = values["result"].producer()
        assert moved is not None
        inputs = [*(values[name] for name in self.parameters), *moved.inputs[1:]]
        call: ir.Value = getattr(op, self.function)(*inputs, _domain=DOMAIN)
        node = call.producer()
        assert node is not None
        node.name = moved.name
        return call


RULES = RewriteRuleSet([FuseLayout.rule(operator) for operator in (*MOVING, *REPEATING)])


def fuse_layout(model: ir.Model) -> int:
    """Apply to ``model``; return how many were fused."""
    return int(RULES.apply_to_model(model))
