"""ConvTranspose(x, W, b; strides s) -> Slice(shuffle(Conv(x, W', b'; s * s times the channels))).

Along one axis the transposed convolution adds ``x[q] * W[k]`` to place ``q * s + k`` of its result.
Places ``s * n + r`` with one phase ``r`` so get

    sum over j of x[n - j] * W[r + s * j]

which is a convolution with every s-th weight, turned around, and without products by the zeros that
lie between the inputs otherwise.  The phases are channels of one Conv; a Reshape, a Transpose and a
Reshape put them side by side (a pixel shuffle), and a Slice leaves out what ``pads`` leave out.
Exact in real numbers: the same products in the same sums.  Condition: images of known size,
constant weights, pads smaller than the kernel.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx_ir as ir
from onnxscript.rewriter import MatchResult, RewriteRule, RewriteRuleClassBase

from rewrite.onnx.float.values import (
    clone,
    constant,
    float_initializer,
    initializer,
    integer,
    ints,
    static_shape,
    take_name,
)


@dataclass(frozen=True, slots=True)
class Axis:
    """One axis of the convolution that does it.

    ``stride``: phases.  ``taps``: weights of each.  ``begin``, ``end``: padding.  ``positions``:
    windows.  ``first``, ``size``: what is kept of ``stride * positions`` places.
    """

    stride: int
    taps: int
    begin: int
    end: int
    positions: int
    first: int
    size: int


def axes_of(node: ir.Node, shape: tuple[int, ...], kernel: tuple[int, ...]) -> list[Axis] | None:
    """Return both axes of a ConvTranspose on a tensor of ``shape``; ``kernel``: with dilation.

    Pads follow from ``auto_pad`` and ``output_shape`` as the ONNX operator specification has it.
    None if the pads are not smaller than the kernel.
    """
    strides, extra = ints(node, "strides", (1, 1)), ints(node, "output_padding", (0, 0))
    given, wanted = ints(node, "pads", (0, 0, 0, 0)), ints(node, "output_shape", ())
    mode = node.attributes.get_string("auto_pad", "NOTSET")
    axes = []
    for axis, (length, span, stride) in enumerate(zip(shape[2:], kernel, strides, strict=True)):
        begin, end = given[axis], given[axis + 2]
        whole = (length - 1) * stride + span + extra[axis]
        if wanted or mode.startswith("SAME"):
            total = max(whole - (wanted[axis] if wanted else length * stride), 0)
            smaller, larger = total // 2, total - total // 2
            begin, end = (smaller, larger) if mode == "SAME_UPPER" else (larger, smaller)
        elif mode == "VALID":
            begin = end = 0
        size = wanted[axis] if wanted else whole - begin - end
        if not 0 <= begin < span or end >= span + extra[axis] or size < 1:
            return None
        taps = -(-span // stride)
        start, last = begin // stride, (begin + size - 1) // stride
        axes.append(
            Axis(
                stride,
                taps,
                taps - 1 - start,
                last - (length - 1),
                last - start + 1,
                begin - start * stride,
                size,
            )
        )
    return axes


class TransposedBias(RewriteRuleClassBase):  # type: ignore[misc]
    """A ConvTranspose without a bias gets zeros: what folds into convolutions asks for one."""

    def pattern(self, op: Any, x: ir.Value, weight: ir.Value) -> Any:
        """Any ConvTranspose."""
        attributes = {"_allow_other_inputs": True, "_allow_other_attributes": True}
        return op.ConvTranspose(x, weight, _outputs=["y"], **attributes)

    def check(self, context: Any, x: ir.Value, weight: ir.Value, y: ir.Value) -> MatchResult:
        """No bias, constant weights."""
        result, node = MatchResult(), y.producer()
        if len(node.inputs) > 2 and node.inputs[2] is not None:
            return result.fail("it has a bias", y)
        return result if constant(weight) is not None else result.fail("weights must be constant")

    def rewrite(self, op: Any, x: ir.Value, weight: ir.Value, y: ir.Value) -> Any:
        """Add zeros."""
        node, w = y.producer(), constant(weight)
        assert node is not None
        assert w is not None
        zeros = np.zeros(w.shape[1] * integer(node, "group", 1))
        return clone(op, node, [x, weight, float_initializer(op, node, "bias", zeros)])


class TransposedConv(RewriteRuleClassBase):  # type: ignore[misc]
    """A ConvTranspose of images."""

    def pattern(self, op: Any, x: ir.Value, weight: ir.Value, bias: ir.Value) -> Any:
        """Any ConvTranspose with a bias."""
        attributes = {"_allow_other_attributes": True}
        return op.ConvTranspose(x, weight, bias, _outputs=["y"], **attributes)

    def check(
        self, context: Any, x: ir.Value, weight: ir.Value, bias: ir.Value, y: ir.Value
    ) -> MatchResult:
        """Everything is known and something of each kernel meets the image."""
        result, shape, w = MatchResult(), static_shape(x), constant(weight)
        if shape is None or len(shape) != 4 or w is None or constant(bias) is None:
            return result.fail("it must filter images of known size with constant weights", y)
        if axes_of(y.producer(), shape, spread_kernel(y.producer(), w).shape[2:]) is None:
            return result.fail("its pads must be smaller than its kernel", y)
        return result

    def rewrite(self, op: Any, x: ir.Value, weight: ir.Value, bias: ir.Value, y: ir.Value) -> Any:
        """Convolve to all phases and put them side by side."""
        node, shape, w, b = y.producer(), static_shape(x), constant(weight), constant(bias)
        assert node is not None
        assert shape is not None
        assert w is not None
        assert b is not None
        spread, groups = spread_kernel(node, w), integer(node, "group", 1)
        axes = axes_of(node, shape, spread.shape[2:])
        assert axes is not None
        rows, columns = axes
        channels, phases = spread.shape[1], rows.stride * columns.stride
        name = take_name(node)
        biases = np.broadcast_to(b.reshape(groups, 1, channels), (groups, phases, channels))
        result = op.Conv(
            x,
            float_initializer(op, node, "phases", phases_of(spread, rows, columns, groups)),
            float_initializer(op, node, "biases", biases.reshape(-1)),
            dilations=[1, 1],
            group=groups,
            kernel_shape=[rows.taps, columns.taps],
            pads=[rows.begin, columns.begin, rows.end, columns.end],
            strides=[1, 1],
            _name=name,
        )
        if phases > 1:
            result = _shuffled(op, node, result, rows, columns, (groups, channels))
        whole = rows.stride * rows.positions, columns.stride * columns.positions
        if whole == (rows.size, columns.size):
            return result
        begins, ends = [rows.first, columns.first], [rows.first + rows.size]
        ends.append(columns.first + columns.size)
        named = zip(("begins", "ends", "axes"), (begins, ends, [2, 3]), strict=True)
        operands = [initializer(op, node, kind, np.array(v, np.int64)) for kind, v in named]
        return op.Slice(result, *operands, _name=f"{name}/crop")


def spread_kernel(node: ir.Node, weight: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return the kernel with the zeros that its dilation puts between the weights."""
    down, across = ints(node, "dilations", (1, 1))
    inputs, outputs, height, width = weight.shape
    size = (height - 1) * down + 1, (width - 1) * across + 1
    spread = np.zeros((inputs, outputs, *size), weight.dtype)
    spread[:, :, ::down, ::across] = weight
    return spread


