"""Resize(x; linear, whole factors s) -> shuffle(Conv(Pad(x; edge), W; group = channels)).

With pixels' centers at half numbers (``half_pixel``), place ``s * n + r`` of the result lies at
``n + t`` of the image, ``t = (r + 1/2) / s - 1/2``, between pixels n - 1 and n or n and n + 1:

    y[s * n + r] = max(0, -t) * x[n - 1] + (1 - |t|) * x[n] + max(0, t) * x[n + 1]

With coordinates from 0 (``asymmetric``, all there was before operator set 11), t is r / s.

The weights depend on the phase r alone, and pixels beyond the edge are those of the edge.  So all
phases are channels of one depthwise convolution of the image with its edges repeated; a Reshape, a
Transpose and a Reshape put them side by side.  Exact in real numbers.  Condition: an image of known
size, ``half_pixel`` coordinates (``pytorch_half_pixel`` is the same, but for results of one pixel)
or ``asymmetric`` ones.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import onnx_ir as ir
from onnxscript.rewriter import MatchResult, RewriteRule, RewriteRuleClassBase

from rewrite.onnx.float.values import (
    constant,
    float_initializer,
    initializer,
    integer,
    static_shape,
    take_name,
)


class BilinearResize(RewriteRuleClassBase):  # type: ignore[misc]
    """A linear Resize of images by whole factors."""

    def pattern(self, op: Any, x: ir.Value) -> Any:
        """Any Resize."""
        attributes = {"_allow_other_inputs": True, "_allow_other_attributes": True}
        return op.Resize(x, _outputs=["y"], **attributes)

    def check(self, context: Any, x: ir.Value, y: ir.Value) -> MatchResult:
        """Linear, coordinates that phases know, whole factors of height and width."""
        node, result, shape = y.producer(), MatchResult(), static_shape(x)
        if node.attributes.get_string("mode", "nearest") != "linear":
            return result.fail("it does not interpolate linearly", y)
        if shape is None or len(shape) != 4 or _factors(node) is None:
            return result.fail("it must enlarge an image of known size by whole factors", y)
        form = _coordinates(node)
        single = min(s * f for s, f in zip(shape[2:], _factors(node) or (), strict=True)) == 1
        if form not in _FORMS or (form == "pytorch_half_pixel" and single):
            return result.fail("its coordinates must be those of half pixels, or from 0", y)
        if integer(node, "antialias", 0) or integer(node, "exclude_outside", 0):
            return result.fail("it must not smooth or leave out what lies outside", y)
        return result

    def rewrite(self, op: Any, x: ir.Value, y: ir.Value) -> Any:
        """Repeat the edges, convolve to all phases, put them side by side."""
        node, shape = y.producer(), static_shape(x)
        assert node is not None
        assert shape is not None
        factors = _factors(node)
        assert factors is not None
        down, across = factors
        _, channels, height, width = shape
        name = take_name(node)
        asymmetric = _coordinates(node) == "asymmetric"
        rows, columns = _weights(down, asymmetric), _weights(across, asymmetric)
        if down * across == 1:
            return op.Identity(x, _name=name)
        top, left = int(down > 1), int(across > 1)
        sizes = np.array([0, 0, top, left, 0, 0, top, left], np.int64)
        padded = op.Pad(
            x, initializer(op, node, "edges", sizes), mode="edge", _name=f"{name}/edges"
        )
        phases = np.einsum("ra,cb->rcab", rows, columns).reshape(-1, 1, *_taps(rows, columns))
        weight = np.tile(phases, (channels, 1, 1, 1))
        convolved = op.Conv(
            padded,
            float_initializer(op, node, "phases", weight),
            float_initializer(op, node, "zeros", np.zeros(len(weight))),
            dilations=[1, 1],
            group=channels,
            kernel_shape=list(_taps(rows, columns)),
            pads=[0, 0, 0, 0],
            strides=[1, 1],
            _name=name,
        )
        apart = np.array([-1, channels, down, across, height, width], np.int64)
        together = np.array([-1, channels, down * height, across * width], np.int64)
        split = op.Reshape(convolved, initializer(op, node, "apart", apart), _name=f"{name}/apart")
        moved = op.Transpose(split, perm=[0, 1, 4, 2, 5, 3], _name=f"{name}/shuffle")
        return op.Reshape(moved, initializer(op, node, "together", together), _name=f"{name}/rows")


def _factors(node: ir.Node) -> tuple[int, int] | None:
    scales = constant(node.inputs[2]) if len(node.inputs) > 2 else None
    if scales is None or scales.size != 4 or np.any(scales[:2] != 1):
        return None
    down, across = (float(s) for s in scales[2:])
    whole = down.is_integer() and across.is_integer() and min(down, across) >= 1
    return (int(down), int(across)) if whole else None


_FORMS = ("half_pixel", "pytorch_half_pixel", "asymmetric")


def _coordinates(node: ir.Node) -> str:
    form: str = node.attributes.get_string("coordinate_transformation_mode", "half_pixel")
    return form


def _weights(factor: int, asymmetric: bool) -> npt.NDArray[np.float64]:
    """Return (phases, 3): weights of the pixel before, the pixel itself and the one behind.

    (1, 1) for the factor 1.
    """
    if factor == 1:
        return np.ones((1, 1))
    t = np.arange(factor) / factor if asymmetric else (np.arange(factor) + 0.5) / factor - 0.5
    return np.stack([np.maximum(-t, 0), 1 - np.abs(t), np.maximum(t, 0)], axis=1)


def _taps(rows: npt.NDArray[np.float64], columns: npt.NDArray[np.float64]) -> tuple[int, int]:
    return rows.shape[1], columns.shape[1]


RULES: tuple[RewriteRule, ...] = (BilinearResize.rule(),)
