"""f(x) -> x where f changes nothing in inference.

Identity, Dropout (only its first output used, inference mode), Cast to the type it has, Reshape to
the shape it has, Transpose that moves nothing, and Mul by 1, Div by 1, Add or Sub of 0 that do not
broadcast x.  Where x is an input or output of the model and f(x) another output, f becomes
Identity: an output needs a node of its own.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx_ir as ir
from onnxscript.rewriter import MatchResult, RewriteRule, RewriteRuleClassBase

from rewrite.onnx.float.affine import affine_step
from rewrite.onnx.float.values import constant, integer, permutation, static_shape, take_name

OPERATORS = ("Identity", "Dropout", "Cast", "Reshape", "Transpose", "Mul", "Div", "Add", "Sub")


class RemoveIdentity(RewriteRuleClassBase):  # type: ignore[misc]
    """One rule for each operator."""

    def __init__(self, operator: str) -> None:
        super().__init__(f"RemoveIdentity{operator}")
        self.operator = operator

    def pattern(self, op: Any, x: ir.Value) -> Any:
        """Any use of the operator."""
        attributes = {"_allow_other_inputs": True, "_allow_other_attributes": True}
        return getattr(op, self.operator)(_outputs=["y"], **attributes)

    def check(self, context: Any, y: ir.Value, **_: Any) -> MatchResult:
        """It changes nothing, and the value may take the place of its result."""
        source = _unchanged(y.producer())
        if source is None:
            return MatchResult().fail("it changes its input", y)
        if self.operator == "Identity" and _is_kept(source, y):
            return MatchResult().fail("a graph output needs a node of its own", y)
        return MatchResult()

    def rewrite(self, op: Any, y: ir.Value, **_: Any) -> Any:
        """Let the users read the input; a graph output keeps its name."""
        node = y.producer()
        source = _unchanged(node)
        assert source is not None
        return op.Identity(source, _name=take_name(node)) if _is_kept(source, y) else source


def _is_kept(source: ir.Value, y: ir.Value) -> bool:
    """True if ``source`` cannot take the place of the output ``y``."""
    return bool(y.is_graph_output() and (source.is_graph_input() or source.is_graph_output()))


def _unchanged(node: ir.Node) -> ir.Value | None:
    source = node.inputs[0]
    if node.op_type in ("Mul", "Div", "Add", "Sub"):
        step = affine_step(node)
        if step is None or np.any(step.scale != 1) or np.any(step.offset != 0):
            return None
        return step.source
    if source is None:
        return None
    match node.op_type:
        case "Dropout":
            same = _is_inference(node)
        case "Cast":
            same = source.dtype is not None and integer(node, "to", 0) == source.dtype
        case "Reshape":
            shape = static_shape(source)
            same = shape is not None and shape == static_shape(node.outputs[0])
        case "Transpose":
            perm = permutation(node)
            same = perm is not None and list(perm) == sorted(perm)
        case _:
            same = True
    return source if same else None


def _is_inference(node: ir.Node) -> bool:
    training = constant(node.inputs[2]) if len(node.inputs) > 2 else None
    mask_unused = all(not list(v.uses()) for v in node.outputs[1:])
    return mask_unused and (training is None or not bool(training))


RULES: tuple[RewriteRule, ...] = tuple(RemoveIdentity.rule(o) for o in OPERATORS)
