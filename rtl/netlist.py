"""The top entity as data: ports, generics, signals and instances, ready to be printed.

Folding stays a set of generics: the lanes of every stream are a VHDL expression (one of those
generics, or a number), so a folding that is changed in VHDL reaches all the widths it concerns.
"""

from __future__ import annotations

from ir.elements import (
    AdderChain,
    Affine,
    AveragePool,
    Border,
    Concatenate,
    Consumer,
    DotProduct,
    Element,
    Extremum,
    Fifo,
    FloatMean,
    Fork,
    GlobalAverage,
    GlobalMaximum,
    Input,
    LayerNormalization,
    Lookup,
    MaxPool,
    Merge,
    Output,
    PairLookup,
    ProcessingElement,
    Product,
    Rectifier,
    Reorder,
    Reshape,
    SideBySide,
    Softmax,
    WidthConverter,
    sources,
)
from ir.graph import StreamGraph, readers
from ir.identifiers import Identifiers
from rtl.generics import Context, instance
from rtl.knobs import Knob, knobs
from rtl.structure import (
    CLOCKED,
    Generic,
    Instance,
    Netlist,
    Pairs,
    Port,
    Stream,
    axis_ports,
    stream_ports,
)

FACTOR_BITS = 25
"""Width of the wider factor of a DSP48E1."""

FACTOR_COMMENT = "Wider signed factor of a multiplier: 25 of 7-series, 27 of UltraScale, 18 of ECP5"


