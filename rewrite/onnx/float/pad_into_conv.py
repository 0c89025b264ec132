"""Conv(Pad(x)) -> Conv(x; more pads); MaxPool(Pad(x)) -> MaxPool(Conv(x, 1; pads, group=channels)).

Both pad with 0.  The second form is a 1x1 convolution that gives each channel back, exact because
each output is one input times 1: onnxruntime would move the Pad into the pool, where zeros are
lost.  Other Pads stay.  Condition: constant mode, value 0, not negative, height and width only.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx_ir as ir
from onnxscript.rewriter import MatchResult, RewriteRule, RewriteRuleClassBase

from rewrite.onnx.float.values import (
    clone,
    constant,
    float_initializer,
    ints,
    only_user,
    static_shape,
    take_name,
)


def image_pads(node: ir.Node | None) -> tuple[int, int, int, int] | None:
    """Return (top, left, bottom, right) of a Pad of an image with zeros, None for all others."""
    if node is None or node.op_type != "Pad":
        return None
    mode = node.attributes.get("mode")
    shape, pads = static_shape(node.inputs[0]), constant(node.inputs[1])
    value = constant(node.inputs[2]) if len(node.inputs) > 2 else None
    axes = constant(node.inputs[3]) if len(node.inputs) > 3 else None
    if shape is None or len(shape) != 4 or pads is None:
        return None
    if (mode is not None and mode.as_string() != "constant") or (value is not None and value != 0):
        return None
    full = np.zeros((2, 4), np.int64)
    full[:, range(4) if axes is None else [int(a) for a in axes]] = pads.reshape(2, -1)
    if full.min() < 0 or full[:, :2].any():
        return None
    top, left, bottom, right = (int(p) for p in full[:, 2:].reshape(-1))
    return top, left, bottom, right


class PadIntoConv(RewriteRuleClassBase):  # type: ignore[misc]
    """A Pad that only a Conv reads."""

    def __init__(self) -> None:
        super().__init__(remove_nodes=False)

    def pattern(self, op: Any, x: ir.Value, weight: ir.Value, bias: ir.Value) -> Any:
        """Any canonical Conv."""
        return op.Conv(x, weight, bias, _allow_other_attributes=True, _outputs=["y"])

    def check(self, context: Any, x: ir.Value, y: ir.Value, **_: Any) -> MatchResult:
        """A Pad with zeros above."""
        if image_pads(x.producer()) is None or only_user(x) is None:
            return MatchResult().fail("no Pad with zeros above that only it reads", x)
        if "auto_pad" in y.producer().attributes:
            return MatchResult().fail("auto_pad depends on the padded size", y)
        return MatchResult()

    def rewrite(
        self, op: Any, x: ir.Value, weight: ir.Value, bias: ir.Value, y: ir.Value
    ) -> ir.Value:
        """Add the pads up."""
        pad, conv, more = x.producer(), y.producer(), image_pads(x.producer())
        assert pad is not None
        assert conv is not None
        assert more is not None
        pads = [a + b for a, b in zip(ints(conv, "pads", (0,) * 4), more, strict=True)]
        return clone(op, conv, [pad.inputs[0], weight, bias], pads=pads)


class PadToConv(RewriteRuleClassBase):  # type: ignore[misc]
    """A Pad in front of a pool."""

    def pattern(self, op: Any, x: ir.Value) -> Any:
        """Any Pad."""
        attributes = {"_allow_other_inputs": True, "_allow_other_attributes": True}
        return op.Pad(x, _outputs=["y"], **attributes)

    def check(self, context: Any, x: ir.Value, y: ir.Value) -> MatchResult:
        """Zeros around an image, and a pool behind."""
        if image_pads(y.producer()) is None:
            return MatchResult().fail("it must put zeros around an image", y)
        if not any(user.op_type in ("MaxPool", "AveragePool") for user, _ in y.uses()):
            return MatchResult().fail("no pool reads it", y)
        return MatchResult()

    def rewrite(self, op: Any, x: ir.Value, y: ir.Value) -> Any:
        """Convolve each channel with 1."""
        node, shape, pads = y.producer(), static_shape(x), image_pads(y.producer())
        assert node is not None
        assert shape is not None
        assert pads is not None
        return op.Conv(
            x,
            float_initializer(op, node, "weight", np.ones((shape[1], 1, 1, 1))),
            float_initializer(op, node, "bias", np.zeros(shape[1])),
            dilations=[1, 1],
            group=shape[1],
            kernel_shape=[1, 1],
            pads=list(pads),
            strides=[1, 1],
            _name=take_name(node),
        )


RULES: tuple[RewriteRule, ...] = (PadIntoConv.rule(), PadToConv.rule())
