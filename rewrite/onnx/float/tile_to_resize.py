"""Repeated rows or columns -> Resize to nearest neighbours.

    Tile(Reshape(x; n, h, 1, w, c); 1, 1, k, 1, 1) -> Reshape(Resize(x; k h); n, h, k, w, c)

and the same with a new axis behind the columns, and for sequences (n, l, c). Each row stands k
times in both, one after the other. Images are channels-last in x, as in TensorFlow; Resize works on
channels first, so it comes between Transposes. Conditions: known shapes, constant repetitions.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx_ir as ir
from onnxscript.rewriter import MatchResult, RewriteRule, RewriteRuleClassBase

from rewrite.onnx.float.values import (
    TO_NCHW,
    TO_NHWC,
    constant,
    initializer,
    reshape,
    static_shape,
    take_name,
)


class TileToResize(RewriteRuleClassBase):  # type: ignore[misc]
    """For one row or column of any image or sequence."""

    def __init__(self) -> None:
        super().__init__(remove_nodes=False)  # others may read the Reshape

    def pattern(self, op: Any, x: ir.Value, shape: ir.Value, times: ir.Value) -> Any:
        """A Tile behind a Reshape."""
        wide = op.Reshape(x, shape, _allow_other_attributes=True, _outputs=["wide"])
        return op.Tile(wide, times, _outputs=["y"])

    def check(
        self, context: Any, x: ir.Value, wide: ir.Value, y: ir.Value, **_: Any
    ) -> MatchResult:
        """The Reshape adds the axis along which the Tile repeats, behind rows or columns."""
        if _repetition(y.producer()) is None:
            return MatchResult().fail("it must repeat rows or columns one by one", y)
        return MatchResult()

    def rewrite(self, op: Any, x: ir.Value, y: ir.Value, **_: Any) -> Any:
        """Resize between layout changes."""
        node, shape = y.producer(), static_shape(y)
        assert node is not None
        assert shape is not None
        repetition = _repetition(node)
        assert repetition is not None
        axis, times = repetition
        sizes = static_shape(x)
        assert sizes is not None
        image = x if len(sizes) == 4 else reshape(op, node, x, (1, *sizes[1:]))
        row = axis == 1 and len(sizes) == 4
        scales = np.array([1, 1, times, 1] if row else [1, 1, 1, times], np.float32)
        first = op.Transpose(image, perm=list(TO_NCHW), _name=f"{node.name}/to_nchw")
        larger = op.Resize(
            first,
            None,
            initializer(op, node, "scales", scales),
            mode="nearest",
            nearest_mode="floor",
            coordinate_transformation_mode="asymmetric",
            _name=take_name(node),
        )
        back = op.Transpose(larger, perm=list(TO_NHWC), _name=f"{node.name}/to_nhwc")
        return reshape(op, node, back, shape[1:])


def _repetition(tile: ir.Node | None) -> tuple[int, int] | None:
    """Return the axis of the image or sequence, and how often each of its places is repeated."""
    assert tile is not None
    wide, times = tile.inputs[0], constant(tile.inputs[1])
    above = None if wide is None else wide.producer()
    before, after = static_shape(wide), None
    if above is not None and above.op_type == "Reshape":
        after = static_shape(above.inputs[0])
    if before is None or after is None or times is None or len(after) not in (3, 4):
        return None
    repeated = [i for i, count in enumerate(times) if count != 1]
    if len(repeated) != 1 or not 2 <= repeated[0] < len(after):
        return None
    place = repeated[0]
    if before != (*after[:place], 1, *after[place:]):
        return None
    return place - 1, int(times[place])


RULES: tuple[RewriteRule, ...] = (TileToResize.rule(),)
