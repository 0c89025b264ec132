"""The processing element: convolutions and dense layers with what follows them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ir.datapath import Datapath
from ir.elements.streams import Kernel, Shape, StreamType
from ir.numbers import IntArray, IntegerType
from ir.requantize import Requantization, ScaleRequantization, Scaling, beat_edges

if TYPE_CHECKING:
    from ir.elements import Element


@dataclass(frozen=True, slots=True)
class Sharing:
    """How the products of output channels and lanes share multipliers; ``row_sums`` computes so.

    ``rows`` output channels are packed into one factor, their weights ``spacing`` bits apart;
    chains of ``chain`` neighbouring lanes add up before their sums are taken apart.  The sum of a
    chain fits ``spacing`` signed bits, one more with ``overlap``.
    ``in_logic``: they have no multipliers, and share nothing.
    """

    rows: int = 1
    spacing: int = 17
    overlap: bool = False
    chain: int = 1
    in_logic: bool = False


ALONE = Sharing()
"""A multiplier for each product, the sums in adder trees."""

IN_LOGIC = Sharing(in_logic=True)
"""No multipliers: look-up tables and adders, the sums in adder trees."""


@dataclass(frozen=True, slots=True, eq=False)
class ProcessingElement:
    """Fused pad - convolution - requantization - activation - max pool.

    A Dense layer is a 1x1 convolution on a 1x1 map.  ``groups``: equal parts of the input channels
    and of the output channels, in order; each part of the outputs sees its part of the inputs only.
    ``weights``: (kernel height, kernel width, input channels / groups, output channels), integers
    of ``weight_number``.
    The zero point of the input is folded into the requantization's offsets, so padding carries
    ``pad_value``, the zero point.
    ``table``: (2**bits,) output codes indexed by the bit pattern of the requantized code, or None.
    ``extra_rows``: image rows that the window buffers beyond span and stride, or with several
    ``taps`` beyond the span.
    ``convolved``: type of one value before, ``output.number`` after the table.
    Folding: ``pe`` output channels of one group and ``simd`` input channels of one tap per cycle;
    if each channel is a group (``depthwise``), ``simd`` channels with all their outputs, ``pe``.
    ``taps`` above 1: a row of the kernel per cycle, or all of it, with all channels of a group (or
    some of the channels, if depthwise) for each tap, which ``simd`` counts, too.  Such an element
    reads a pixel per beat, and the padding of its columns is below the kernel's span.
    Without groups ``pe`` need not divide the output channels: the last of them have a ``surplus``.
    The sums leave ``output.lanes`` at a time, which divide ``pe`` and the output channels.
    ``scaling``: what the requantization multiplies with.  Where its beats are several edges apart,
    a group waits until those of the one before have gone (``group_edges``).

    Where a pixel is a block of several pixels (``rewrite/stream/blocks``), most weights are 0:
    ``reads``: (parts, n) values of the window, of ``simd``, that each of as many equal parts of the
    output channels has weights for; all of its other weights are 0.  ``simd`` are then all values
    of a window, and ``pe`` all output channels.
    ``members``: (n, m); channel c of the output is the largest of the codes, after the table, of
    the output channels ``members[c]``: a max pool within a block.  None: the codes themselves.

    ``idle``: of the input and of the output channels, the last ones that are there for even
    foldings only (``rewrite/stream/padding``): their weights are 0.
    ``block_rom``: a small table of weights is block RAM, too.
    ``adder_levels`` above 0: products and sums are a graph of adders, so many of them in a row
    between registers; all products of a window are then formed in one cycle.  ``datapath``: that
    graph and what requantizes its sums (with thresholds: the sums), None before it is solved.
    """

    name: str
    layer: str
    source: Element
    output: StreamType
    kernel: Kernel
    pad_value: int
    weights: IntArray
    weight_number: IntegerType
    accumulator: IntegerType
    requantization: Requantization
    convolved: IntegerType
    groups: int = 1
    table: IntArray | None = None
    pool: Kernel | None = None
    pe: int = 1
    simd: int = 1
    taps: int = 1
    sharing: Sharing = ALONE
    block_rom: bool = False
    adder_levels: int = 0
    datapath: Datapath | None = None
    fifo_depth: int = 2
    pool_fifo_depth: int = 2
    extra_rows: int = 0
    reads: IntArray | None = None
    members: IntArray | None = None
    scaling: Scaling = Scaling.MULTIPLIED
    idle: tuple[int, int] = (0, 0)

    @property
    def input(self) -> StreamType:
        """Type of the stream it reads."""
        return self.source.output

    @property
    def window_positions(self) -> Shape:
        """Shape between the convolution and the pool."""
        shape = self.input.shape
        return Shape(*self.kernel.output_size(shape.height, shape.width), self.weights.shape[3])

    @property
    def depthwise(self) -> bool:
        """True if every output channel sees one of several input channels."""
        return self.groups == self.input.shape.channels > 1

    @property
    def depth_multiplier(self) -> int:
        """Output channels of a group."""
        return int(self.weights.shape[3]) // self.groups

    @property
    def folds(self) -> int:
        """Groups of ``pe`` output channels per pixel."""
        return -(-int(self.weights.shape[3]) // self.pe)

    @property
    def surplus(self) -> int:
        """Of ``pe``, those that no output channel is left for in the last group of a pixel."""
        return self.folds * self.pe - int(self.weights.shape[3])

    @property
    def parts(self) -> int:
        """Output beats of a group of ``pe`` output channels."""
        return 1 if self.members is not None else self.pe // self.output.lanes

    @property
    def beat_edges(self) -> int:
        """Clock edges from an output beat of a group to the next, before the pool."""
        return beat_edges(self.requantization, self.scaling)

    @property
    def group_edges(self) -> int:
        """Clock edges from the start of a group to that of the next, at least."""
        return max(self.steps, self.parts * self.beat_edges)

    @property
    def pixel_beats(self) -> int:
        """Output beats of all groups of a pixel, those of the surplus left out."""
        if self.members is not None:
            return self.folds
        return int(self.weights.shape[3]) // self.output.lanes

    @property
    def replays(self) -> int:
        """How often each window value is needed: output beats of a group of channels."""
        return 1 if self.depthwise else self.folds // self.groups

    @property
    def steps(self) -> int:
        """Cycles per group: its window values over ``simd``; if depthwise, its taps."""
        if self.depthwise:
            return self.kernel.taps // self.taps
        return self.kernel.taps * self.input.shape.channels // self.groups // self.simd

    @property
    def input_lanes(self) -> int:
        """Channels per beat that it reads."""
        return self.simd if self.taps == 1 else self.input.shape.channels

    @property
    def is_direct(self) -> bool:
        """True if every value is needed once, as it comes: nothing is buffered."""
        return self.kernel.is_pointwise and self.replays == 1

    @property
    def is_fully_parallel(self) -> bool:
        """True if each cycle forms all products of a window."""
        return self.steps == 1 and self.folds == 1 and self.parts == 1

    @property
    def lane_matrix(self) -> IntArray:
        """The weight of each input lane in each output, (outputs, ``simd``), if fully parallel."""
        outputs, taps = self.weights.shape[3], self.kernel.taps
        if not self.depthwise:
            return self.weights.reshape(-1, outputs).T
        rows = np.zeros((outputs, taps, self.groups), np.int64)
        each = np.arange(outputs)
        rows[each, :, each // self.depth_multiplier] = self.weights.reshape(taps, outputs).T
        return rows.reshape(outputs, -1)

    @property
    def adder_matrix(self) -> IntArray:
        """What its adders multiply with: the weights times the factors of the requantization."""
        function = self.requantization
        if isinstance(function, ScaleRequantization):
            return function.multipliers[:, None] * self.lane_matrix
        return self.lane_matrix

    @property
    def products(self) -> int:
        """Products per cycle."""
        return self.pe * (self.taps if self.depthwise else self.fan_in)

    @property
    def fan_in(self) -> int:
        """Window values per cycle that an output channel sees; not for depthwise ones."""
        return self.simd if self.reads is None else int(self.reads.shape[1])

    @property
    def clusters(self) -> int:
        """Parts of the output channels that read values of their own."""
        return 1 if self.reads is None else len(self.reads)

    @property
    def multipliers(self) -> int:
        """Multipliers that form them."""
        if self.sharing.in_logic or self.adder_levels:
            return 0
        if self.depthwise:
            return self.products
        packs = -(-(self.pe // self.clusters) // self.sharing.rows)
        return packs * self.clusters * self.fan_in

    @property
    def macs(self) -> int:
        """Multiplications per frame."""
        if self.reads is not None:
            return self.window_positions.pixels * self.products
        outputs = int(self.weights.shape[3])
        each = int(self.weights.size) // outputs - self.kernel.taps * self.idle[0]
        return self.window_positions.pixels * each * (outputs - self.idle[1])


def weight_rows(element: ProcessingElement) -> IntArray:
    """Return (output channels, n) weights: all of a window, or those that its cluster reads."""
    outputs = element.weights.shape[3]
    rows = element.weights.reshape(-1, outputs).T
    if element.reads is None:
        return rows
    parts = rows.reshape(element.clusters, -1, rows.shape[1])
    found: IntArray = np.take_along_axis(parts, element.reads[:, None, :], axis=2)
    return found.reshape(outputs, -1)
