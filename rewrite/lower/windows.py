"""Kernels of ONNX convolutions and pools: strides, dilations and every way to state padding."""

from __future__ import annotations

import onnx_ir as ir

from ir.elements import Kernel, Shape
from ir.errors import CompileError
from rewrite.lower.reading import ints


def kernel_of(node: ir.Node, size: tuple[int, int], shape: Shape, layer: str) -> Kernel:
    """Return the kernel of a Conv or MaxPool whose window has ``size`` taps on ``shape``.

    ``auto_pad`` and ``ceil_mode`` become explicit padding (ONNX operator specification).

    Raises:
        CompileError: the window does not fit, or pads are negative.
    """
    strides = ints(node, "strides", [1, 1])
    dilations = ints(node, "dilations", [1, 1])
    pads = ints(node, "pads", [0, 0, 0, 0])
    automatic = node.attributes.get_string("auto_pad", "NOTSET")
    ceil_mode = bool(node.attributes.get_int("ceil_mode", 0))
    begins, ends = [], []
    for axis, length in enumerate((shape.height, shape.width)):
        span = (size[axis] - 1) * dilations[axis] + 1
        begin, end = pads[axis], pads[axis + 2]
        if automatic in ("SAME_UPPER", "SAME_LOWER"):
            begin, end = _same_pads(length, span, strides[axis], automatic == "SAME_UPPER")
        elif automatic == "VALID":
            begin = end = 0
        if ceil_mode:
            end = _ceil_pad(length, span, strides[axis], begin, end)
        begins.append(begin)
        ends.append(end)
    kernel = Kernel(*size, *strides, *dilations, *begins, *ends)
    rows, columns = kernel.output_size(shape.height, shape.width)
    if rows < 1 or columns < 1 or min(*begins, *ends) < 0 or min(strides) < 1:
        raise CompileError(
            "lower",
            layer,
            f"a {size[0]}x{size[1]} window with pads {[*begins, *ends]} must fit the "
            f"{shape.height}x{shape.width} map",
            "use a smaller kernel or more padding",
        )
    return kernel


def _same_pads(length: int, span: int, stride: int, upper: bool) -> tuple[int, int]:
    outputs = -(-length // stride)
    total = max((outputs - 1) * stride + span - length, 0)
    small, large = total // 2, total - total // 2
    return (small, large) if upper else (large, small)


def _ceil_pad(length: int, span: int, stride: int, begin: int, end: int) -> int:
    """Return the end padding that makes the last, partial window a whole one."""
    outputs = -(-(length + begin + end - span) // stride) + 1
    if (outputs - 1) * stride >= length + begin:  # would start in the padding: does not count
        outputs -= 1
    return max((outputs - 1) * stride + span - length - begin, 0)
