"""Layers in a row, each of them formed in one cycle, as a single pipeline of adders."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ir.datapath import Datapath
from ir.elements.processing import ProcessingElement
from ir.elements.streams import StreamType

if TYPE_CHECKING:
    from ir.elements import Element


@dataclass(frozen=True, slots=True, eq=False)
class AdderChain:
    """``layers``, the first one first, with nothing between them but registers where these fall.

    Each layer reads all channels of a pixel at a time and has adders for multipliers; what it reads
    is what the one before sends, whatever its ``source`` says.  ``adder_levels`` of them stand in a
    row between registers.  ``datapath``: all of their operations, None before they are found.
    """

    name: str
    layer: str
    source: Element
    output: StreamType
    layers: tuple[ProcessingElement, ...]
    adder_levels: int
    datapath: Datapath | None = None
    fifo_depth: int = 2

    @property
    def input(self) -> StreamType:
        """Type of the stream it reads."""
        return self.source.output

    @property
    def input_lanes(self) -> int:
        """Channels per beat that it reads: all of a pixel."""
        return self.layers[0].input_lanes

    @property
    def macs(self) -> int:
        """Multiplications per frame that its adders stand for."""
        return sum(layer.macs for layer in self.layers)

    @property
    def edges(self) -> int:
        """From taking a beat to the push into the FIFO, which is the last register.

        Raises:
            ValueError: its adders are not found yet.
        """
        if self.datapath is None:
            raise ValueError(f"{self.name} has no datapath yet")
        return self.datapath.stages
