"""Pools that stand alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ir.elements.streams import Kernel, Shape, StreamType
from ir.numbers import IntegerType
from ir.requantize import Requantization, ScaleRequantization

if TYPE_CHECKING:
    from ir.elements import Element


@dataclass(frozen=True, slots=True, eq=False)
class MaxPool:
    """Maximum over a window; padding never wins (ONNX MaxPool)."""

    name: str
    layer: str
    source: Element
    output: StreamType
    kernel: Kernel
    fifo_depth: int = 2


@dataclass(frozen=True, slots=True, eq=False)
class AveragePool:
    """Mean over a window of those values that lie inside of the map, requantized.

    The sum counts taps outside as ``pad_value``, the zero point.  ``requantization`` has parameters
    for each number of rows (slowest) and columns of a window that can lie inside, from 1 up to the
    kernel's: see ``window_counts``.  ``extra_rows``: as in a ProcessingElement.
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
    extra_rows: int = 0

    @property
    def input(self) -> StreamType:
        """Type of the stream it reads."""
        return self.source.output

    @property
    def window_positions(self) -> Shape:
        """Shape of what it sends."""
        return self.output.shape

    @property
    def simd(self) -> int:
        """Channels of one tap per cycle."""
        return self.output.lanes

    @property
    def folds(self) -> int:
        """Beats per pixel sent."""
        return self.output.shape.channels // self.output.lanes

    @property
    def steps(self) -> int:
        """Cycles per beat sent."""
        return self.kernel.taps


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
    """Sum of each channel over the frame, requantized."""

    name: str
    layer: str
    source: Element
    output: StreamType
    accumulator: IntegerType
    requantization: Requantization
    fifo_depth: int = 2
