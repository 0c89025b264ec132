"""Elements that pass streams on unchanged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ir.elements.streams import StreamType

if TYPE_CHECKING:
    from ir.elements import Element


@dataclass(frozen=True, slots=True, eq=False)
class Input:
    """The core's AXI4-Stream input; ``output`` carries the quantized tensor.

    ``pad_value`` completes a frame that an early ``tlast`` cut short (the zero point).
    ``buffered``: beats go through a FIFO, which cuts all paths.
    """

    name: str
    layer: str
    port: str
    output: StreamType
    pad_value: int
    buffered: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class Reshape:
    """A stream seen with another shape; the order of values stays, so it is wires only."""

    name: str
    layer: str
    source: Element
    output: StreamType


@dataclass(frozen=True, slots=True, eq=False)
class WidthConverter:
    """Changes the lanes of a stream; one side divides the other."""

    name: str
    layer: str
    source: Element
    output: StreamType


@dataclass(frozen=True, slots=True, eq=False)
class Fifo:
    """A buffer of ``depth`` beats."""

    name: str
    layer: str
    source: Element
    output: StreamType
    depth: int


@dataclass(frozen=True, slots=True, eq=False)
class Fork:
    """Sends every beat to each of its readers, all of which are Fifos.

    A beat passes when every reader is ready; the depths of the Fifos decide how far the branches
    may run apart.
    """

    name: str
    layer: str
    source: Element
    output: StreamType


@dataclass(frozen=True, slots=True, eq=False)
class Output:
    """The core's AXI4-Stream output; ``buffered``: beats go through a FIFO of its own."""

    name: str
    layer: str
    source: Element
    output: StreamType
    port: str
    buffered: bool = True
