"""How fast netlists are built and simulated: ``python -m tests.benchmark --netlist``.

Two parts: networks, in GHDL and as netlists in the same run; and how building grows with weights,
layers and folding.  All seconds are those of the tools on the processor, one core.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import zoo
from frontend.compiler import Compilation, CompileOptions, compile_model
from frontend.manifest import macs
from ir.elements import Shape
from ir.graph import StreamGraph
from ir.interpreter import evaluate
from ir.numbers import IntArray
from sim import SimulationOptions, SimulationResult, Stalls, simulate, simulate_netlist
from tests.stream_graphs import Chain

NETWORKS = ("digits_cnn", "pocket_2x")
GHDL_MACS = 400_000
"""Multiplications that GHDL does in some seconds: as many frames are simulated twice, to tell the
frames from the start."""
NETLIST_CYCLES = 1_000_000
"""Clock cycles to simulate, so that the program's start does not count."""
MOST_FRAMES = 2000

WEIGHTS = ((16, 8), (32, 32), (64, 64), (128, 256), (256, 512), (512, 768), (1024, 1024))
"""Inputs and outputs of one dense layer; 8 bits a weight."""
LAYERS = (1, 2, 4, 8, 16, 32)
FOLDINGS = (1, 4, 16, 64, 256, 1024)
"""Products per cycle, pe x simd, of one dense layer."""

Table = tuple[list[str], list[list[str]]]
"""Headings and rows."""


@dataclass(frozen=True, slots=True)
class Network:
    """A network in both simulators; seconds by frame, and those of building the program."""

    name: str
    macs: int
    cycles: int
    frames: int
    ghdl_seconds: float
    netlist: Mapping[str, float]

    @property
    def netlist_seconds(self) -> float:
        """Seconds of a frame in the netlist."""
        return self.netlist["run"] / self.frames

    def row(self) -> list[str]:
        """Return the cells of the table."""
        stages = (self.netlist[name] for name in ("synthesis", "verilator", "compiler", "run"))
        return [
            self.name,
            f"{self.macs:,}",
            f"{self.cycles:,}",
            f"{self.ghdl_seconds:.3g}",
            *(f"{seconds:.1f}" for seconds in stages),
            f"{self.frames}",
            f"{self.netlist_seconds:.2g}",
            f"{self.macs / self.netlist_seconds / 1e6:.0f}",
            f"{self.ghdl_seconds / self.netlist_seconds:,.0f}",
        ]


HEADINGS = [
    *("network", "MACs", "cycles", "GHDL, s per frame", "synthesis, s", "Verilator, s", "g++, s"),
    *("run, s", "frames", "s per frame", "million MAC/s", "times GHDL"),
]


def networks(sources: Sequence[tuple[str, Path]], folder: Path) -> Iterator[Network]:
    """Yield the figures of model files, by name."""
    for name, source in sources:
        compilation = compile_model(source, CompileOptions())
        yield measure(name, compilation, folder / name)


