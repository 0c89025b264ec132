"""Resize(x; sizes) -> Resize(x; scales = sizes / shape of x).

Exact where every quotient is a whole number or one over a whole number: then it is the very float32
number that onnxruntime computes from the sizes.  Sizes name the batch, too, and so fit one batch
only.  Condition: constant sizes of all axes, a known shape but for the batch.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx_ir as ir
from onnxscript.rewriter import MatchResult, RewriteRuleClassBase, RewriteRuleSet

from rewrite.onnx.graphs import constant


class ResizeByScales(RewriteRuleClassBase):  # type: ignore[misc]
    """A Resize with sizes."""

    def pattern(self, op: Any, x: ir.Value) -> Any:
        """Any Resize."""
        attributes = {"_allow_other_inputs": True, "_allow_other_attributes": True}
        return op.Resize(x, _outputs=["y"], **attributes)

    def check(self, context: Any, x: ir.Value, y: ir.Value) -> MatchResult:
        """Sizes that are multiples of the shape, or the other way round."""
        node = y.producer()
        assert node is not None
        if _scales(node) is None:
            return MatchResult().fail("it has no constant sizes that are multiples of its shape", y)
        return MatchResult()

    def rewrite(self, op: Any, x: ir.Value, y: ir.Value) -> ir.Value:
        """State the same with scales."""
        node = y.producer()
        assert node is not None
        scales = _scales(node)
        assert scales is not None
        kept = {a.name: a for a in node.attributes.values() if a.name != "keep_aspect_ratio_policy"}
        name = f"{node.name or y.name}.scales"
        given = op.initializer(ir.tensor(scales, name=name), name=name)
        result: ir.Value = op.Resize(x, None, given, **kept)
        producer = result.producer()
        assert producer is not None
        producer.name = node.name
        return result


def _scales(node: ir.Node) -> np.ndarray[Any, np.dtype[np.float32]] | None:
    sizes = constant(node.inputs[3]) if len(node.inputs) > 3 else None
    shape = None if node.inputs[0] is None else node.inputs[0].shape
    if sizes is None or not sizes.size or shape is None or sizes.size != len(shape.dims):
        return None
    if node.attributes.get_string("keep_aspect_ratio_policy", "stretch") != "stretch":
        return None
    quotients = [1.0]
    for wanted, size in zip(sizes[1:].tolist(), list(shape.dims)[1:], strict=True):
        if not isinstance(size, int) or (wanted % size and size % wanted):
            return None
        quotients.append(wanted / size)
    return np.array(quotients, np.float32)


RULES = RewriteRuleSet([ResizeByScales.rule()])


def resize_by_scales(model: ir.Model) -> int:
    """Apply to ``model``; return how many were stated with scales."""
    return int(RULES.apply_to_model(model))
