"""Whole networks beside what a peer needs for them: ``python -m tests.peer_networks``.

The networks are pocket-cnn's, drawn with seeded weights, 8 bits.  Both sides are counted alike:
GHDL's synthesis, then yosys ``synth_xilinx -family xc7 -flatten``, LUT1 to LUT6 before place and
route; LUTs that are memory or shift registers stand beside them.  Cycles are those of a
simulation, which fails unless every value is right.  ``--write`` puts table and plot into docs.
"""

from __future__ import annotations

import argparse
import math
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import zoo
import zoo.graphs
from frontend.compiler import CompileOptions, compile_model
from frontend.goal import goal
from frontend.manifest import macs
from ir.cycles import predict
from ir.elements import DotProduct, ProcessingElement, Product
from ir.goal import Goal
from ir.graph import StreamGraph
from ir.interpreter import evaluate
from ir.resources import Resources, estimate
from rewrite.stream import schedule
from rtl import write_vhdl
from sim import SimulationOptions, SimulationResult, simulate, simulate_netlist
from sim.resources import count_cells, resources
from sim.synthesis import synthesize
from tests.peer_plot import plot
from tests.peers import provenance, with_figures

PAGE = Path(__file__).parent.parent / "docs" / "networks.md"
PLOT = PAGE.with_suffix(".svg")

FRAMES = 3
"""Simulated for each row: the interval is that between the last two."""

GHDL_PRODUCTS = 120_000
"""As many GHDL forms in a second or two; less than compiling the netlist takes."""

PART = "xc7z020"
"""Where only the cycles are given, the cheapest folding in parts of this FPGA is taken."""


MEMORY_LUTS = 1.25
"""A budget of LUTs includes those that are memory, of which nothing is recorded for the peer."""


@dataclass(frozen=True, slots=True)
class Peer:
    """What pocket-cnn needs for a network.

    ``cycles`` per frame, None if it hangs; ``resources`` is None where only the number of its
    ``multipliers`` is recorded.
    """

    folding: str
    cycles: int | None
    multipliers: int
    resources: Resources | None

    @property
    def goals(self) -> dict[str, Goal]:
        """Return what ours are folded to: as fast as this one, and as fast as its cells allow."""
        found = {}
        if self.cycles is not None:
            found["ours, at its rate"] = goal(cycles=self.cycles, part=PART, use=1.0)
        if self.resources is not None:
            luts = math.ceil(self.resources.lut * MEMORY_LUTS)
            limits = f"dsp={self.resources.dsp},lut={luts}"
            found["ours, within its DSPs and LUTs"] = goal(budget=limits)
        return found


def _counted(lut: int, ff: int, dsp: int, bram18: int = 0) -> Resources:
    return Resources(lut=lut, ff=ff, dsp=dsp, bram18=bram18)


SERIAL, PARALLEL = "pocket-cnn", "pocket-cnn, input channels parallel"

NETWORKS: dict[str, tuple[Peer, ...]] = {
    "pocket_baseline": (Peer(SERIAL, 356, 10, _counted(503, 1120, 10)),),
    "pocket_2x": (
        Peer(SERIAL, 6974, 20, _counted(1726, 2962, 20)),
        Peer(PARALLEL, 2776, 129, _counted(7281, 9213, 129)),
    ),
    "pocket_4x3x1_1x1": (
        Peer(SERIAL, 7356, 37, _counted(2464, 3946, 37)),
        Peer(PARALLEL, 2456, 293, _counted(12908, 16540, 293)),
    ),
    "pocket_lenet": (
        Peer(SERIAL, 2349032, 20, _counted(2837, 5607, 22, 15)),
        Peer(PARALLEL, 110372, 489, None),
    ),
    "pocket_mt": (Peer(SERIAL, None, 20, _counted(2044, 3754, 22, 3)),),
}
"""pocket-cnn's networks in the zoo, with its figures (the same tools, yosys 0.23 for xc7)."""


@dataclass(frozen=True, slots=True)
class Row:
    """A folding of a network: simulated cycles, products that can be done in one, cells.

    ``bottleneck``: cycles per frame of the slowest element.  ``estimated``: before synthesis.
    """

    folding: str
    cycles: int | None
    latency: int | None
    multipliers: int
    resources: Resources | None
    bottleneck: int | None = None
    estimated: Resources | None = None

    @property
    def frames_per_multiplier(self) -> float | None:
        """Frames in a million cycles for each DSP block, or each multiplier if that is all."""
        if self.cycles is None:
            return None
        blocks = self.multipliers if self.resources is None else self.resources.dsp
        return 1e6 / self.cycles / blocks


def measured(folding: str, graph: StreamGraph, folder: Path) -> Row:
    """Simulate the netlist of a folded and buffered ``graph``, and count its cells."""
    result = simulated(graph, FRAMES, folder)
    files = write_vhdl(graph, folder / "vhdl")
    top = files[-1].stem
    cells = count_cells([synthesize(top, files)], top)[0]
    parts = (e for e in graph if isinstance(e, ProcessingElement | Product | DotProduct))
    return Row(
        folding,
        result.cycles_per_frame,
        result.latency_cycles,
        sum(element.multipliers for element in parts),
        resources(cells),
        predict(graph).lower_bound,
        sum(map(estimate, graph), Resources()).rounded(),
    )


