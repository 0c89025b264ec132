"""Two small networks, folded from a frame per cycle to a multiplier for each layer.

``python -m tests.folding_line`` compiles the zoo's 64-32-10 and 16-64-32-32-5, folds them for the
cycles of ``POINTS``, synthesizes each whole top (GHDL, then yosys ``synth_xilinx -family xc7
-flatten``) and prints a table beside what peers need for networks of these shapes, and beside what
da4ml's own flow makes of the very same integers (``tests/da4ml_flow.py``); ``--write`` puts it into
docs/peers.md and draws docs/folding_line.svg.  Counts are kept by content; points that are not
counted yet take from half a minute to half an hour, so ``--kept`` leaves them out.
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

from frontend.compiler import CompileOptions, compile_model
from frontend.powers_of_two import PowersOfTwo
from frontend.quantize import QuantizeOptions
from ir.cycles import predict
from ir.goal import Goal
from ir.graph import StreamGraph
from ir.resources import Resources
from rewrite.stream import schedule
from rtl.printer import write_vhdl
from sim.resources import count_cells, resources
from sim.synthesis import synthesize
from tests.da4ml_flow import count, designed
from tests.line_plot import line_plot
from tests.peers import PAGE, provenance, with_figures
from zoo import digits, jets

MODELS = Path(__file__).parent.parent / "zoo" / "models"
DRAWING = PAGE.with_name("folding_line.svg")
SECTION = "folding line"


@dataclass(frozen=True, slots=True)
class Point:
    """A folding: at most ``cycles`` per frame, within ``lut`` and ``dsp``.

    ``scales``: which requantizations are shifts where possible.
    """

    network: str
    cycles: int
    scales: PowersOfTwo = PowersOfTwo.NONE
    lut: float = math.inf
    dsp: float = math.inf
    adder_levels: int = 1


@dataclass(frozen=True, slots=True)
class Peer:
    """What a peer needs; ``cycles`` per frame; ``latency``: of those that overlap frames."""

    name: str
    cycles: int
    resources: Resources
    latency: int | None = None


@dataclass(frozen=True, slots=True)
class Measured:
    """A folding as it was synthesized: ``cycles`` per frame, ``latency`` to its last beat."""

    point: Point
    cycles: int
    latency: int
    resources: Resources


PAIRED = "da4ml, the same integers"

NETWORKS = {"digits_mlp": "64-32-10", "jet_mlp": "16-64-32-32-5"}

PEERS: dict[str, tuple[Peer, ...]] = {
    "digits_mlp": (
        Peer("da4ml, other weights", 1, Resources(lut=28492, ff=5418), 5),
        Peer("NNgen", 1529, Resources(lut=6173, ff=8038, dsp=8, bram18=8)),
        Peer("ElasticAI", 2411, Resources(lut=261, dsp=2)),
    ),
    "jet_mlp": (
        Peer("da4ml, other weights", 1, Resources(lut=43204, ff=10612), 8),
        Peer("NNgen", 3057, Resources(lut=6281, ff=8136, dsp=8, bram18=8)),
        Peer("ElasticAI", 4390, Resources(lut=520, dsp=4)),
    ),
}
"""Recorded figures, counted in the same way."""


def points() -> Iterator[Point]:
    """Yield the foldings of the line, the small ones first."""
    for cycles in (2048, 512, 128, 32, 8):
        for network in NETWORKS:
            yield Point(network, cycles, PowersOfTwo.LAYER)
    for network in NETWORKS:
        yield Point(network, 2048)
    for network, peers in PEERS.items():
        # With DSPs, less than half of what da4ml needs; estimates are a few percent off.
        half = 0.45 * peers[0].resources.lut
        yield Point(network, 1, PowersOfTwo.LAYER, lut=half)
        yield Point(network, 1, PowersOfTwo.LAYER, dsp=0)
    for network in NETWORKS:
        yield Point(network, 1, PowersOfTwo.LAYER, dsp=0, adder_levels=5)
        yield Point(network, 1, dsp=0)


def lowered(network: str, scales: PowersOfTwo, folder: Path) -> StreamGraph:
    """Return the stream graph of a network of the zoo, quantized with its own training data."""
    split = digits.load_flat() if network == "digits_mlp" else jets.load()
    np.savez(folder / "calibration.npz", x=split.train_x, y=split.train_y)
    options = CompileOptions(
        calibration=folder / "calibration.npz",
        quantization=QuantizeOptions(powers_of_two=scales),
        goal=Goal(1 << 14),
    )
    return compile_model(MODELS / f"{network}.h5", options).lowered.graph


def folded(point: Point, graph: StreamGraph) -> StreamGraph:
    """Return ``graph`` folded as ``point`` says."""
    limits = (point.lut, math.inf, point.dsp, math.inf, math.inf)
    return schedule(graph, Goal(point.cycles, limits=limits, adder_levels=point.adder_levels))


def netlist(graph: StreamGraph) -> str:
    """Return GHDL's netlist of the whole top."""
    with tempfile.TemporaryDirectory() as folder:
        return synthesize(graph.name, write_vhdl(graph, Path(folder)))