def phases_of(weight: npt.NDArray[Any], rows: Axis, columns: Axis, groups: int) -> npt.NDArray[Any]:
    """Return (groups * phases * channels, inputs / groups, taps, taps): every s-th weight."""
    inputs, channels, height, width = weight.shape
    whole = rows.taps * rows.stride, columns.taps * columns.stride
    padded = np.pad(weight, ((0, 0), (0, 0), (0, whole[0] - height), (0, whole[1] - width)))
    apart = padded.reshape(
        *(groups, inputs // groups, channels),
        *(rows.taps, rows.stride, columns.taps, columns.stride),
    )
    turned = apart[:, :, :, ::-1, :, ::-1].transpose(0, 4, 6, 2, 1, 3, 5)
    return turned.reshape(-1, inputs // groups, rows.taps, columns.taps)


def _shuffled(
    op: Any, node: ir.Node, value: ir.Value, rows: Axis, columns: Axis, channels: tuple[int, int]
) -> ir.Value:
    """Put the phases, channels of ``value`` within each group, into rows and columns."""
    down, height = rows.stride, rows.positions
    across, width = columns.stride, columns.positions
    groups, each = channels
    sizes: tuple[int, ...]
    if groups == 1:
        sizes = (down, across, each, height, width)
        order = [0, 3, 4, 1, 5, 2]
    else:
        sizes = (groups, down, across, each, height, width)
        order = [0, 1, 4, 5, 2, 6, 3]
    apart = _reshaped(op, node, value, "apart", sizes)
    moved = op.Transpose(apart, perm=order, _name=f"{node.name}.shuffle")
    together = (groups * each, down * height, across * width)
    return _reshaped(op, node, moved, "together", together)


def _reshaped(
    op: Any, node: ir.Node, value: ir.Value, kind: str, sizes: tuple[int, ...]
) -> ir.Value:
    target = initializer(op, node, kind, np.array([-1, *sizes], np.int64))
    result: ir.Value = op.Reshape(value, target, _name=f"{node.name}.{kind}")
    return result


BIASES: tuple[RewriteRule, ...] = (TransposedBias.rule(),)
RULES: tuple[RewriteRule, ...] = (TransposedConv.rule(),)
