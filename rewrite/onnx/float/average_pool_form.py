"""AveragePool(x; ceil_mode) -> AveragePool(x; more padding at the ends).

    windows that reach beyond the image divide by the values inside of it, as padding that does not
    count does: as much padding as the last window asks for

Where the padding counts (``count_include_pad``), a Pad puts zeros there first, which are values as
others; what lies beyond them does not count.  Conditions: an image of known size, no dilation, pads
that are stated.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx_ir as ir
from onnxscript.rewriter import MatchResult, RewriteRule, RewriteRuleClassBase

from rewrite.onnx.float.values import clone, initializer, integer, ints, static_shape


class AveragePoolForm(RewriteRuleClassBase):  # type: ignore[misc]
    """An AveragePool whose last window may reach beyond the padded image."""

    def pattern(self, op: Any, x: ir.Value) -> Any:
        """Any AveragePool."""
        return op.AveragePool(x, _allow_other_attributes=True, _outputs=["y"])

    def check(self, context: Any, x: ir.Value, y: ir.Value) -> MatchResult:
        """With ceil_mode, of images."""
        result, shape, node = MatchResult(), static_shape(x), y.producer()
        if not integer(node, "ceil_mode", 0):
            return result.fail("it has no ceil_mode", y)
        if shape is None or len(shape) != 4 or static_shape(y) is None:
            return result.fail("it must pool images of known size", x)
        if node.attributes.get_string("auto_pad", "NOTSET") != "NOTSET":
            return result.fail("its pads must be stated", y)
        if any(dilation != 1 for dilation in ints(node, "dilations", (1, 1))):
            return result.fail("it must have no dilation", y)
        return result

    def rewrite(self, op: Any, x: ir.Value, y: ir.Value) -> Any:
        """Pad, where that counts, and let the last window end in padding that does not."""
        node, before, after = y.producer(), static_shape(x), static_shape(y)
        assert node is not None
        assert before is not None
        assert after is not None
        top, left, bottom, right = ints(node, "pads", (0, 0, 0, 0))
        image, sizes = x, list(before[2:])
        if any((top, left, bottom, right)) and integer(node, "count_include_pad", 0):
            sides = np.array([0, 0, top, left, 0, 0, bottom, right], np.int64)
            image = op.Pad(x, initializer(op, node, "pads", sides), _name=f"{node.name}/pad")
            sizes = [sizes[0] + top + bottom, sizes[1] + left + right]
            top = left = 0
        kernel, strides = ints(node, "kernel_shape", ()), ints(node, "strides", (1, 1))
        ends = [
            max((count - 1) * stride + taps - size - begin, 0)
            for count, stride, taps, size, begin in zip(
                after[2:], strides, kernel, sizes, (top, left), strict=True
            )
        ]
        pads = [top, left, *ends]
        return clone(op, node, [image], ceil_mode=0, count_include_pad=0, pads=pads)


RULES: tuple[RewriteRule, ...] = (AveragePoolForm.rule(),)
