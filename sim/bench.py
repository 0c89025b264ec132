"""A network's bench as data, and its text: a wrapper, an observed copy of the top, vectors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from ir.cycles import own_cycles
from ir.elements import Element, Input, Output, ProcessingElement, Reshape, Shape
from ir.errors import CompileError
from ir.graph import StreamGraph
from ir.numbers import IntArray
from rtl.netlist import axis_element_bits
from rtl.structure import Netlist
from sim.options import SimulationOptions
from sim.results import WatchedStream

FOLDER = Path(__file__).resolve().parent
VHDL_FOLDER = FOLDER / "vhdl"
LIBRARY_FILES = (
    "scoreboard_pkg.vhd",
    "stall_pkg.vhd",
    "stream_monitor.vhd",
    "axis_source.vhd",
    "axis_sink.vhd",
    "bench_control.vhd",
)
"""The hand-written part of the bench, library `millrace`, in compile order."""

LARGEST_SEED = 2_147_000_000
"""Seeds of ports wrap here: a VHDL integer holds the sum of one and the number of a phase."""


@dataclass(frozen=True, slots=True)
class BenchPort:
    """An AXI4-Stream port of the top and what drives or takes it."""

    name: str
    is_input: bool
    tdata_width: int
    beats: int
    vectors: str
    seed: int


class Role(Enum):
    """Where a stream is: at an input or output of the top, or inside."""

    INPUT = "input"
    OUTPUT = "output"
    INSIDE = "inside"


@dataclass(frozen=True, slots=True)
class BenchStream:
    """A monitored stream: its signals in the top (or, ``at_port``, in the bench), its lanes.

    ``name`` appears in messages; ``vectors``: path from the bench's folder; ``codes``: expected,
    (frames, height, width, channels).
    """

    name: str
    layer: str
    label: str
    ready: str
    valid: str
    last: str
    data: str
    lanes: int
    bits: int
    is_signed: bool
    shape: Shape
    role: Role
    vectors: str
    codes: IntArray

    @property
    def at_port(self) -> bool:
        """True if it is an AXI4-Stream, outside of the top."""
        return self.role is not Role.INSIDE

    @property
    def beats(self) -> int:
        """Beats of a frame."""
        return self.shape.size // self.lanes

    @property
    def watched(self) -> WatchedStream:
        """How it appears in the messages."""
        return WatchedStream(self.name, self.layer, self.lanes)


@dataclass(frozen=True, slots=True)
class Bench:
    """Everything that the templates print.

    ``cycles_per_frame``: about; those of the slowest element.
    """

    name: str
    top: str
    ports: tuple[BenchPort, ...]
    streams: tuple[BenchStream, ...]
    generics: tuple[tuple[str, int], ...]
    timed_frames: int
    stalled_frames: int
    reset_beats: int
    input_stall_percent: int
    output_stall_percent: int
    idle_limit: int
    longest_stall: int
    cycles_per_frame: int


def build_bench(
    graph: StreamGraph,
    netlist: Netlist,
    inputs: Mapping[str, IntArray],
    expected: Mapping[str, IntArray],
    options: SimulationOptions,
) -> Bench:
    """Return the bench of ``graph``.

    ``inputs``: by port name, ``expected``: by element name, codes of shape (frames, height,
    width, channels).  Elements without expected codes are not monitored; outputs need them.

    Raises:
        CompileError: the frames are missing or disagree, or a generic does not exist.
    """
    frames = _frames(graph, inputs, expected)
    known = {generic.name for generic in netlist.generics}
    for name in options.generics:
        if name not in known:
            raise CompileError(
                "simulate", graph.name, f"the top has no generic {name!r}", "see its entity"
            )
    elements = [_slowest(element, options) for element in graph]
    cycles = max(elements)
    # Where streams inside are not watched, nothing seems to move from the input to the output.
    quiet = cycles if all(e.name in expected for e in graph) else sum(elements)
    longest_stall = options.longest_stall or min(max(cycles // 2, 8), 1000)
    stalled = frames if options.stalled_frames is None else min(options.stalled_frames, frames)
    beats = graph.inputs[0].output.beats
    whole = 3 * beats // 2 if stalled > 1 else beats // 2
    return Bench(
        name=f"{graph.name}_tb",
        top=graph.name,
        ports=tuple(_ports(graph, netlist, options)),
        streams=tuple(_streams(graph, netlist, inputs, expected, options)),
        generics=tuple(sorted(options.generics.items())),
        timed_frames=min(options.timed_frames, frames),
        stalled_frames=stalled,
        reset_beats=max(whole, 1) if options.reset_in_frame and stalled else 0,
        input_stall_percent=options.input_stall_percent,
        output_stall_percent=options.output_stall_percent,
        idle_limit=2 * quiet + 4 * longest_stall + 1000,
        longest_stall=longest_stall,
        cycles_per_frame=cycles,
    )


def _slowest(element: Element, options: SimulationOptions) -> int:
    """Return the cycles per frame of ``element``; with another folding, those of the slowest."""
    if options.generics and isinstance(element, ProcessingElement):
        return max(own_cycles(element), element.macs, element.input.shape.size)
    return max(own_cycles(element), element.output.shape.size if options.generics else 0)


def _frames(
    graph: StreamGraph, inputs: Mapping[str, IntArray], expected: Mapping[str, IntArray]
) -> int:
    counts: set[int] = set()
    needed: list[tuple[Element, IntArray | None]] = [(i, inputs.get(i.port)) for i in graph.inputs]
    needed += [(o, expected.get(o.name)) for o in graph.outputs]
    needed += [(e, expected[e.name]) for e in graph if e.name in expected]
    for element, codes in needed:
        shape = element.output.shape
        if codes is None or codes.shape[1:] != (shape.height, shape.width, shape.channels):
            got = "none" if codes is None else f"frames of {codes.shape[1:]}"
            raise CompileError(
                "simulate",
                element.layer,
                f"its vectors must be frames of {shape}, not {got}",
                "give frames for every input and output",
            )
        counts.add(len(codes))
    if len(counts) != 1 or 0 in counts:
        raise CompileError(
            "simulate",
            graph.name,
            f"all vectors must have the same number of frames, at least 1, not {sorted(counts)}",
            "give as many frames of each",
        )
    return counts.pop()


def _ports(graph: StreamGraph, netlist: Netlist, options: SimulationOptions) -> Iterator[BenchPort]:
    elements: list[Input | Output] = [*graph.inputs, *graph.outputs]
    for index, (port, element) in enumerate(zip(netlist.ports, elements, strict=True)):
        seed = (options.seed * 1000 + 10 * index) % LARGEST_SEED
        vectors = port_vectors(port.name)
        beats = element.output.beats
        yield BenchPort(port.name, port.is_input, port.tdata_width, beats, vectors, seed)


def _streams(
    graph: StreamGraph,
    netlist: Netlist,
    inputs: Mapping[str, IntArray],
    expected: Mapping[str, IntArray],
    options: SimulationOptions,
) -> Iterator[BenchStream]:
    for element in graph:
        if isinstance(element, Input):
            yield _at_port(f"port {element.port}", element, inputs[element.port])
        if isinstance(element, Output):
            yield _at_port(element.name, element, expected[element.name])
        elif element.name in expected and not isinstance(element, Reshape):
            stream = netlist.streams[element.name]
            lanes = netlist.lanes(stream, options.generics)
            if element.output.shape.channels % lanes:
                raise CompileError(
                    "simulate",
                    element.layer,
                    f"its {element.output.shape.channels} channels must be a multiple of the "
                    f"lanes, not of {lanes}",
                    "choose another folding",
                )
            # An extended identifier cannot clash with a name of the top.
            label = f"\\monitor of {element.name}\\"
            yield BenchStream(
                element.name,
                element.layer,
                label,
                stream.ready,
                stream.valid,
                "",
                stream.data,
                lanes,
                stream.bits,
                element.output.number.signed,
                element.output.shape,
                Role.INSIDE,
                f"vectors/{element.name}.txt",
                expected[element.name],
            )


def port_vectors(port: str) -> str:
    """Return the path of a port's vectors; no element's name has a dot."""
    return f"vectors/{port}.axis.txt"


def _at_port(name: str, element: Input | Output, codes: IntArray) -> BenchStream:
    port = element.port
    return BenchStream(
        name,
        element.layer,
        "",
        f"{port}_tready",
        f"{port}_tvalid",
        f"{port}_tlast",
        f"{port}_tdata",
        element.output.lanes,
        axis_element_bits(element.output.number.bits),
        element.output.number.signed,
        element.output.shape,
        Role.INPUT if isinstance(element, Input) else Role.OUTPUT,
        port_vectors(port),
        codes,
    )


def print_bench(bench: Bench) -> str:
    """Return the bench's top entity."""
    template = environment().get_template("bench.vhd.j2")
    return template.render(bench=bench, library_files=LIBRARY_FILES)


@cache
def environment() -> Environment:
    """Return the templates of the benches."""
    return Environment(
        loader=FileSystemLoader(FOLDER / "templates"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # not HTML; all names are identifiers
    )
