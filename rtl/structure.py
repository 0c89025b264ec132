"""What a top entity consists of: ports, generics, signals, instances."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

Pairs = tuple[tuple[str, str], ...]
"""Formals and their actuals."""

CLOCKED: Pairs = (("clk", "aclk"), ("reset", "reset"))


@dataclass(frozen=True, slots=True)
class Stream:
    """The signals of a stream inside the top.

    ``lanes``: a VHDL expression, a generic of the top or a number; ``bits`` of each lane.
    ``ways``: readers behind a fork, each with its own bit of ready and valid; 0 elsewhere.
    """

    ready: str
    valid: str
    data: str
    lanes: str
    bits: int
    ways: int = 0

    def way(self, index: int) -> Stream:
        """Return the stream to one of the readers behind a fork."""
        return replace(self, ready=f"{self.ready}({index})", valid=f"{self.valid}({index})", ways=0)


@dataclass(frozen=True, slots=True)
class Port:
    """An AXI4-Stream port: ``name`` is the prefix, such as s_axis; ``tdata_width`` in bits."""

    name: str
    is_input: bool
    tdata_width: int


@dataclass(frozen=True, slots=True)
class Generic:
    """A generic of the top; ``subtype`` is positive or natural."""

    name: str
    default: int
    subtype: str
    comment: str


@dataclass(frozen=True, slots=True)
class Instance:
    """An instance of a library entity."""

    label: str
    entity: str
    comment: str
    generics: Pairs
    ports: Pairs


@dataclass(frozen=True, slots=True)
class Netlist:
    """Everything the top consists of.

    ``streams``: what each element sends, by element name; Reshape and Fork have the stream of their
    source, an Output has none.  ``signals``: all streams that are declared in the top.
    """

    name: str
    ports: tuple[Port, ...]
    generics: tuple[Generic, ...]
    streams: dict[str, Stream]
    signals: tuple[Stream, ...]
    instances: tuple[Instance, ...]

    def lanes(self, stream: Stream, overrides: Mapping[str, int]) -> int:
        """Return the lanes of ``stream`` when ``overrides`` replace generics of the top."""
        values = {generic.name: generic.default for generic in self.generics} | dict(overrides)
        return values[stream.lanes] if stream.lanes in values else int(stream.lanes)


def axis_ports(formal: str, actual: str) -> Pairs:
    """Return the ports of an AXI4-Stream: their prefixes in the entity and in the top."""
    signals = ("tready", "tvalid", "tlast", "tdata")
    return tuple((f"{formal}_{signal}", f"{actual}_{signal}") for signal in signals)


def stream_ports(side: str, stream: Stream) -> Pairs:
    """Return the ports of an inner stream, ``side`` the prefix in the entity."""
    return (
        (f"{side}_ready", stream.ready),
        (f"{side}_valid", stream.valid),
        (f"{side}_data", stream.data),
    )
