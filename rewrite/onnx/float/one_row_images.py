"""Sequences are images of one row: Conv(x) -> Reshape(Conv(Reshape(x; C, 1, L)); C', L').

The same for pools and BatchNormalization; kernels, strides, dilations and pads get a 1 or 0 for the
rows.  Elementwise operators move in front of the Reshape that makes a sequence of an image again,

    f(Reshape(x; C, L), c) -> Reshape(f(x, c'); C, L)

so that reshapes meet and go away; the channels of x come first or last.  Constants c get an axis of
length 1, too.  Conditions: known shapes; for the second form, all tensors read come through such a
Reshape.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx_ir as ir
from onnxscript.rewriter import MatchResult, RewriteRule, RewriteRuleClassBase

from ir.elementwise import ELEMENTWISE
from rewrite.onnx.float.values import (
    clone,
    constant,
    initializer,
    ints,
    reshape,
    static_shape,
)

WINDOWED = ("Conv", "ConvTranspose", "MaxPool", "AveragePool")
ON_IMAGES = (*WINDOWED, "GlobalAveragePool", "GlobalMaxPool", "BatchNormalization")
_BY_AXIS = {"kernel_shape": 1, "strides": 1, "dilations": 1, "output_padding": 0}
"""Attributes with a number for each axis, and that of the rows."""


class SequenceToImage(RewriteRuleClassBase):  # type: ignore[misc]
    """One rule for each operator of ``ON_IMAGES``."""

    def __init__(self, operator: str) -> None:
        super().__init__(f"SequenceToImage{operator}")
        self.operator = operator

    def pattern(self, op: Any, x: ir.Value) -> Any:
        """Any use of the operator."""
        attributes = {"_allow_other_inputs": True, "_allow_other_attributes": True}
        return getattr(op, self.operator)(x, _outputs=["y"], **attributes)

    def check(self, context: Any, x: ir.Value, y: ir.Value) -> MatchResult:
        """On a sequence of known size, with constant weights."""
        result = MatchResult()
        shape, node = static_shape(x), y.producer()
        if shape is None or len(shape) != 3 or static_shape(y) is None:
            return result.fail("it does not work on a sequence of known size", x)
        if any(v is not None and constant(v) is None for v in node.inputs[1:]):
            return result.fail("weights must be constant", y)
        return result

    def rewrite(self, op: Any, x: ir.Value, y: ir.Value) -> Any:
        """Work on an image of one row."""
        node, before, after = y.producer(), static_shape(x), static_shape(y)
        assert node is not None
        assert before is not None
        assert after is not None
        inputs: list[ir.Value | None] = [reshape(op, node, x, (before[1], 1, before[2]))]
        inputs += node.inputs[1:]
        changed: dict[str, Any] = {}
        for name, row in _BY_AXIS.items():
            if name in node.attributes:
                changed[name] = [row, *ints(node, name, ())]
        if "pads" in node.attributes:
            begin, end = ints(node, "pads", (0, 0))
            changed["pads"] = [0, begin, 0, end]
        if self.operator in ("Conv", "ConvTranspose"):
            weights = constant(node.inputs[1])
            assert weights is not None
            inputs[1] = initializer(op, node, "image_weight", weights[:, :, None])
        image = clone(op, node, inputs, **changed)
        return reshape(op, node, image, after[1:])


class RowBelow(RewriteRuleClassBase):  # type: ignore[misc]
    """The second form, one rule for each elementwise operator."""

    def __init__(self, operator: str) -> None:
        super().__init__(f"RowBelow{operator}")
        self.operator = operator

    def pattern(self, op: Any) -> Any:
        """Any use of the operator."""
        attributes = {"_allow_other_inputs": True, "_allow_other_attributes": True}
        return getattr(op, self.operator)(_outputs=["y"], **attributes)

    def check(self, context: Any, y: ir.Value) -> MatchResult:
        """All tensors come through a Reshape from an image of one row."""
        result = MatchResult()
        node, shape = y.producer(), static_shape(y)
        tensors = [v for v in node.inputs if v is not None and constant(v) is None]
        if shape is None or len(shape) != 3 or not tensors:
            return result.fail("it does not work on sequences of known size", y)
        images = [_image(v) for v in tensors]
        if any(static_shape(v) != shape for v in tensors) or None in images:
            return result.fail("not all tensors come from images of one row", y)
        if len({i[1] for i in images if i is not None}) > 1:
            return result.fail("the images have their rows at different places", y)
        return result

    def rewrite(self, op: Any, y: ir.Value) -> Any:
        """Compute on the image."""
        node, shape = y.producer(), static_shape(y)
        assert node is not None
        assert shape is not None
        axis = next(i[1] for i in map(_image, node.inputs) if i is not None)
        inputs: list[ir.Value | None] = []
        for number, value in enumerate(node.inputs):
            array, image = constant(value), _image(value)
            if image is not None:
                inputs.append(image[0])
            elif array is not None and array.ndim > 3 - axis:  # it reaches in front of the new axis
                spread = np.expand_dims(array, array.ndim - (3 - axis))
                inputs.append(initializer(op, node, f"row{number}", spread))
            else:
                inputs.append(value)
        return reshape(op, node, clone(op, node, inputs), shape[1:])


def _image(value: ir.Value | None) -> tuple[ir.Value, int] | None:
    """Return the image of which ``value`` is the sequence, and which axis the sequence lacks.

    (N, C, 1, L) of a sequence (N, C, L), channels first, or (N, 1, L, C) of (N, L, C).
    """
    node = None if value is None else value.producer()
    if node is None or node.op_type != "Reshape" or node.inputs[0] is None:
        return None
    before, after = static_shape(node.inputs[0]), static_shape(value)
    if before is None or after is None or len(after) != 3 or len(before) != 4:
        return None
    for axis in (2, 1):
        if before == (*after[:axis], 1, *after[axis:]):
            return node.inputs[0], axis
    return None


RULES: tuple[RewriteRule, ...] = (
    *(SequenceToImage.rule(operator) for operator in ON_IMAGES),
    *(RowBelow.rule(operator) for operator in sorted(ELEMENTWISE)),
)
