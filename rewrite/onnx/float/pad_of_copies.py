"""Pad(x; reflect, edge or wrap) -> Concat of Slices, along one axis after the other.

    reflect: Concat(x[b], ..., x[1], x, x[n - 2], ..., x[n - 1 - e])
    edge:    Concat(x[0], ..., x[0], x, x[n - 1], ..., x[n - 1])
    wrap:    Concat(x[n - b :], x, x[: e])

for b places in front and e behind an axis of n: the definitions of the modes.  An edge that comes
once more on both sides of rows and columns stays: an element repeats it.  Conditions: known sizes,
constant pads, not of the batch, none negative, at most ``MOST_COPIES`` along an axis.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx_ir as ir
from onnxscript.rewriter import MatchResult, RewriteRule, RewriteRuleClassBase

from rewrite.onnx.float.values import constant, initializer, static_shape, take_name

MOST_COPIES = 16
"""Slices that one tensor is cut into along an axis."""
Part = range | None
"""Neighbours along an axis, None for all of it."""


class PadOfCopies(RewriteRuleClassBase):  # type: ignore[misc]
    """Any mode but the constant one."""

    def pattern(self, op: Any, x: ir.Value) -> Any:
        """Any Pad."""
        attributes = {"_allow_other_inputs": True, "_allow_other_attributes": True}
        return op.Pad(x, _outputs=["y"], **attributes)

    def check(self, context: Any, x: ir.Value, y: ir.Value) -> MatchResult:
        """By copies of what is there, of known sizes."""
        node = y.producer()
        sides = _sides(node)
        if _mode(node) == "constant":
            return MatchResult().fail("it pads with a constant", y)
        if sides is None or sides.min() < 0 or sides[:, 0].any():
            return MatchResult().fail("sizes and pads must be known, and add to frames", y)
        if _mode(node) == "edge" and _comes_twice(sides):
            return MatchResult().fail("its edges come twice, which an element does", y)
        if any(len(parts) > MOST_COPIES for _, parts in _parts(node, sides)):
            return MatchResult().fail("it needs too many copies", y)
        return MatchResult()

    def rewrite(self, op: Any, x: ir.Value, y: ir.Value) -> Any:
        """Surround one axis after the other."""
        node = y.producer()
        assert node is not None
        sides = _sides(node)
        assert sides is not None
        axes = _parts(node, sides)
        if not axes:
            return op.Identity(x, _name=take_name(node))
        name, value = take_name(node), x
        for number, (axis, parts) in enumerate(axes):
            own = name if number == len(axes) - 1 else f"{name}/axis_{axis}"
            copies: dict[range, ir.Value] = {}
            for part in parts:
                if part is not None and part not in copies:
                    copies[part] = _slice(op, node, value, axis, part, f"{own}/{len(copies)}")
            joined = [value if part is None else copies[part] for part in parts]
            value = op.Concat(*joined, axis=axis, _name=own)
        return value


def _mode(node: ir.Node | None) -> str:
    assert node is not None
    return node.attributes.get_string("mode", "constant") or "constant"


def _sides(node: ir.Node | None) -> Any | None:
    """Return what is added, (begin and end, axes); None if that is not known."""
    assert node is not None
    shape, pads = static_shape(node.inputs[0]), constant(node.inputs[1])
    stated = node.inputs[3] if len(node.inputs) > 3 else None
    axes = constant(stated)
    if shape is None or pads is None or (stated is not None and axes is None):
        return None
    sides = np.zeros((2, len(shape)), np.int64)
    chosen = range(len(shape)) if axes is None else [int(a) % len(shape) for a in axes]
    sides[:, list(chosen)] = pads.reshape(2, -1)
    return sides


def _comes_twice(sides: Any) -> bool:
    """Tell whether the edges of rows or columns of an image come once more, on both sides."""
    return bool(
        sides.shape[1] == 4 and not sides[:, 1].any() and sides.max() == 1
    ) and np.array_equal(sides[0], sides[1])


def _parts(node: ir.Node | None, sides: Any) -> list[tuple[int, list[Part]]]:
    """Return, for each axis that grows, what comes along it."""
    assert node is not None
    shape, mode = static_shape(node.inputs[0]), _mode(node)
    assert shape is not None
    found: list[tuple[int, list[Part]]] = []
    for axis, (begin, end) in enumerate(sides.T.tolist()):
        size = shape[axis]
        before: list[Part]
        behind: list[Part]
        if mode == "reflect":
            before = [range(place, place + 1) for place in range(begin, 0, -1)]
            behind = [range(place, place + 1) for place in range(size - 2, size - 2 - end, -1)]
        elif mode == "edge":
            before, behind = [range(1)] * begin, [range(size - 1, size)] * end
        else:
            before = [range(size - begin, size)] if begin else []
            behind = [range(end)] if end else []
        if begin or end:
            found.append((axis, [*before, None, *behind]))
    return found


def _slice(op: Any, node: ir.Node, value: ir.Value, axis: int, part: range, name: str) -> ir.Value:
    bounds = {"start": part.start, "end": part.stop, "axis": axis}
    operands = [initializer(op, node, role, np.array([n], np.int64)) for role, n in bounds.items()]
    result: ir.Value = op.Slice(value, *operands, _name=name)
    return result


RULES: tuple[RewriteRule, ...] = (PadOfCopies.rule(),)
