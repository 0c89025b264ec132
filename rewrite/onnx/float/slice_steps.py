"""Slice(x; every k-th place) -> what the hardware has elements for.

    rows and columns of an image: MaxPool(Slice(x; from the first place), windows of 1, strides k)
    any other axis: Slice(Reshape(Slice(x; m k places); m, k); first of each k)

The largest of one value is that value; in the second form, where fewer than m k places are left
behind the first one, zeros fill them up, and are cut away again.  Conditions: known sizes, constant
places, steps forwards.  Along the channels of a layer with weights the selection goes into these
(``channel_selection``).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx_ir as ir
from onnxscript.rewriter import MatchResult, RewriteRule, RewriteRuleClassBase

from rewrite.onnx.float.slice_form import Cut, cuts_of
from rewrite.onnx.float.values import initializer, reshape, static_shape, take_name


class SliceSteps(RewriteRuleClassBase):  # type: ignore[misc]
    """Any Slice with a step of more than one."""

    def pattern(self, op: Any, x: ir.Value) -> Any:
        """Any Slice."""
        return op.Slice(x, _allow_other_inputs=True, _outputs=["y"])

    def check(self, context: Any, x: ir.Value, y: ir.Value) -> MatchResult:
        """It steps over something, and forwards."""
        cuts = cuts_of(y.producer())
        if cuts is None or any(axis == 0 or step < 1 for *_, axis, step in cuts):
            return MatchResult().fail("it must step forwards, by known steps", y)
        if all(step == 1 for *_, step in cuts) or 0 in (static_shape(y) or (0,)):
            return MatchResult().fail("it takes neighbours, or nothing", y)
        return MatchResult()

    def rewrite(self, op: Any, x: ir.Value, y: ir.Value) -> Any:
        """Cut first, then step along one axis after the other."""
        node, shape = y.producer(), static_shape(x)
        assert node is not None
        assert shape is not None
        cuts = cuts_of(node)
        assert cuts is not None
        name, sizes = take_name(node), list(shape)
        kept = {axis: range(sizes[axis])[start:end:step] for start, end, axis, step in cuts}
        image = len(sizes) == 4
        strides = {a: k.step for a, k in kept.items() if k.step > 1 and len(k) > 1}
        whole = [(k.start, k.start + (len(k) - 1) * k.step + 1, a, 1) for a, k in kept.items()]
        value = _sliced(op, node, x, whole, f"{name}/cut")
        for _, end, axis, _ in whole:
            sizes[axis] = end - kept[axis].start
        if image and any(axis in strides for axis in (2, 3)):
            steps = [strides.pop(axis, 1) for axis in (2, 3)]
            value = op.MaxPool(value, kernel_shape=[1, 1], strides=steps, _name=name)
            sizes[2:] = [-(-size // step) for size, step in zip(sizes[2:], steps, strict=True)]
        for axis, step in strides.items():
            value, sizes = _stepped(op, node, value, sizes, axis, step, f"{name}/axis_{axis}")
        return value


def _stepped(
    op: Any, node: ir.Node, value: ir.Value, sizes: list[int], axis: int, step: int, name: str
) -> tuple[ir.Value, list[int]]:
    """Return every ``step``-th of the places along ``axis``, the first one among them."""
    count = -(-sizes[axis] // step)
    missing = count * step - sizes[axis]
    if missing:
        pads = np.zeros(2 * len(sizes), np.int64)
        pads[len(sizes) + axis] = missing
        value = op.Pad(value, initializer(op, node, f"pads{axis}", pads), _name=f"{name}/filled")
    split = (*sizes[1:axis], count, step, *sizes[axis + 1 :])
    first = _sliced(op, node, reshape(op, node, value, split), [(0, 1, axis + 1, 1)], name)
    after = [*sizes[:axis], count, *sizes[axis + 1 :]]
    return reshape(op, node, first, after[1:]), after


def _sliced(op: Any, node: ir.Node, value: ir.Value, cuts: list[Cut], name: str) -> ir.Value:
    columns = (np.array(column, np.int64) for column in zip(*cuts, strict=True))
    roles = ("starts", "ends", "axes", "steps")
    operands = [
        initializer(op, node, f"{role}_of_{cuts[0][2]}", column)
        for role, column in zip(roles, columns, strict=True)
    ]
    result: ir.Value = op.Slice(value, *operands, _name=name)
    return result


RULES: tuple[RewriteRule, ...] = (SliceSteps.rule(),)
