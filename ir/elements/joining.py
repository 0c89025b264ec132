"""Elements that read several streams."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ir.elements.streams import StreamType
from ir.numbers import IntArray, IntegerType
from ir.requantize import Requantization

if TYPE_CHECKING:
    from ir.elements import Element


@dataclass(frozen=True, slots=True, eq=False)
class Merge:
    """A weighted sum of two streams of one shape, value by value (Add, Subtract, Average).

    ``y = clamp((a * factors[0] + b * factors[1] + offset) >> shift, low, high)``, floor shift; with
    ``half_even`` the shift rounds to nearest, ties to even, and ``zero_point`` is added behind it.
    """

    name: str
    layer: str
    sources: tuple[Element, Element]
    output: StreamType
    factors: tuple[int, int]
    offset: int
    shift: int
    low: int
    high: int
    half_even: bool = False
    zero_point: int = 0
    fifo_depth: int = 2


@dataclass(frozen=True, slots=True, eq=False)
class Product:
    """A requantized product of two streams of one shape, value by value (Multiply).

    ``y = clamp(((a - zero_points[0]) * (b - zero_points[1]) * factor + offset) >> shift, low,
    high)``, floor shift; with ``half_even`` the shift rounds to nearest, ties to even.
    """

    name: str
    layer: str
    sources: tuple[Element, Element]
    output: StreamType
    zero_points: tuple[int, int]
    factor: int
    offset: int
    shift: int
    low: int
    high: int
    half_even: bool = False
    fifo_depth: int = 2

    @property
    def multipliers(self) -> int:
        """Products per cycle."""
        return self.output.lanes


@dataclass(frozen=True, slots=True, eq=False)
class Extremum:
    """The larger of two codes of one type, or with ``minimum`` the smaller, value by value."""

    name: str
    layer: str
    sources: tuple[Element, Element]
    output: StreamType
    minimum: bool
    fifo_depth: int = 2


@dataclass(frozen=True, slots=True, eq=False)
class PairLookup:
    """Any function of two codes as a table: ``y = table[pattern of a, pattern of b]``.

    ``table``: (2**bits of a, 2**bits of b) output codes, by the bit patterns of the codes.
    """

    name: str
    layer: str
    sources: tuple[Element, Element]
    output: StreamType
    table: IntArray
    fifo_depth: int = 2


@dataclass(frozen=True, slots=True, eq=False)
class DotProduct:
    """For each pixel of two streams of one shape the products of their channels, added.

    ``y = requantize(sum over the channels of (a - zero_points[0]) * (b - zero_points[1]))``.  The
    results of a row of pixels are the channels of one pixel, in one lane: operands (rows, columns,
    channels) make (1, rows, columns).  ``accumulator``: signed type of the sum.  ``simd`` channels
    are handled per cycle.  With one operand's rows and the other's columns repeated (Reorder), it
    multiplies matrices.
    """

    name: str
    layer: str
    sources: tuple[Element, Element]
    output: StreamType
    zero_points: tuple[int, int]
    accumulator: IntegerType
    requantization: Requantization
    simd: int = 1
    fifo_depth: int = 2

    @property
    def steps(self) -> int:
        """Cycles per pixel."""
        return self.sources[0].output.shape.channels // self.simd

    @property
    def macs(self) -> int:
        """Multiplications per frame."""
        return self.sources[0].output.shape.size

    @property
    def multipliers(self) -> int:
        """Products per cycle."""
        return self.simd


@dataclass(frozen=True, slots=True, eq=False)
class Concatenate:
    """Pixel by pixel the channels of one stream, then those of the next."""

    name: str
    layer: str
    sources: tuple[Element, ...]
    output: StreamType
    fifo_depth: int = 2


@dataclass(frozen=True, slots=True, eq=False)
class SideBySide:
    """What ``Concatenate`` sends, in beats of all channels, from beats of all channels.

    ``pixels``: of the map that are one pixel of the streams, whose channels are those of all of
    them, one pixel after the other.  ``fifo_depth``: beats of each source that are stored.
    """

    name: str
    layer: str
    sources: tuple[Element, ...]
    output: StreamType
    pixels: int = 1
    fifo_depth: int = 2
