"""Model files folded into an FPGA: ``python -m tests.part_networks MODEL.h5 ...``.

The fastest folding that fits by the estimates, and with ``--count`` what GHDL and yosys make of the
whole core (``synth_xilinx -family xc7 -flatten``), which takes many minutes.  ``--write`` puts the
table into docs/networks.md.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from frontend.compiler import CompileOptions, compile_model
from frontend.goal import goal
from ir.parts import PARTS
from ir.resources import Resources, estimate_graph
from rtl import write_vhdl
from sim.resources import count_cells, resources
from sim.synthesis import synthesize
from tests.peers import provenance, with_figures

PAGE = Path(__file__).parent.parent / "docs" / "networks.md"
CLOCK_MHZ = 100


@dataclass(frozen=True, slots=True)
class Fitted:
    """A network in a part: cycles, what limits them, cells as estimated and, if asked, counted."""

    name: str
    cycles: int
    latency: int
    slowest: str
    estimated: Resources
    counted: Resources | None

    def rows(self) -> list[list[str]]:
        """Return a row of cells for each of the two."""
        figures = [self.name, f"{self.cycles:,}", f"{self.cycles / CLOCK_MHZ:,.1f}"]
        figures += [f"{self.latency / CLOCK_MHZ:,.1f}", self.slowest]
        rows = [[*figures, *_cells("estimated", self.estimated.rounded())]]
        if self.counted is not None:
            rows.append([*[""] * len(figures), *_cells("counted", self.counted)])
        return rows


HEADINGS = [
    *("network", "cycles per frame", "us per frame", "latency, us", "slowest element", ""),
    *("LUT", "LUT as memory", "FF", "DSP", "RAMB18"),
]


def _cells(kind: str, found: Resources) -> list[str]:
    numbers = (found.lut, found.lut_memory, found.ff, found.dsp, found.bram18)
    return [kind, *(f"{number:,}" for number in numbers)]


def fitted(source: Path, part: str, use: float, count: bool) -> Fitted:
    """Compile a model file into the fraction ``use`` of ``part``; ``count``: synthesize it."""
    wanted = goal(part=part, use=use)
    compilation = compile_model(source, CompileOptions(goal=wanted))
    graph = compilation.graph
    counted = None
    if count:
        with tempfile.TemporaryDirectory() as folder:
            files = write_vhdl(graph, Path(folder))
            top = files[-1].stem
            counted = resources(count_cells([synthesize(top, files)], top)[0])
    cycles = compilation.cycles
    return Fitted(
        source.stem,
        cycles.cycles_per_frame,
        cycles.latency_cycles,
        cycles.bottleneck,
        estimate_graph(graph),
        counted,
    )


def markdown(found: Sequence[Fitted], part: str, use: float) -> str:
    """Return the generated part of the page."""
    has = PARTS[part]
    about = (
        f"{provenance()} {use:.0%} of a {part}, which has {has.lut:,} LUT, {has.ff:,} FF, "
        f"{has.dsp} DSP and {2 * has.bram36} RAMB18; {CLOCK_MHZ} MHz."
    )
    rows = [HEADINGS, [*["---"] + ["---:"] * 3, "---", "---", *["---:"] * 5]]
    rows += [row for each in found for row in each.rows()]
    return f"{about}\n\n" + "".join(f"| {' | '.join(row)} |\n" for row in rows)


def main(arguments: Sequence[str] | None = None) -> int:
    """Fit, print and, if asked, write the page."""
    parser = argparse.ArgumentParser(prog="python -m tests.part_networks", description=__doc__)
    parser.add_argument("models", nargs="+", type=Path, metavar="MODEL")
    parser.add_argument("--part", default="xc7z020", choices=PARTS)
    parser.add_argument("--use", type=float, default=1.0, help="fraction of it (%(default)s)")
    parser.add_argument("--count", action="store_true", help="synthesize the whole cores, too")
    parser.add_argument("--write", action="store_true", help=f"bring {PAGE.name} up to date")
    options = parser.parse_args(arguments)
    found = [fitted(path, options.part, options.use, options.count) for path in options.models]
    generated = markdown(found, options.part, options.use)
    print(generated)
    if options.write:
        PAGE.write_text(with_figures(PAGE.read_text("utf-8"), generated, "parts"), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
