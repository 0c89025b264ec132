"""What whole networks are estimated to take, beside what they take: docs/resources.md.

``python -m tests.estimated_networks`` folds the networks of ``tests/peer_networks.py`` and
``tests/folding_line.py`` to their goals and counts each whole top (GHDL, then yosys
``synth_xilinx -family xc7 -flatten``).  Counts are kept by content; with ``--kept`` those that are
not counted yet, which take minutes each, are left out.  ``--write`` puts the table into the page.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import zoo
from frontend.compiler import CompileOptions, compile_model
from frontend.powers_of_two import PowersOfTwo
from ir.cycles import predict
from ir.graph import StreamGraph
from ir.resources import Resources, estimate
from rewrite.stream import schedule
from sim.resources import count_cells, resources
from tests import folding_line, peer_networks
from tests.peers import provenance, with_figures

PAGE = Path(__file__).parent.parent / "docs" / "resources.md"
SECTION = "networks"


@dataclass(frozen=True, slots=True)
class Compared:
    """A network at a folding: what it takes by the estimate, and what was counted."""

    name: str
    cycles: int
    estimated: Resources
    counted: Resources

    def error(self, kind: str) -> float:
        """Return the relative error of ``lut`` or ``ff``; above 0: too many were estimated."""
        counted: float = getattr(self.counted, kind)
        return float(getattr(self.estimated, kind)) / counted - 1

    def row(self) -> str:
        """Return a line of the table."""
        cells = [self.name, f"{self.cycles:,}"]
        for kind in ("lut", "ff"):
            counted, estimated = getattr(self.counted, kind), getattr(self.estimated, kind)
            cells += [f"{counted:,}", f"{estimated:,.0f}", f"{self.error(kind):+.1%}"]
        for kind in ("lut_memory", "dsp", "bram18"):
            pair = getattr(self.counted, kind), getattr(self.estimated, kind)
            cells.append(" / ".join(f"{number:,}" for number in dict.fromkeys(pair)))
        return f"| {' | '.join(cells)} |"


def networks() -> Iterator[tuple[str, StreamGraph]]:
    """Yield the names and the folded and buffered graphs of all networks with several cycles."""
    for name, peers in peer_networks.NETWORKS.items():
        with tempfile.TemporaryDirectory() as folder:
            source = Path(folder) / f"{name}.h5"
            zoo.save(name, source)
            lowered = compile_model(source, CompileOptions()).lowered.graph
        for peer in peers:
            for goal in peer.goals.values():
                yield name, schedule(lowered, goal)
    graphs: dict[tuple[str, PowersOfTwo], StreamGraph] = {}
    for point in folding_line.points():
        if point.cycles == 1:
            continue
        key = point.network, point.scales
        if key not in graphs:
            with tempfile.TemporaryDirectory() as folder:
                graphs[key] = folding_line.lowered(*key, Path(folder))
        yield point.network, folding_line.folded(point, graphs[key])


def compared(graphs: Iterator[tuple[str, StreamGraph]], *, kept: bool) -> Iterator[Compared]:
    """Yield each network, counted; with ``kept`` only those that were counted before."""
    for name, graph in graphs:
        counts = count_cells([folding_line.netlist(graph)], graph.name, kept_only=kept)
        if counts:
            cycles = predict(graph).cycles_per_frame
            estimated = sum(map(estimate, graph), Resources())
            yield Compared(name, cycles, estimated, resources(counts[0]))


HEAD = (
    "| network | cycles per frame | LUT counted | estimated | error "
    "| FF counted | estimated | error | LUT as memory | DSP | RAMB18 |\n"
    "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|"
)


def markdown(found: Sequence[Compared]) -> str:
    """Return the table, and the mean and median of its errors."""
    if not found:
        return "None of the networks is counted: run it without --kept.\n"
    lines = [provenance(), "", HEAD, *(each.row() for each in found), ""]
    for kind, name in (("lut", "LUTs"), ("ff", "flip-flops")):
        errors = np.array([each.error(kind) for each in found])
        lines.append(
            f"Of {name}, {np.mean(errors):+.1%} on average; "
            f"half of them are within {np.median(np.abs(errors)):.1%}, "
            f"all within {np.abs(errors).max():.1%}."
        )
    return "\n".join(lines) + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare, print and, if asked, write the page."""
    parser = argparse.ArgumentParser(prog="python -m tests.estimated_networks", description=__doc__)
    parser.add_argument("--kept", action="store_true", help="only what is counted already")
    parser.add_argument("--write", action="store_true", help=f"bring {PAGE.name} up to date")
    options = parser.parse_args(arguments)
    found = list(compared(networks(), kept=options.kept))
    generated = markdown(found)
    print(generated)
    if options.write:
        PAGE.write_text(with_figures(PAGE.read_text("utf-8"), generated, SECTION), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