def simulated(graph: StreamGraph, frames: int, folder: Path) -> SimulationResult:
    """Simulate random frames without stalls; the interpreter knows the outputs.

    What is small is simulated in GHDL, which begins at once, the rest as the netlist.

    Raises:
        ValueError: a value is wrong.
    """
    random = np.random.default_rng(1)
    inputs = {}
    for source in graph.inputs:
        number, shape = source.output.number, source.output.shape
        size = (frames, shape.height, shape.width, shape.channels)
        inputs[source.port] = random.integers(number.minimum, number.maximum + 1, size)
    codes = evaluate(graph, inputs)
    wanted = {output.name: codes[output.name] for output in graph.outputs}
    options = SimulationOptions.unstalled(frames)
    run = simulate if macs(graph) * frames <= GHDL_PRODUCTS else simulate_netlist
    result = run(graph, inputs, wanted, folder, options)
    if result.fault is not None:
        raise ValueError(f"{graph.name}: {result.fault}")
    return result


def rows(name: str) -> Iterator[Row]:
    """Yield the peer's figures, each with ours behind it."""
    with tempfile.TemporaryDirectory() as scratch:
        source = Path(scratch) / f"{name}.h5"
        zoo.save(name, source)
        lowered = compile_model(source, CompileOptions()).lowered.graph
        for number, peer in enumerate(NETWORKS[name]):
            yield Row(peer.folding, peer.cycles, None, peer.multipliers, peer.resources)
            for folding, wanted in peer.goals.items():
                print(f"{name}: {folding} ...", file=sys.stderr, flush=True)
                graph = schedule(lowered, wanted)
                yield measured(folding, graph, Path(scratch) / f"{number} {folding}")


HEADINGS = [
    *("", "cycles per frame", "slowest element", "latency", "products per cycle", "LUT"),
    *("estimated", "LUT as memory", "FF", "DSP", "RAMB18", "frames per DSP, times the peer's"),
]


def table(name: str, found: Sequence[Row]) -> str:
    """Return the section of a network in Markdown."""
    lines = [HEADINGS, ["---", *("---:" for _ in HEADINGS[1:])]]
    peer = found[0]
    for row in found:
        peer = row if row.bottleneck is None else peer
        lines.append(_cells(row, peer))
    products = zoo.graphs.macs(zoo.networks()[name].network)
    text = "".join(f"| {' | '.join(line)} |\n" for line in lines)
    return f"\n## {name}: {products:,} products\n\n{text}"


def _cells(row: Row, peer: Row) -> list[str]:
    ours, theirs = row.frames_per_multiplier, peer.frames_per_multiplier
    cells = row.resources
    return [
        row.folding,
        "hangs" if row.cycles is None else f"{row.cycles:,}",
        _number(row.bottleneck),
        _number(row.latency),
        _number(row.multipliers),
        _number(None if cells is None else cells.lut),
        _number(None if row.estimated is None else row.estimated.lut),
        _number(None if row is peer or cells is None else cells.lut_memory),
        _number(None if cells is None else cells.ff),
        _number(None if cells is None else cells.dsp),
        _number(None if cells is None else cells.bram18),
        "" if row is peer or not ours or not theirs else f"{ours / theirs:.1f}",
    ]


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:,.0f}"


def markdown(found: Mapping[str, Sequence[Row]]) -> str:
    """Return the generated part of the page."""
    sections = (table(name, found[name]) for name in found)
    return f"{provenance()}\n\n![LUTs against cycles per frame]({PLOT.name})\n{''.join(sections)}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print and, if asked, write page and plot."""
    parser = argparse.ArgumentParser(prog="python -m tests.peer_networks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NETWORK", help=f"of {', '.join(NETWORKS)}")
    parser.add_argument("--write", action="store_true", help=f"bring {PAGE.name} up to date")
    options = parser.parse_args(arguments)
    unknown = sorted(set(options.names) - NETWORKS.keys())
    if unknown:
        parser.error(f"no network of pocket-cnn: {', '.join(unknown)}")
    if options.write and options.names:
        parser.error("--write takes all of them")
    found: dict[str, list[Row]] = {}
    for name in options.names or NETWORKS:
        found[name] = list(rows(name))
        print(table(name, found[name]), flush=True)
    if options.write:
        PAGE.write_text(with_figures(PAGE.read_text("utf-8"), markdown(found)), "utf-8")
        PLOT.write_text(plot(points(found)), "utf-8")
    return 0


def points(found: Mapping[str, Sequence[Row]]) -> dict[str, dict[str, list[tuple[int, float]]]]:
    """Return (cycles per frame, LUTs) of both sides for each network where both have some."""
    drawn: dict[str, dict[str, list[tuple[int, float]]]] = {}
    for name, every in found.items():
        sides: dict[str, list[tuple[int, float]]] = {"pocket-cnn": [], "ours": []}
        for row in every:
            if row.cycles is not None and row.resources is not None:
                side = "pocket-cnn" if row.bottleneck is None else "ours"
                sides[side].append((row.cycles, row.resources.lut))
        if all(sides.values()):
            drawn[name] = sides
    return drawn


if __name__ == "__main__":
    sys.exit(main())
