"""Pools that stand alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ir.elements.streams import Kernel, StreamType
from ir.numbers import IntArray, IntegerType
from ir.requantize import (
    Requantization,
    ScaleRequantization,
    Scaling,
    ThresholdRequantization,
    beat_edges,
)

if TYPE_CHECKING:
    from ir.elements import Element


@dataclass(frozen=True, slots=True, eq=False)
class MaxPool:
    """Maximum over a window; padding never wins (ONNX MaxPool).

    ``extra_beats``: maxima of rows that may wait for those of columns, beyond ``fifo_depth``.
    """

    name: str
    layer: str
    source: Element
    output: StreamType
    kernel: Kernel
    fifo_depth: int = 2
    extra_beats: int = 0

    @property
    def row_depth(self) -> int:
        """Beats of the FIFO of the rows' maxima."""
        return self.fifo_depth + self.extra_beats


@dataclass(frozen=True, slots=True, eq=False)
class AveragePool:
    """Mean over a window of those values that lie inside of the map, requantized.

    The sum counts taps outside as ``pad_value``, the zero point.  ``requantization`` has parameters
    for each number of rows (slowest) and columns of a window that can lie inside, from 1 up to the
    kernel's: see ``Kernel.taps_inside``.  ``extra_beats``: row sums that may wait for those of
    columns, beyond ``fifo_depth``.
    """

    name: str
    layer: str
    source: Element
    output: StreamType
    kernel: Kernel
    pad_value: int
    accumulator: IntegerType
    requantization: ScaleRequantization
    fifo_depth: int = 2
    extra_beats: int = 0

    @property
    def row_depth(self) -> int:
        """Beats of the FIFO of row sums."""
        return self.fifo_depth + self.extra_beats

    @property
    def input(self) -> StreamType:
        """Type of the stream it reads."""
        return self.source.output


@dataclass(frozen=True, slots=True, eq=False)
class GlobalMaximum:
    """Maximum of each channel over the frame."""

    name: str
    layer: str
    source: Element
    output: StreamType
    fifo_depth: int = 2


@dataclass(frozen=True, slots=True, eq=False)
class GlobalAverage:
    """Sum of each channel over the frame, requantized.

    ``scaling``: what the requantization multiplies with.
    """

    name: str
    layer: str
    source: Element
    output: StreamType
    accumulator: IntegerType
    requantization: Requantization
    fifo_depth: int = 2
    scaling: Scaling = Scaling.MULTIPLIED

    @property
    def beat_edges(self) -> int:
        """Clock edges from a beat of the last pixel to the next."""
        return beat_edges(self.requantization, self.scaling)


@dataclass(frozen=True, slots=True, eq=False)
class FloatMean:
    """Mean over windows that do not overlap, by sums that round as those of float32 do.

    ``addends``: (2**bits,) what each code adds, by its bit pattern, in units of one power of two.
    They are added in raster order; after each addition the sum is rounded to 24 significant bits,
    ties to even.  ``requantization``: thresholds of the last sum, a row for each number of values
    that means are of.  ``sets``: (windows of a frame,) which row is that of each.
    There is no padding; rows and columns that are in no window are dropped.
    """

    name: str
    layer: str
    source: Element
    output: StreamType
    kernel: Kernel
    addends: IntArray
    accumulator: IntegerType
    requantization: ThresholdRequantization
    sets: IntArray
    fifo_depth: int = 2

    @property
    def input(self) -> StreamType:
        """Type of the stream it reads."""
        return self.source.output

    @property
    def addend(self) -> IntegerType:
        """Type of what a code adds."""
        return IntegerType.spanning(int(self.addends.min()), int(self.addends.max()))

    @property
    def sums(self) -> int:
        """Sums, of a beat each, that are under way at a time: those of a row of windows."""
        return self.output.shape.width * (self.output.shape.channels // self.output.lanes)
