"""Slice(x; all of one axis, part of another) -> Slice(x; part of the other).

What is left states its axes, counted from the front, and its steps; a Slice that takes all of x is
x itself. Conditions: x has a known shape, and where the Slice cuts is constant.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx_ir as ir
from onnxscript.rewriter import MatchResult, RewriteRule, RewriteRuleClassBase

from rewrite.onnx.float.values import clone, constant, initializer, static_shape, take_name


class SliceForm(RewriteRuleClassBase):  # type: ignore[misc]
    """Any Slice that takes all of an axis."""

    def pattern(self, op: Any, x: ir.Value) -> Any:
        """Any Slice."""
        return op.Slice(x, _allow_other_inputs=True, _outputs=["y"])

    def check(self, context: Any, x: ir.Value, y: ir.Value) -> MatchResult:
        """There is an axis to leave out."""
        cuts = cuts_of(y.producer())
        if cuts is None:
            return MatchResult().fail("sizes and places must be known", y)
        if len(_partial(cuts, x)) == len(cuts):
            return MatchResult().fail("it cuts along each axis that it states", y)
        return MatchResult()

    def rewrite(self, op: Any, x: ir.Value, y: ir.Value) -> Any:
        """Keep the others."""
        node = y.producer()
        assert node is not None
        cuts = cuts_of(node)
        assert cuts is not None
        partial = _partial(cuts, x)
        if not partial:
            return op.Identity(x, _name=take_name(node))
        columns = zip(*partial, strict=True)
        starts, ends, axes, steps = (np.array(column, np.int64) for column in columns)
        named = {"starts": starts, "ends": ends, "axes": axes, "steps": steps}
        operands = [initializer(op, node, role, values) for role, values in named.items()]
        return clone(op, node, [x, *operands])


Cut = tuple[int, int, int, int]
"""Start, end, axis, step."""


def cuts_of(node: ir.Node | None) -> list[Cut] | None:
    """Return where a Slice cuts, its axes counted from the front; None if that is not known."""
    assert node is not None
    shape = static_shape(node.inputs[0])
    given = [constant(value) for value in node.inputs[1:]]
    if shape is None or len(given) < 2:
        return None
    starts, ends = given[:2]
    if starts is None or ends is None:
        return None
    counted, ones = np.arange(starts.size), np.ones(starts.size, np.int64)
    stated = zip((2, 3), (counted, ones), strict=True)
    rest = [default if not _is_there(node, i) else given[i] for i, default in stated]
    axes, steps = rest
    if axes is None or steps is None:
        return None
    columns = zip(starts, ends, axes, steps, strict=True)
    return [(int(s), int(e), int(a) % len(shape), int(k)) for s, e, a, k in columns]


def _is_there(node: ir.Node, operand: int) -> bool:
    return len(node.inputs) > operand + 1 and node.inputs[operand + 1] is not None


def _partial(cuts: list[Cut], x: ir.Value) -> list[Cut]:
    """Return the cuts that leave something out, or turn it round."""
    shape = static_shape(x)
    assert shape is not None
    return [
        (start, end, axis, step)
        for start, end, axis, step in cuts
        if range(shape[axis])[start:end:step] != range(shape[axis])
    ]


RULES: tuple[RewriteRule, ...] = (SliceForm.rule(),)
