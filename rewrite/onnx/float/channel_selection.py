"""Split -> Slice for each part; a selection of channels goes into the weights behind it.

    Split(x; sizes) -> Slice(x; 0, s1), Slice(x; s1, s1 + s2), ...
    Conv(Slice(x; channels), W) -> Conv(x, W'), the same for Gather, and for Gemm and its features

W' has the columns of W at the selected channels and zeros at all others, which adds nothing but
zeros.  Conditions: constant bounds; for the second form constant weights and one group.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import onnx_ir as ir
from onnxscript.rewriter import MatchResult, RewriteRule, RewriteRuleClassBase

from rewrite.onnx.float.values import (
    clone,
    constant,
    float_initializer,
    initializer,
    integer,
    static_shape,
    take_name,
)


class SplitToSlices(RewriteRuleClassBase):  # type: ignore[misc]
    """A Split into as many parts as the rule is made for."""

    def __init__(self, parts: int) -> None:
        super().__init__(f"SplitTo{parts}Slices")
        self.parts = parts

    def pattern(self, op: Any, x: ir.Value) -> Any:
        """Any Split."""
        attributes = {"_allow_other_inputs": True, "_allow_other_attributes": True}
        names = [f"part_{number}" for number in range(self.parts)]
        return op.Split(x, _outputs=names, **attributes)

    def check(self, context: Any, x: ir.Value, **parts: ir.Value) -> MatchResult:
        """Into parts of known size."""
        if static_shape(x) is None or any(static_shape(part) is None for part in parts.values()):
            return MatchResult().fail("the sizes of the parts must be known", x)
        return MatchResult()

    def rewrite(self, op: Any, x: ir.Value, **parts: ir.Value) -> Any:
        """Take each part by itself."""
        ordered = [parts[f"part_{number}"] for number in range(self.parts)]
        node, shape = ordered[0].producer(), static_shape(x)
        assert node is not None
        assert shape is not None
        axis = integer(node, "axis", 0) % len(shape)
        name, begin, slices = take_name(node), 0, []
        for number, part in enumerate(ordered):
            sizes = static_shape(part)
            assert sizes is not None
            bounds = (begin, begin + sizes[axis], axis)
            operands = [
                initializer(op, node, f"{kind}{number}", np.array([value], np.int64))
                for kind, value in zip(("begin", "end", "axis"), bounds, strict=True)
            ]
            slices.append(op.Slice(x, *operands, _name=f"{name}/{number}"))
            begin += sizes[axis]
        return slices


class SelectionIntoWeights(RewriteRuleClassBase):  # type: ignore[misc]
    """One rule for Conv, one for Gemm."""

    def __init__(self, operator: str) -> None:
        super().__init__(f"SelectionInto{operator}", remove_nodes=False)
        self.operator = operator

    def pattern(self, op: Any, x: ir.Value, weight: ir.Value) -> Any:
        """Any such layer."""
        attributes = {"_allow_other_inputs": True, "_allow_other_attributes": True}
        return getattr(op, self.operator)(x, weight, _outputs=["y"], **attributes)

    def check(self, context: Any, x: ir.Value, weight: ir.Value, y: ir.Value) -> MatchResult:
        """Behind a selection of channels or features."""
        result = MatchResult()
        node = y.producer()
        if constant(weight) is None or integer(node, "group", 1) != 1:
            return result.fail("weights must be constant, in one group", y)
        if self.operator == "Gemm" and integer(node, "transB", 0):
            return result.fail("the Gemm must be canonical", y)
        if _selected(x) is None:
            return result.fail("no constant selection of channels above", x)
        return result

    def rewrite(self, op: Any, x: ir.Value, weight: ir.Value, y: ir.Value) -> Any:
        """Read all channels, multiply those that are not selected by 0."""
        node, weights, chosen = y.producer(), constant(weight), _selected(x)
        assert node is not None
        assert weights is not None
        assert chosen is not None
        source, channels, count = chosen
        axis = 1 if self.operator == "Conv" else 0
        shape = list(weights.shape)
        shape[axis] = count
        whole = np.moveaxis(np.zeros(shape), axis, 0)
        np.add.at(whole, channels, np.moveaxis(weights.astype(np.float64), axis, 0))
        spread = float_initializer(op, node, "spread", np.moveaxis(whole, 0, axis))
        return clone(op, node, [source, spread, *node.inputs[2:]])


def _selected(value: ir.Value) -> tuple[ir.Value, npt.NDArray[np.int64], int] | None:
    """Return the tensor of which ``value`` is a selection, its channels, and how many there are."""
    node = value.producer()
    if node is None or node.op_type not in ("Slice", "Gather") or node.inputs[0] is None:
        return None
    shape = static_shape(node.inputs[0])
    operands = [constant(v) for v in node.inputs[1:]]
    if shape is None or len(shape) < 2 or any(o is None for o in operands):
        return None
    known = [np.atleast_1d(o).tolist() for o in operands if o is not None]
    channels = np.arange(shape[1])
    if node.op_type == "Gather":
        if (
            integer(node, "axis", 0) % len(shape) != 1
            or operands[0] is None
            or not operands[0].ndim
        ):
            return None
        return node.inputs[0], channels[np.array(known[0])], shape[1]
    starts, ends = known[:2]
    axes = known[2] if len(known) > 2 else range(len(starts))
    steps = known[3] if len(known) > 3 else [1] * len(starts)
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        if axis % len(shape) != 1:
            return None
        channels = channels[slice(start, end if end > -(2**31) else None, step)]
    return node.inputs[0], channels, shape[1]


MOST_PARTS = 16

RULES: tuple[RewriteRule, ...] = (
    *(SplitToSlices.rule(parts) for parts in range(1, MOST_PARTS + 1)),
    SelectionIntoWeights.rule("Conv"),
    SelectionIntoWeights.rule("Gemm"),
)
