"""Blocks of pixels: a map seen as a smaller one, whose pixels are several of its own.

``H x W x C``  as  ``H x (W / columns) x (columns * C)``, or with whole rows
``(H / rows) x 1 x (rows * W * C)``: the stream is the same sequence of values.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ir.elements import Kernel, Shape
from rewrite.stream.blocks.axis import Axis, Sliding, in_blocks
from rewrite.stream.counts import divisors


@dataclass(frozen=True, slots=True)
class Block:
    """``rows`` x ``columns`` pixels; of several rows only if the columns are all of a map."""

    rows: int
    columns: int


def blocks(shape: Shape) -> Iterator[Block]:
    """Yield the blocks that a map can consist of, smallest first.

    A single pixel is one: where windows advance by several pixels, they may read several at a time.
    """
    for columns in divisors(shape.width):
        yield Block(1, columns)
    for rows in divisors(shape.height)[1:]:
        yield Block(rows, shape.width)


def blocked(shape: Shape, block: Block) -> Shape:
    """Return ``shape`` in blocks, which divide it."""
    height, width = shape.height // block.rows, shape.width // block.columns
    return Shape(height, width, block.rows * block.columns * shape.channels)


@dataclass(frozen=True, slots=True)
class Grid:
    """A window over blocks, by its two dimensions."""

    down: Axis
    across: Axis

    @property
    def kernel(self) -> Kernel:
        """The window, in blocks."""
        down, across = self.down, self.across
        return Kernel(
            down.kernel,
            across.kernel,
            down.step,
            across.step,
            pad_top=down.before,
            pad_left=across.before,
            pad_bottom=down.after,
            pad_right=across.after,
        )

    @property
    def inputs(self) -> Block:
        """Blocks that it reads."""
        return Block(self.down.inputs, self.across.inputs)

    @property
    def block(self) -> Block:
        """Blocks that it sends."""
        return Block(self.down.block, self.across.block)

    @property
    def positions(self) -> int:
        """Positions of a block."""
        return self.down.block * self.across.block

    def weights(self, channels: int, outputs: int) -> int:
        """Return the weights that all values of a window have with all outputs of a block."""
        down, across = self.down, self.across
        places = down.kernel * down.inputs * across.kernel * across.inputs
        return places * channels * self.positions * outputs


def grid(kernel: Kernel, shape: Shape, block: Block) -> Grid | None:
    """Return the window ``kernel`` on ``shape`` with ``block`` positions at a time.

    None if the positions or what they read are no whole blocks, or if the padding of the columns
    is not below the new window's span, which windows of several taps at a time need.
    """
    rows, columns = kernel.output_size(shape.height, shape.width)
    wide = Sliding(
        shape.width,
        columns,
        kernel.width,
        kernel.stride_width,
        kernel.dilation_width,
        kernel.pad_left,
    )
    high = Sliding(
        shape.height,
        rows,
        kernel.height,
        kernel.stride_height,
        kernel.dilation_height,
        kernel.pad_top,
    )
    across = in_blocks(wide, block.columns, alone=False)
    if across is None or across.before + across.after >= across.kernel:
        return None
    down = in_blocks(high, block.rows, alone=across.inputs < shape.width)
    return None if down is None else Grid(down, across)
