"""The top entity as data: ports, generics, signals and instances, ready to be printed.

Folding stays a set of generics: the lanes of every stream are a VHDL expression (one of those
generics, or a number), so a folding that is changed in VHDL reaches all the widths it concerns.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ir.elements import (
    Affine,
    Consumer,
    Element,
    Fifo,
    GlobalAverage,
    Input,
    Lookup,
    MaxPool,
    Output,
    ProcessingElement,
    Reshape,
    WidthConverter,
    sources,
)
from ir.errors import CompileError
from ir.graph import StreamGraph
from ir.identifiers import Identifiers
from rtl.generics import Context, instance
from rtl.knobs import Knob, knobs

Pairs = tuple[tuple[str, str], ...]
"""Formals and their actuals."""


@dataclass(frozen=True, slots=True)
class Stream:
    """The signals of a stream inside the top.

    ``lanes``: a VHDL expression, a generic of the top or a number; ``bits`` of each lane.
    """

    ready: str
    valid: str
    data: str
    lanes: str
    bits: int


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

    ``streams``: what each element sends, by element name; a Reshape has the stream of its source,
    an Output has none.  ``signals``: all streams that are declared in the top.
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


def build_netlist(graph: StreamGraph) -> Netlist:
    """Return the netlist of ``graph``.

    Raises:
        CompileError: a stream has several readers, or an element has no entity for its form.
    """
    return _Builder(graph).build()


class _Builder:
    """Hands out the names of one top and collects its parts."""

    def __init__(self, graph: StreamGraph) -> None:
        self.graph = graph
        self.ports = [_port(i.port, True, i) for i in graph.inputs]
        self.ports += [_port(o.port, False, o) for o in graph.outputs]
        signals = ("tready", "tvalid", "tlast", "tdata")
        axis = (f"{port.name}_{signal}" for port in self.ports for signal in signals)
        self.names = Identifiers(frozenset((*axis, graph.name)))
        self.labels = {element.name: self.names.new(element.name) for element in graph}
        self.readers = _readers(graph)
        self.generics: list[Generic] = []
        self.knobs = {element.name: self._offer(element) for element in graph}
        self.streams: dict[str, Stream] = {}
        self.signals: list[Stream] = []
        self.instances: list[Instance] = []

    def build(self) -> Netlist:
        for element in self.graph:
            if isinstance(element, Reshape):
                self.streams[element.name] = self.streams[element.source.name]
            else:
                self._instantiate(element)
        return Netlist(
            self.graph.name,
            tuple(self.ports),
            tuple(self.generics),
            self.streams,
            tuple(self.signals),
            tuple(self.instances),
        )

    def _offer(self, element: Element) -> dict[str, str]:
        """Make the knobs of ``element`` generics of the top; return their names by suffix."""

        def offer(knob: Knob) -> str:
            name = self.names.new(f"{element.name}_{knob.suffix}")
            self.generics.append(Generic(name, knob.default, knob.subtype, knob.comment))
            return name

        return {knob.suffix: offer(knob) for knob in knobs(element)}

    def _instantiate(self, element: Element) -> None:
        ports: Pairs = (("clk", "aclk"), ("reset", "reset"))
        input_lanes = output_lanes = str(element.output.lanes)
        if isinstance(element, Input):
            ports += _axis_ports("s_axis", element.port)
        else:
            source = self._adapted_source(element)
            input_lanes = source.lanes
            ports += _stream_ports("input", source)
        if isinstance(element, Output):
            ports += _axis_ports("m_axis", element.port)
        else:
            output_lanes = self._output_lanes(element)
            bits = element.output.number.bits
            self.streams[element.name] = self._stream(element.name, output_lanes, bits)
            ports += _stream_ports("output", self.streams[element.name])
        package = tables_package(self.graph, element)
        context = Context(self.knobs[element.name], input_lanes, output_lanes, package)
        entity, generics = instance(element, context)
        label = self.labels[element.name]
        formals = tuple(generics.items())
        self.instances.append(Instance(label, entity, describe(element), formals, ports))

    def _adapted_source(self, element: Consumer) -> Stream:
        """Return the stream that ``element`` reads, converted if its lanes are another expression.

        The converter is wires while the two expressions have the same value.
        """
        (sender,) = sources(element)
        source = self.streams[sender.name]
        wanted = self._wanted_lanes(element)
        if wanted is None or wanted == source.lanes:
            return source
        label = self.names.new(f"{element.name}_adapter")
        adapted = self._stream(label, wanted, source.bits)
        generics = (
            ("bits", str(source.bits)),
            ("input_lanes", source.lanes),
            ("output_lanes", wanted),
        )
        ports: Pairs = (("clk", "aclk"), ("reset", "reset"))
        ports += _stream_ports("input", source) + _stream_ports("output", adapted)
        comment = f"Wires, unless the folding in front of or in {element.name} is changed."
        self.instances.append(Instance(label, "width_converter", comment, generics, ports))
        return adapted

    def _wanted_lanes(self, element: Consumer) -> str | None:
        """Return the lanes that ``element`` insists on reading, None if it takes any."""
        match element:
            case ProcessingElement():
                return self.knobs[element.name]["simd"]
            case MaxPool() | GlobalAverage() | Affine() | Lookup():
                return self.knobs[element.name]["pe"]
            case Output():
                return str(element.output.lanes)
            case _:
                return None

    def _output_lanes(self, element: Element) -> str:
        """Return the expression for the lanes that ``element`` sends."""
        match element:
            case ProcessingElement() | MaxPool() | GlobalAverage() | Affine() | Lookup():
                return self.knobs[element.name]["pe"]
            case Fifo():
                return self.streams[element.source.name].lanes
            case WidthConverter():
                return self._lanes_downstream(element) or str(element.output.lanes)
            case _:
                return str(element.output.lanes)

    def _lanes_downstream(self, element: Element) -> str | None:
        reader = self.readers[id(element)]
        if isinstance(reader, Fifo | Reshape):
            return self._lanes_downstream(reader)
        return self._wanted_lanes(reader)

    def _stream(self, name: str, lanes: str, bits: int) -> Stream:
        ready, valid, data = (self.names.new(f"{name}_{s}") for s in ("ready", "valid", "data"))
        stream = Stream(ready, valid, data, lanes, bits)
        self.signals.append(stream)
        return stream


def _readers(graph: StreamGraph) -> dict[int, Consumer]:
    readers: dict[int, Consumer] = {}
    for element in graph:
        for source in sources(element):
            if id(source) in readers:
                raise CompileError(
                    "print",
                    source.layer,
                    "its stream must have one reader, not several",
                    "split the model where it branches",
                )
            assert not isinstance(element, Input)
            readers[id(source)] = element
    return readers


def _port(name: str, is_input: bool, element: Input | Output) -> Port:
    width = element.output.lanes * axis_element_bits(element.output.number.bits)
    return Port(name, is_input, width)


def axis_element_bits(bits: int) -> int:
    """Return the bits that a value of ``bits`` takes on AXI4-Stream: 8, 16 or 32."""
    return 8 if bits <= 8 else 16 if bits <= 16 else 32


def _axis_ports(formal: str, actual: str) -> Pairs:
    signals = ("tready", "tvalid", "tlast", "tdata")
    return tuple((f"{formal}_{signal}", f"{actual}_{signal}") for signal in signals)


def _stream_ports(side: str, stream: Stream) -> Pairs:
    return (
        (f"{side}_ready", stream.ready),
        (f"{side}_valid", stream.valid),
        (f"{side}_data", stream.data),
    )


def tables_package(graph: StreamGraph, element: Element) -> str:
    """Return the name of the package that holds the constant tables of ``element``."""
    return f"{graph.name}_{element.name}_tables"


MAXIMUM_COMMENT = 80


def describe(element: Element) -> str:
    """Return one line of printable ASCII that says where ``element`` comes from.

    Layer names are untrusted: all else is escaped, and the text in front keeps a name from being
    read as a directive, such as ``synthesis translate_off``.
    """
    layer = element.layer.encode("unicode_escape").decode("ascii")
    layer = layer.replace('"', '\\"').replace("--", "-\\x2d")
    if len(layer) > MAXIMUM_COMMENT:
        layer = f"{layer[:MAXIMUM_COMMENT]}..."
    return f'Layer "{layer}": {element.output.shape} of {element.output.number}'