def measure(wanted: Sequence[Point], *, kept: bool = False) -> Iterator[Measured]:
    """Yield what each point takes; with ``kept`` only those that were counted before."""
    graphs: dict[tuple[str, PowersOfTwo], StreamGraph] = {}
    for point in wanted:
        key = point.network, point.scales
        if key not in graphs:
            with tempfile.TemporaryDirectory() as folder:
                graphs[key] = lowered(*key, Path(folder))
        graph = folded(point, graphs[key])
        counts = count_cells([netlist(graph)], graph.name, kept_only=kept)
        if counts:
            cycles = predict(graph)
            yield Measured(
                point, cycles.cycles_per_frame, cycles.completions[0], resources(counts[0])
            )


def paired(network: str, *, kept: bool = False) -> Iterator[Peer]:
    """Yield what da4ml's own flow takes for the very integers of our network.

    With ``kept`` only if it was counted before.
    """
    with tempfile.TemporaryDirectory() as folder:
        design = designed(lowered(network, PowersOfTwo.LAYER, Path(folder)))
    counted = count(design, kept_only=kept)
    if counted is not None:
        yield Peer(PAIRED, 1, counted, design.latency)


def table(network: str, measured: Sequence[Measured], peers: Sequence[Peer]) -> str:
    """Return the table of a network in Markdown, the fastest first."""
    rows = [
        f"| {NETWORKS[network]} | cycles per frame | latency | LUT | FF | DSP | RAMB18 |",
        "|---|---|---|---|---|---|---|",
    ]
    own = sorted(
        (m for m in measured if m.point.network == network),
        key=lambda m: (m.cycles, m.latency, m.point.scales),
    )
    found = [(m.cycles, 0, _own_row(m)) for m in own]
    found += [(peer.cycles, 1, _peer_row(peer)) for peer in peers]
    return "\n".join([*rows, *(row for *_, row in sorted(found, key=lambda f: f[:2]))]) + "\n"


def _own_row(measured: Measured) -> str:
    point = measured.point
    what = "ours" if point.scales == PowersOfTwo.NONE else "ours, powers of two"
    if point.cycles == 1:
        what += ", adders only" if point.dsp == 0 else ", with DSPs"
        what += f", {point.adder_levels} levels a stage" if point.adder_levels > 1 else ""
    return _row(what, measured.cycles, f"{measured.latency:,}", measured.resources)


def _peer_row(peer: Peer) -> str:
    latency = "" if peer.latency is None else f"{peer.latency:,}"
    return _row(f"**{peer.name}**", peer.cycles, latency, peer.resources)


def _row(what: str, cycles: int, latency: str, taken: Resources) -> str:
    memory = f" + {taken.lut_memory:,.0f}" if taken.lut_memory else ""
    ff = f"{taken.ff:,.0f}" if taken.ff else ""
    return (
        f"| {what} | {cycles:,} | {latency} | {taken.lut:,.0f}{memory} | {ff} "
        f"| {taken.dsp:,.0f} | {taken.bram18:,.0f} |"
    )


def lines(measured: Sequence[Measured]) -> Mapping[str, Sequence[tuple[str, int, float, float]]]:
    """Return what is drawn: by network (label, cycles, LUTs, DSPs), ours without a label."""
    found: dict[str, list[tuple[str, int, float, float]]] = {}
    for network, shape in NETWORKS.items():
        own = [m for m in measured if m.point.network == network and _is_drawn(m.point)]
        drawn = [("", m.cycles, m.resources.lut, m.resources.dsp) for m in own]
        peers = PEERS[network]
        drawn += [(p.name, p.cycles, p.resources.lut, p.resources.dsp) for p in peers]
        found[shape] = drawn
    return found


def _is_drawn(point: Point) -> bool:
    """True if a point is on the line: one for each number of cycles."""
    limited = point.lut < math.inf or point.adder_levels > 1
    return point.scales == PowersOfTwo.LAYER and not limited


def main() -> int:
    """Measure, print the tables and, if asked, write them and the drawing."""
    parser = argparse.ArgumentParser(prog="python -m tests.folding_line", description=__doc__)
    parser.add_argument("--write", action="store_true", help=f"into {PAGE.name}, and draw")
    parser.add_argument("--kept", action="store_true", help="only what was counted before")
    arguments = parser.parse_args()
    measured = []
    for found in measure([*points()], kept=arguments.kept):
        print(found, file=sys.stderr, flush=True)
        measured.append(found)
    tables = "\n".join(
        table(network, measured, [*PEERS[network], *paired(network, kept=arguments.kept)])
        for network in NETWORKS
    )
    generated = f"{provenance()}\n\n{tables}"
    print(generated)
    if arguments.write:
        PAGE.write_text(with_figures(PAGE.read_text(), generated, SECTION))
        DRAWING.write_text(line_plot(lines(measured)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
