"""Mean or maximum over height and width -> global pool (and Reshape where the axes are dropped).

ReduceMean(x; 2, 3), ReduceMean(x; 1, 2) of an image in NHWC, and AveragePool with a window of the
whole image and no padding, where all three are the mean over the pixels by definition; ReduceMax
likewise becomes GlobalMaxPool.
"""

from __future__ import annotations

from typing import Any

import onnx_ir as ir
from onnxscript.rewriter import MatchResult, RewriteRule, RewriteRuleClassBase

from rewrite.onnx.float.values import (
    TO_NCHW,
    TO_NHWC,
    constant,
    integer,
    ints,
    permutation,
    reshape,
    static_shape,
    take_name,
)


class ReduceToGlobal(RewriteRuleClassBase):  # type: ignore[misc]
    """Both layouts, for the reduction ``operator`` and the pool that does the same."""

    def __init__(self, operator: str, pool: str) -> None:
        super().__init__(f"{operator}To{pool}", remove_nodes=False)
        self.operator, self.pool = operator, pool

    def pattern(self, op: Any, x: ir.Value) -> Any:
        """Any such reduction."""
        attributes = {"_allow_other_inputs": True, "_allow_other_attributes": True}
        return getattr(op, self.operator)(x, _outputs=["y"], **attributes)

    def check(self, context: Any, x: ir.Value, y: ir.Value) -> MatchResult:
        """Over the pixels of an image."""
        shape = static_shape(x)
        if shape is None or len(shape) != 4 or static_shape(y) is None:
            return MatchResult().fail("it must reduce an image of known size", x)
        if _reduced(y.producer()) not in ([2, 3], [1, 2]):
            return MatchResult().fail("it must reduce height and width", y)
        return MatchResult()

    def rewrite(self, op: Any, x: ir.Value, y: ir.Value) -> Any:
        """Pool, then drop or move the axes of length 1."""
        node, shape = y.producer(), static_shape(y)
        assert node is not None
        assert shape is not None
        image = _image(op, node)
        pooled = getattr(op, self.pool)(image, _name=take_name(node))
        return reshape(op, node, pooled, shape[1:])


def _reduced(node: ir.Node) -> list[int]:
    """Return the axes of four that are averaged."""
    given = constant(node.inputs[1]) if len(node.inputs) > 1 else None
    axes = ints(node, "axes", ()) if given is None else tuple(int(a) for a in given)
    return sorted(a % 4 for a in axes)


def _image(op: Any, node: ir.Node) -> ir.Value:
    """Return the channels-first image whose pixels are averaged."""
    source = node.inputs[0]
    assert source is not None
    if _reduced(node) == [2, 3]:
        return source
    above = source.producer()
    if above is not None and permutation(above) == TO_NHWC and above.inputs[0] is not None:
        return above.inputs[0]
    image: ir.Value = op.Transpose(source, perm=list(TO_NCHW), _name=f"{node.name}/to_nchw")
    return image


def _pads_by_itself(node: ir.Node) -> bool:
    attribute = node.attributes.get("auto_pad")
    return attribute is not None and attribute.as_string() not in ("NOTSET", "VALID")


class AveragePoolToGlobalAverage(RewriteRuleClassBase):  # type: ignore[misc]
    """A window as large as the image."""

    def pattern(self, op: Any, x: ir.Value) -> Any:
        """Any AveragePool."""
        return op.AveragePool(x, _allow_other_attributes=True, _outputs=["y"])

    def check(self, context: Any, x: ir.Value, y: ir.Value) -> MatchResult:
        """It sees each pixel once."""
        shape, node = static_shape(x), y.producer()
        if shape is None or len(shape) != 4 or ints(node, "kernel_shape", ()) != shape[2:]:
            return MatchResult().fail("the window must be the whole image", y)
        if any(ints(node, "pads", (0,))) or _pads_by_itself(node):
            return MatchResult().fail("there must be no padding", y)
        if any(d != 1 for d in ints(node, "dilations", (1,))) or integer(node, "ceil_mode", 0):
            return MatchResult().fail("there must be no dilation and no ceil_mode", y)
        return MatchResult()

    def rewrite(self, op: Any, x: ir.Value, y: ir.Value) -> Any:
        """Pool globally."""
        return op.GlobalAveragePool(x, _name=take_name(y.producer()))


RULES: tuple[RewriteRule, ...] = (
    ReduceToGlobal.rule("ReduceMean", "GlobalAveragePool"),
    ReduceToGlobal.rule("ReduceMax", "GlobalMaxPool"),
    AveragePoolToGlobalAverage.rule(),
)
