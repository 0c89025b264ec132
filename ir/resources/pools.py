"""Pools: what slides along rows and columns."""

from __future__ import annotations

from dataclasses import dataclass

from ir.elements import Kernel, MaxPool, Shape
from ir.numbers import IntArray, clog2
from ir.resources.dispatch import parts_of
from ir.resources.part import Part
from ir.resources.plumbing import reserving_fifo, state_memory


@dataclass(frozen=True, slots=True)
class Slide:
    """A window that slides along one dimension: the generics of sliding_steps.vhd."""

    length: int
    kernel: int
    stride: int
    pad_begin: int
    pad_end: int
    inner: int

    @property
    def last_position(self) -> int:
        """The position of the last step: of the image, or behind it."""
        span = self.length + self.pad_begin + self.pad_end - self.kernel
        return (
            max(self.length, self.kernel - self.pad_begin + span // self.stride * self.stride) - 1
        )

    @property
    def flushes(self) -> bool:
        """Whether there are steps behind the image, which take no input."""
        return self.last_position >= self.length


def sliding_steps(slide: Slide) -> Part:
    """Return the counters of a sliding window: ``position``, ``until`` its end, ``inner`` index.

    LUT: ``flushes``, whether steps take input depends on the position.
    """
    position, inner = clog2(slide.last_position + 1), clog2(slide.inner)
    until = clog2(max(slide.kernel, slide.stride))
    sizes = {
        "one": 1.0,
        "position": position,
        "until": until,
        "inner": inner,
        "flushes": int(slide.flushes),
    }
    return Part("sliding_steps", sizes, sizes)


def sliding_maximum(bits: int, lanes: int, slide: Slide, depth: int) -> tuple[Part, ...]:
    """Return the parts of sliding_maximum.vhd; names as its generics, ``depth`` of its FIFO.

    LUT: ``compared``, bits of the comparators; ``gated``, bits that count as lowest in front of or
    behind the image and are stored: those of the oldest position are not, and set back registers.
    FF: bits of the window and of the tree behind it.
    """
    beat, kernel = lanes * bits, slide.kernel
    tree, nodes, count = 0, 0, kernel
    for _ in range(clog2(kernel)):
        tree += count // 2 * beat
        count = -(-count // 2)
        nodes += count * beat
    lut = {
        "one": 1.0,
        "compared": tree,
        "gated": beat * (max(0, kernel - 2) + int(slide.flushes)),
    }
    own = Part("sliding_maximum", lut, {"one": 1.0, "window": kernel * beat, "tree": nodes})
    past = (state_memory(slide.inner, (kernel - 1) * beat),) if kernel > 1 else ()
    return (own, *past, sliding_steps(slide), *reserving_fifo(depth, beat))


def slides(shape: Shape, kernel: Kernel, lanes: int) -> tuple[Slide, Slide]:
    """Return how ``kernel`` slides along the rows of ``shape``, then down the columns."""
    inner = shape.channels // lanes
    columns = kernel.output_size(shape.height, shape.width)[1]
    sides = kernel.pad_left, kernel.pad_right
    ends = kernel.pad_top, kernel.pad_bottom
    return (
        Slide(shape.width, kernel.width, kernel.stride_width, *sides, inner),
        Slide(shape.height, kernel.height, kernel.stride_height, *ends, columns * inner),
    )


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
    across, down = slides(shape, kernel, lanes)
    return (
        *sliding_maximum(bits, lanes, across, row_depth),
        *sliding_maximum(bits, lanes, down, depth),
    )


@parts_of.register
def _max_pool(element: MaxPool) -> tuple[Part, ...]:
    shape, output = element.source.output.shape, element.output
    depths = element.row_depth, element.fifo_depth
    return max_pool(shape, element.kernel, output.number.bits, output.lanes, *depths)
