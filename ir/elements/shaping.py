"""Elements that give values other places and compute nothing."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ir.elements.streams import StreamType
from ir.numbers import IntArray

if TYPE_CHECKING:
    from ir.elements import Element


@dataclass(frozen=True, slots=True)
class Loop:
    """One of the nested loops of a Reorder: ``count`` rounds, ``stride`` values apart.

    ``clamped``: the second round does not advance, and neither does the last: what the first and
    the last but one visit is visited twice, as at the edges of a row.
    """

    count: int
    stride: int
    clamped: bool = False

    @property
    def places(self) -> IntArray:
        """What each round adds to the place."""
        rounds = np.arange(self.count)
        return (np.clip(rounds - 1, 0, self.count - 3) if self.clamped else rounds) * self.stride


@dataclass(frozen=True, slots=True, eq=False)
class Reorder:
    """The values of each block of a frame in another order, some of them repeated or left out.

    The frame's values, in the order of the stream, are cut into blocks of ``block_size``.  For each
    block the ``loops``, outermost first, are run through once: the value sent is number
    ``sum(round * stride)`` of the block.  Its memory holds two blocks, one that is written and one
    that is read, and ``extra_blocks`` more.  ``edges``: the first and the last block of a frame are
    sent twice, the only one three times.
    """

    name: str
    layer: str
    source: Element
    output: StreamType
    block_size: int
    loops: tuple[Loop, ...]
    fifo_depth: int = 2
    extra_blocks: int = 0
    edges: bool = False

    @property
    def rounds(self) -> IntArray:
        """How often each block of a frame is sent."""
        rounds = np.ones(self.source.output.shape.size // self.block_size, np.int64)
        if self.edges:
            rounds[0] += 1
            rounds[-1] += 1
        return rounds

    @property
    def stored_blocks(self) -> int:
        """Blocks that its memory holds."""
        return 2 + self.extra_blocks

    @property
    def block_values(self) -> int:
        """Values sent for each block."""
        return math.prod(loop.count for loop in self.loops)

    @property
    def most_lanes(self) -> int:
        """Values that a beat can carry at most; every divisor will do, too.

        Those of a beat are neighbours on both sides, and pixels are whole beats.
        """
        *outer, run = self.loops
        neighbours = run.count if run.stride == 1 and not run.clamped else 1
        channels = self.source.output.shape.channels, self.output.shape.channels
        return math.gcd(neighbours, self.block_size, *channels, *(loop.stride for loop in outer))


@dataclass(frozen=True, slots=True, eq=False)
class Border:
    """A map with rows and columns of ``pad_value`` around it, or without those at its edges.

    ``top``, ``left``, ``bottom``, ``right``: added if positive, taken away if negative.
    ``extra_beats``: beats that may come in while padding is sent, beyond two.
    """

    name: str
    layer: str
    source: Element
    output: StreamType
    top: int
    left: int
    bottom: int
    right: int
    pad_value: int = 0
    fifo_depth: int = 2
    extra_beats: int = 0

    @property
    def input_depth(self) -> int:
        """Beats of the FIFO in front."""
        return 2 + self.extra_beats

    @property
    def walk(self) -> tuple[int, int]:
        """Rows and columns of the map with all that is added and nothing taken away."""
        shape = self.source.output.shape
        return (
            shape.height + max(self.top, 0) + max(self.bottom, 0),
            shape.width + max(self.left, 0) + max(self.right, 0),
        )