def measure(name: str, compilation: Compilation, folder: Path) -> Network:
    """Simulate the same frames in both; every stream and every frame's cycles are checked."""
    graph, golden = compilation.graph, compilation.golden
    products = macs(graph)
    cycles = compilation.cycles.cycles_per_frame
    frames = min(max(NETLIST_CYCLES // cycles, 2), MOST_FRAMES)
    chosen = {
        port: np.resize(x, (frames, *x.shape[1:])) for port, x in compilation.test.inputs.items()
    }
    inputs, outputs = golden.input_codes(chosen), golden.output_codes(chosen)
    expected = evaluate(graph, inputs) | {o.name: outputs[o.port] for o in graph.outputs}

    predicted = compilation.cycles.completions

    def run(simulator: str, count: int) -> Mapping[str, float]:
        place = folder / f"{simulator}{count}"
        result = unstalled(graph, inputs, expected, count, simulator, place)
        shared = min(count, len(predicted))
        assert result.completions[:shared] == predicted[:shared]
        return result.seconds

    more = min(GHDL_MACS // max(products, 1), 16)
    ghdl = run("ghdl", 1)["run"]
    if more:
        ghdl = (run("ghdl", 1 + more)["run"] - ghdl) / more
    return Network(name, products, cycles, frames, ghdl, run("netlist", frames))


def unstalled(
    graph: StreamGraph,
    inputs: Mapping[str, IntArray],
    expected: Mapping[str, IntArray],
    frames: int,
    simulator: str,
    folder: Path,
) -> SimulationResult:
    """Simulate the first ``frames`` frames without stalls, and require that they pass."""
    options = SimulationOptions(
        stalls=Stalls.NONE, timed_frames=frames, stalled_frames=0, reset_in_frame=False, jobs=1
    )
    first = {name: codes[:frames] for name, codes in inputs.items()}
    wanted = {name: codes[:frames] for name, codes in expected.items()}
    result = (simulate if simulator == "ghdl" else simulate_netlist)(
        graph, first, wanted, folder, options
    )
    assert result.passed, result.fault
    return result


def dense(inputs: int, outputs: int, pe: int = 1, simd: int = 1, layers: int = 1) -> StreamGraph:
    """Return a network of dense layers with random weights."""
    chain = Chain(Shape(1, 1, inputs), lanes=simd)
    for _ in range(layers):
        chain.dense(outputs, pe=pe, simd=simd)
    return chain.graph()


def growth(folder: Path) -> Iterator[tuple[str, Table]]:
    """Yield the tables of how building grows, by title."""
    headings = ["synthesis, s", "Verilator, s", "g++, s", "run, s"]
    headings += ["GHDL's analysis, s", "elaboration, s"]
    rows = [
        [f"{8 * n * m:,}", *_build(dense(n, m, pe=4, simd=4), folder / f"w{n}x{m}")]
        for n, m in WEIGHTS
    ]
    yield "Weights: a dense layer, 16 products per cycle", (["bits", *headings], rows)
    rows = [
        [f"{n}", *_build(dense(32, 32, pe=4, simd=4, layers=n), folder / f"l{n}")] for n in LAYERS
    ]
    yield "Layers: dense, 32 x 32, 16 products per cycle", (["layers", *headings], rows)
    rows = []
    for products in FOLDINGS:
        side = round(products**0.5)
        graph = dense(128, 128, pe=side, simd=side)
        rows.append([f"{products}", *_build(graph, folder / f"f{products}")])
    yield "Folding: a dense layer, 128 x 128", (["products per cycle", *headings], rows)


def _build(graph: StreamGraph, folder: Path) -> list[str]:
    """Return the seconds of the stages for a frame of ``graph``."""
    (port,) = graph.inputs
    shape = port.output.shape
    size = (1, shape.height, shape.width, shape.channels)
    inputs = {port.port: np.random.default_rng(1).integers(0, 256, size)}
    expected = evaluate(graph, inputs)
    seconds = unstalled(graph, inputs, expected, 1, "netlist", folder / "netlist").seconds
    stages = [seconds[name] for name in ("synthesis", "verilator", "compiler", "run")]
    # Without a frame to send, what is left is linking and elaboration.
    nothing = SimulationOptions(timed_frames=0, stalled_frames=0)
    in_ghdl = simulate(graph, inputs, expected, folder / "ghdl", nothing).seconds
    return [f"{value:.2f}" for value in (*stages, in_ghdl["analysis"], in_ghdl["run"])]


def tables(names: Sequence[str], files: Sequence[Path]) -> Iterator[tuple[str, Table]]:
    """Yield all tables by title: of the zoo's networks ``names``, of ``files`` where they exist."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        sources = [(name, folder / f"{name}.h5") for name in names or NETWORKS]
        for name, path in sources:
            zoo.save(name, path)
        sources += [(path.stem, path) for path in files if path.exists()]
        rows = [network.row() for network in networks(sources, folder)]
        yield "Whole networks, every stream compared", (HEADINGS, rows)
        yield from growth(folder)


def markdown(tables: Mapping[str, Table]) -> str:
    """Return the generated part of the page."""
    parts = []
    for title, (headings, rows) in tables.items():
        lines = [headings, ["---", *("---:" for _ in headings[1:])], *rows]
        text = "".join(f"| {' | '.join(line)} |\n" for line in lines)
        parts.append(f"\n### {title}\n\n{text}")
    return "".join(parts)
