"""Gather(x; constant places along an axis) -> Slice, or Concat of Slices.

    Gather(x; i) -> Reshape(Slice(x; i, i + 1))                   the axis goes
    Gather(x; i, i + k, i + 2 k, ...) -> Slice(x; steps of k)
    Gather(x; several runs of neighbours) -> Concat(Slice(x; run), Slice(x; run), ...)

The last form comes in a stage of its own: in front of a layer with weights the selection goes into
these (``channel_selection``).  Conditions: known sizes, not along the batch, at most ``MOST_RUNS``
runs.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx_ir as ir
from onnxscript.rewriter import MatchResult, RewriteRule, RewriteRuleClassBase

from rewrite.onnx.float.values import (
    constant,
    initializer,
    integer,
    reshape,
    static_shape,
    take_name,
)

MOST_RUNS = 16
"""Branches that one tensor is cut into."""


class GatherToSlice(RewriteRuleClassBase):  # type: ignore[misc]
    """Places that lie equally far apart, or with ``several``, any."""

    def __init__(self, several: bool) -> None:
        super().__init__(f"GatherTo{'Slices' if several else 'Slice'}")
        self.several = several

    def pattern(self, op: Any, x: ir.Value) -> Any:
        """Any Gather."""
        attributes = {"_allow_other_inputs": True, "_allow_other_attributes": True}
        return op.Gather(x, _outputs=["y"], **attributes)

    def check(self, context: Any, x: ir.Value, y: ir.Value) -> MatchResult:
        """At known places, which slices can take."""
        places = _places(y.producer())
        if places is None:
            return MatchResult().fail("it must gather at constant places of known sizes", y)
        runs = _runs(places)
        if len(runs) > (MOST_RUNS if self.several else 1):
            return MatchResult().fail("its places are too many runs", y)
        return MatchResult()

    def rewrite(self, op: Any, x: ir.Value, y: ir.Value) -> Any:
        """Take the runs, one behind the other."""
        node, after = y.producer(), static_shape(y)
        assert node is not None
        assert after is not None
        places = _places(node)
        assert places is not None
        axis, runs = _axis(node), _runs(places)
        name, parts = take_name(node), []
        for number, run in enumerate(runs):
            own = name if len(runs) == 1 else f"{name}/{number}"
            bounds = {"start": run.start, "end": run.stop, "axis": axis, "step": run.step}
            operands = [
                initializer(op, node, f"{role}{number}", np.array([value], np.int64))
                for role, value in bounds.items()
            ]
            parts.append(op.Slice(x, *operands, _name=own))
        taken = parts[0] if len(parts) == 1 else op.Concat(*parts, axis=axis, _name=name)
        return reshape(op, node, taken, after[1:])


def _axis(node: ir.Node) -> int:
    shape = static_shape(node.inputs[0])
    assert shape is not None
    return integer(node, "axis", 0) % len(shape)


def _places(node: ir.Node | None) -> list[int] | None:
    """Return the places that a Gather takes, counted from the front; None if not known."""
    assert node is not None
    shape, after = static_shape(node.inputs[0]), static_shape(node.outputs[0])
    places = constant(node.inputs[1])
    if shape is None or after is None or places is None or not places.size or _axis(node) == 0:
        return None
    return [int(place) % shape[_axis(node)] for place in places.reshape(-1)]


def _runs(places: list[int]) -> list[range]:
    """Return ranges that run forwards, of which ``places`` consists, in order."""
    runs: list[range] = []
    position = 0
    while position < len(places):
        rest = places[position:]
        step = rest[1] - rest[0] if len(rest) > 1 and rest[1] > rest[0] else 1
        length = 1
        while length < len(rest) and rest[length] == rest[0] + length * step:
            length += 1
        runs.append(range(rest[0], rest[0] + (length - 1) * step + 1, step if length > 1 else 1))
        position += length
    return runs


RULES: tuple[RewriteRule, ...] = (GatherToSlice.rule(False),)
SEVERAL: tuple[RewriteRule, ...] = (GatherToSlice.rule(True),)
