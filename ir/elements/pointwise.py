"""Elements that work on each value or pixel alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ir.elements.streams import StreamType
from ir.numbers import IntArray
from ir.requantize import Requantization

if TYPE_CHECKING:
    from ir.elements import Element


@dataclass(frozen=True, slots=True, eq=False)
class Affine:
    """A factor and a summand per channel (a BatchNormalization that could not be folded)."""

    name: str
    layer: str
    source: Element
    output: StreamType
    requantization: Requantization
    fifo_depth: int = 2


@dataclass(frozen=True, slots=True, eq=False)
class Lookup:
    """A unary function as a table: (2**bits,) output codes by the input's bit pattern.

    A table for each channel is (channels, 2**bits).
    """

    name: str
    layer: str
    source: Element
    output: StreamType
    table: IntArray
    fifo_depth: int = 2


@dataclass(frozen=True, slots=True, eq=False)
class Rectifier:
    """Two lines that meet at a code, for each channel or value (a PReLU).

    ``y = clamp((x * multipliers[side, n] + offsets[side, n]) >> shift, low, high)``, floor shift;
    side is 1 where ``x >= knee``, else 0.  ``multipliers``, ``offsets``: (2, n), n counting the
    channels, or all values of a frame in the stream's order.
    """

    name: str
    layer: str
    source: Element
    output: StreamType
    knee: int
    multipliers: IntArray
    offsets: IntArray
    shift: int
    low: int
    high: int
    fifo_depth: int = 2


@dataclass(frozen=True, slots=True, eq=False)
class ArgMax:
    """Index of the first maximum over the channels of each pixel."""

    name: str
    layer: str
    source: Element
    output: StreamType
    fifo_depth: int = 2