def build_netlist(graph: StreamGraph) -> Netlist:
    """Return the netlist of ``graph``.

    Raises:
        CompileError: an element has no entity for its form.
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
        self.readers = readers(graph)
        self.generics: list[Generic] = []
        self.knobs = {element.name: self._offer(element) for element in graph}
        self.factor_bits = self._offer_factor_bits()
        self.streams: dict[str, Stream] = {}
        self.forks: dict[int, Stream] = {}
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

    def _offer_factor_bits(self) -> str:
        """Make the part's multipliers a generic if any depend on it; return its name."""
        name = self.names.new("factor_bits")
        if any(isinstance(element, ProcessingElement) for element in self.graph):
            self.generics.append(Generic(name, FACTOR_BITS, "positive", FACTOR_COMMENT))
        return name

    def _instantiate(self, element: Element) -> None:
        ports: Pairs = () if isinstance(element, Fork) else CLOCKED
        output_lanes = str(element.output.lanes)
        if isinstance(element, Input):
            read: list[Stream] = []
            ports += axis_ports("s_axis", element.port)
        else:
            read = [self._adapted(source, element) for source in sources(element)]
            ports += _input_ports(element, read)
        if isinstance(element, Output):
            ports += axis_ports("m_axis", element.port)
        else:
            output_lanes = self._output_lanes(element)
            sent = self._stream(element, output_lanes)
            self.streams[element.name] = read[0] if isinstance(element, Fork) else sent
            ports += stream_ports("output", sent)
        context = Context(
            self.knobs[element.name],
            read[0].lanes if read else output_lanes,
            output_lanes,
            tables_package(self.graph, element),
            len(self.readers[id(element)]),
            self.factor_bits,
        )
        entity, generics = instance(element, context)
        label = self.labels[element.name]
        formals = tuple(generics.items())
        self.instances.append(Instance(label, entity, describe(element), formals, ports))

    def _adapted(self, sender: Element, element: Consumer) -> Stream:
        """Return the stream of ``sender`` to ``element``, converted to the lanes that it wants.

        The converter is wires while the two expressions have the same value.
        """
        if isinstance(sender, Fork):
            return self.forks[id(sender)].way(_index(self.readers[id(sender)], element))
        source = self.streams[sender.name]
        wanted = self._wanted_lanes(element, sender)
        if wanted is None or wanted == source.lanes:
            return source
        label = self.names.new(f"{element.name}_adapter")
        adapted = self._signals(label, wanted, source.bits)
        generics = (
            ("bits", str(source.bits)),
            ("input_lanes", source.lanes),
            ("output_lanes", wanted),
        )
        ports = CLOCKED + stream_ports("input", source) + stream_ports("output", adapted)
        comment = f"Wires, unless the folding in front of or in {element.name} is changed."
        self.instances.append(Instance(label, "width_converter", comment, generics, ports))
        return adapted

    def _wanted_lanes(self, element: Consumer, sender: Element) -> str | None:
        """Return the lanes of ``sender`` on which ``element`` insists, None if it takes any."""
        match element:
            case SideBySide():
                return str(sender.output.shape.channels)
            case ProcessingElement():
                own = self.knobs[element.name]
                if "taps" in own or element.reads is not None:
                    return str(element.input_lanes)
                return own.get("simd") or own.get("pe") or str(element.input_lanes)
            case AdderChain():
                return str(element.input_lanes)
            case MaxPool() | GlobalAverage() | Affine() | Lookup() | Rectifier():
                return self.knobs[element.name]["pe"]
            case Merge() | Product() | Extremum() | PairLookup() | Concatenate():
                return self.knobs[element.name]["pe"]
            case (
                Reorder()
                | Border()
                | GlobalMaximum()
                | Softmax()
                | LayerNormalization()
                | AveragePool()
                | FloatMean()
            ):
                return self.knobs[element.name]["pe"]
            case DotProduct():
                return self.knobs[element.name]["simd"]
            case Output():
                return str(element.output.lanes)
            case _:
                return None

    def _output_lanes(self, element: Element) -> str:
        """Return the expression for the lanes that ``element`` sends."""
        match element:
            case ProcessingElement(reads=None):
                own = self.knobs[element.name]
                return own.get("lanes") or own.get("pe") or str(element.output.lanes)
            case MaxPool() | GlobalAverage():
                return self.knobs[element.name]["pe"]
            case Affine() | Lookup() | Rectifier():
                return self.knobs[element.name]["pe"]
            case Merge() | Product() | Extremum() | PairLookup() | Concatenate() | Reorder():
                return self.knobs[element.name]["pe"]
            case Border() | GlobalMaximum() | AveragePool() | FloatMean():
                return self.knobs[element.name]["pe"]
            case Softmax() | LayerNormalization():
                return self.knobs[element.name]["pe"]
            case Fifo() | Fork():
                return self.streams[element.source.name].lanes
            case WidthConverter():
                return self._lanes_downstream(element) or str(element.output.lanes)
            case _:
                return str(element.output.lanes)

    def _lanes_downstream(self, element: Element) -> str | None:
        reader = self.readers[id(element)][0]
        if isinstance(reader, Fifo | Reshape):
            return self._lanes_downstream(reader)
        return self._wanted_lanes(reader, element)

    def _stream(self, element: Element, lanes: str) -> Stream:
        ways = len(self.readers[id(element)]) if isinstance(element, Fork) else 0
        stream = self._signals(element.name, lanes, element.output.number.bits, ways)
        if ways:
            self.forks[id(element)] = stream
        return stream

    def _signals(self, name: str, lanes: str, bits: int, ways: int = 0) -> Stream:
        ready, valid, data = (self.names.new(f"{name}_{s}") for s in ("ready", "valid", "data"))
        stream = Stream(ready, valid, data, lanes, bits, ways)
        self.signals.append(stream)
        return stream


def _index(readers: list[Consumer], element: Consumer) -> int:
    return next(index for index, reader in enumerate(readers) if reader is element)


def _input_ports(element: Consumer, read: list[Stream]) -> Pairs:
    match element:
        case Merge() | Product() | Extremum() | PairLookup() | DotProduct():
            first, second = read
            return stream_ports("input_a", first) + stream_ports("input_b", second)
        case Concatenate() | SideBySide():
            ready = tuple((f"input_ready({i})", stream.ready) for i, stream in enumerate(read))
            valid = tuple((f"input_valid({i})", stream.valid) for i, stream in enumerate(read))
            data = " & ".join(stream.data for stream in reversed(read))
            return (*ready, *valid, ("input_data", data))
        case _:
            (stream,) = read
            return stream_ports("input", stream)


def _port(name: str, is_input: bool, element: Input | Output) -> Port:
    width = element.output.lanes * axis_element_bits(element.output.number.bits)
    return Port(name, is_input, width)


def axis_element_bits(bits: int) -> int:
    """Return the bits that a value of ``bits`` takes on AXI4-Stream: 8, 16 or 32."""
    return 8 if bits <= 8 else 16 if bits <= 16 else 32


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
