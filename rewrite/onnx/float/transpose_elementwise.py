"""Elementwise operators move to the channels-first side of layout changes.

    f(Transpose(x; to NHWC), c) -> Transpose(f(x, c'); to NHWC)
    Transpose(f(x, c); to NCHW) -> f(Transpose(x; to NCHW), c'')

A function of single elements commutes with any transposition; constants c that are not scalar are
transposed along, and so are the pads of a Pad.  Every step moves a layout change towards the one
that undoes it (or to the graph's ends), so it comes to an end.  Condition: in the first form, all
tensors read come through such a Transpose; in the second, nothing else reads the function's result.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx_ir as ir
from onnxscript.rewriter import MatchResult, RewriteRule, RewriteRuleClassBase

from ir.elementwise import ELEMENTWISE
from rewrite.onnx.float.values import (
    TO_NCHW,
    TO_NHWC,
    clone,
    constant,
    initializer,
    only_user,
    permutation,
    static_shape,
)

MOVABLE = sorted(ELEMENTWISE | {"Pad"})


class TransposeBelow(RewriteRuleClassBase):  # type: ignore[misc]
    """First form, one rule for each operator."""

    def __init__(self, operator: str) -> None:
        super().__init__(f"TransposeBelow{operator}")
        self.operator = operator

    def pattern(self, op: Any, x: ir.Value) -> Any:
        """Any use of the operator."""
        attributes = {"_allow_other_inputs": True, "_allow_other_attributes": True}
        return getattr(op, self.operator)(_outputs=["y"], **attributes)

    def check(self, context: Any, y: ir.Value, **_: Any) -> MatchResult:
        """All tensors come through a Transpose to NHWC."""
        result = MatchResult()
        node = y.producer()
        tensors = [v for v in node.inputs if v is not None and constant(v) is None]
        if not tensors or any(permutation(v.producer()) != TO_NHWC for v in tensors):
            return result.fail("not all tensors come through a Transpose to NHWC", y)
        if static_shape(y) is None or not _can_permute(node):
            return result.fail("shapes and constants must be known", y)
        return result

    def rewrite(self, op: Any, y: ir.Value, **_: Any) -> Any:
        """Compute on channels-first data."""
        node = y.producer()
        assert node is not None
        above = {
            v: v.producer().inputs[0]
            for v in node.inputs
            if v is not None and permutation(v.producer()) == TO_NHWC
        }
        inner = clone(op, node, _inputs(op, node, above, TO_NCHW))
        return op.Transpose(inner, perm=list(TO_NHWC), _name=f"{y.name}.to_nhwc")


class TransposeAbove(RewriteRuleClassBase):  # type: ignore[misc]
    """Second form."""

    def __init__(self) -> None:
        super().__init__(remove_nodes=False)

    def pattern(self, op: Any, x: ir.Value) -> Any:
        """Any Transpose."""
        return op.Transpose(x, _allow_other_attributes=True, _outputs=["y"])

    def check(self, context: Any, x: ir.Value, y: ir.Value) -> MatchResult:
        """To NCHW, behind an elementwise operator that only it reads."""
        result = MatchResult()
        node = x.producer()
        if permutation(y.producer()) != TO_NCHW:
            return result.fail("it does not convert to NCHW", y)
        if node is None or node.op_type not in MOVABLE or only_user(x) is None:
            return result.fail("no elementwise operator above that only it reads", x)
        tensors = [v for v in node.inputs if v is not None and constant(v) is None]
        if any(static_shape(v) != static_shape(tensors[0]) for v in tensors):
            return result.fail("the operator broadcasts a tensor", x)
        if not tensors or static_shape(x) is None or not _can_permute(node):
            return result.fail("shapes and constants must be known", x)
        return result

    def rewrite(self, op: Any, x: ir.Value, y: ir.Value) -> Any:
        """Transpose the operator's inputs."""
        node = x.producer()
        assert node is not None
        name = y.producer().name
        above = {
            v: op.Transpose(v, perm=list(TO_NCHW), _name=name)
            for v in dict.fromkeys(node.inputs)
            if v is not None and constant(v) is None
        }
        return clone(op, node, _inputs(op, node, above, TO_NCHW))


def _can_permute(node: ir.Node) -> bool:
    if node.op_type != "Pad":
        shapes = [c.shape for c in map(constant, node.inputs) if c is not None]
        return all(len(s) <= 4 for s in shapes)
    pads = constant(node.inputs[1])
    return len(node.inputs) <= 3 and pads is not None and pads.size == 8


def _inputs(
    op: Any, node: ir.Node, tensors: dict[ir.Value, ir.Value], perm: Sequence[int]
) -> list[ir.Value | None]:
    """Return the node's inputs with tensors replaced and constants transposed."""
    inputs: list[ir.Value | None] = []
    for number, value in enumerate(node.inputs):
        array = constant(value)
        if value in tensors:
            inputs.append(tensors[value])
        elif array is None or (array.size == 1 and node.op_type != "Pad"):
            inputs.append(value)
        elif node.op_type == "Pad":
            permuted = array.reshape(2, 4)[:, list(perm)].reshape(-1) if number == 1 else array
            inputs.append(initializer(op, node, f"operand{number}", permuted))
        else:
            aligned = array.reshape((1,) * (4 - array.ndim) + array.shape)
            transposed = np.ascontiguousarray(aligned.transpose(perm))
            inputs.append(initializer(op, node, f"operand{number}", transposed))
    return inputs


RULES: tuple[RewriteRule, ...] = (
    TransposeAbove.rule(),
    *(TransposeBelow.rule(operator) for operator in MOVABLE),
)
