"""Pools: what slides along rows and columns."""

from __future__ import annotations

from ir.elements import Kernel, MaxPool, Shape
from ir.numbers import IntArray, clog2
from ir.resources.count import Resources
from ir.resources.dispatch import parts_of
from ir.resources.memory import ram
from ir.resources.part import Part
from ir.resources.plumbing import reserving_fifo


def sliding_steps(length: int, kernel: int, stride: int, inner: int, pads: int) -> Part:
    """Return the counters of a sliding window: ``position``, ``until`` its end, ``inner`` index."""
    position, until = clog2(length + pads), clog2(max(kernel, stride))
    sizes = {
        "one": 1.0,
        "position": position,
        "until": until,
        "inner": clog2(inner),
        "padded": int(pads > 0),
    }
    return Part("sliding_steps", sizes, sizes)


def sliding_maximum(
    bits: int, lanes: int, length: int, kernel: int, stride: int, inner: int, pads: int, depth: int
) -> tuple[Part, ...]:
    """Return the parts of sliding_maximum.vhd; names as its generics, ``depth`` of its FIFO.

    LUT: ``compared``, bits of the comparators; ``window``, bits that may be padding.  FF: bits of
    the window, of the tree behind it, and of values kept in registers.
    """
    beat = lanes * bits
    tree, nodes, count = 0, 0, kernel
    for _ in range(clog2(kernel)):
        tree += count // 2 * beat
        count = -(-count // 2)
        nodes += count * beat
    history = (kernel - 1) * beat
    memory = ram(inner, history) if history and inner > 1 else None
    held = history if memory is None or memory.luts else 0
    lut = {
        "one": 1.0,
        "compared": tree,
        "window": history + beat * int(pads > 0),
        "index": clog2(inner) if memory else 0,
        "multiplexed": (memory.rows - 1) * history if memory and memory.luts else 0,
    }
    ff = {"one": 1.0, "window": kernel * beat, "tree": nodes, "held": held}
    exact = Resources(
        lut_memory=memory.luts if memory else 0, bram18=memory.bram18 if memory else 0
    )
    own = Part("sliding_maximum", lut, ff, exact)
    return (own, sliding_steps(length, kernel, stride, inner, pads), *reserving_fifo(depth, beat))


def lane_maxima(members: IntArray, bits: int) -> Part:
    """Return the trees of lane_maxima.vhd: bits of comparators with their choices, of registers."""
    outputs, count = members.shape
    tree = nodes = 0
    for _ in range(clog2(count)):
        tree += count // 2
        count = -(-count // 2)
        nodes += count
    beat = outputs * bits
    return Part("lane_maxima", {"compared": tree * beat}, {"one": 1.0, "tree": nodes * beat})


def max_pool(
    shape: Shape, kernel: Kernel, bits: int, lanes: int, row_depth: int, depth: int
) -> tuple[Part, ...]:
    """Return maxima of rows, then of columns; the depths are those of their FIFOs."""
    inner = shape.channels // lanes
    columns = kernel.output_size(shape.height, shape.width)[1]
    across = (shape.width, kernel.width, kernel.stride_width, inner)
    down = (shape.height, kernel.height, kernel.stride_height, columns * inner)
    pads = kernel.pad_left + kernel.pad_right, kernel.pad_top + kernel.pad_bottom
    return (
        *sliding_maximum(bits, lanes, *across, pads[0], row_depth),
        *sliding_maximum(bits, lanes, *down, pads[1], depth),
    )


@parts_of.register
def _max_pool(element: MaxPool) -> tuple[Part, ...]:
    shape, output = element.source.output.shape, element.output
    depths = element.row_depth, element.fifo_depth
    return max_pool(shape, element.kernel, output.number.bits, output.lanes, *depths)
