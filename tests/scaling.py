"""How costs grow with weights, layers and folding: ``python -m tests.scaling``.

Compile time, memory, VHDL, elaboration and netlist simulation; all seconds are those of the
processor, so that other work on the machine hardly counts.  ``--write`` puts tables, exponents and
plot into docs/scaling.md.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from rich import box
from rich.console import Console
from rich.table import Table

from frontend.evidence import tool_versions
from sim.ghdl import find_ghdl
from sim.verilator import find_verilator
from tests.benchmark import with_figures
from tests.scaling_plot import scaling_plot
from tests.scaling_point import Costs, Point

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "scaling.md"
DRAWING = PAGE.with_suffix(".svg")
BEGIN, END = "<!-- figures: begin -->\n", "<!-- figures: end -->\n"
FITTED = 100
"""The exponent is fitted to the points from this part of the largest on."""
WIDTH = 160
"""Columns of what is printed, unless to a terminal."""


@dataclass(frozen=True, slots=True)
class Series:
    """Networks by the number that makes them large: of ``what``."""

    title: str
    what: str
    points: Mapping[int, Point]


DENSE = ((32, 32), (128, 256), (512, 768), (1536, 2048))
LAYERS = (5, 20, 100)
PRODUCTS = (1, 16, 256, 4096)
SERIES = (
    Series(
        "Weights: a dense layer, 16 products per cycle",
        "weights",
        {n * m: Point(n, m, 1, 16) for n, m in DENSE},
    ),
    Series(
        "Layers: convolutions 3 x 3 of 8 x 8 x 8, 16 products per cycle each",
        "layers",
        {n: Point(0, 0, n, 16) for n in LAYERS},
    ),
    Series(
        "Folding: a dense layer, 128 x 128",
        "products per cycle",
        {n: Point(128, 128, 1, n) for n in PRODUCTS},
    ),
)

Measured = Mapping[int, Costs]
"""Costs by the number on the axis."""

COLUMNS: Mapping[str, Callable[[Costs], float]] = {
    "compiler, s": lambda costs: costs.compile_seconds,
    "of it folding and buffers, s": lambda costs: costs.stages["fold and size the buffers"],
    "memory, MiB": lambda costs: costs.mebibytes,
    "VHDL, KiB": lambda costs: costs.vhdl_bytes / 1024,
    "GHDL analysis, s": lambda costs: costs.tools["analysis"],
    "elaboration, s": lambda costs: costs.tools["elaboration"],
    "synthesis, s": lambda costs: costs.tools["synthesis"],
    "Verilator, s": lambda costs: costs.tools["verilator"],
    "g++, s": lambda costs: costs.tools["compiler"],
    "a frame, s": lambda costs: costs.tools["run"],
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and write what was asked for."""
    options = _parser().parse_args(arguments)
    console = Console(width=None if sys.stdout.isatty() else WIDTH)
    measured = {}
    for series in SERIES:
        measured[series.title] = costs = measure(series)
        table = Table(series.what, *COLUMNS, title=series.title, box=box.SIMPLE_HEAD)
        for row in rows(costs):
            table.add_row(*row)
        console.print(table)
    if options.write:
        about = provenance(options.machine)
        page = PAGE.read_text(encoding="utf-8")
        text = with_figures(page, markdown(measured, about), BEGIN, END)
        PAGE.write_text(text, encoding="utf-8")
        DRAWING.write_text(drawing(measured), encoding="utf-8")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.scaling", description=__doc__)
    parser.add_argument("--write", action="store_true", help="bring docs/scaling.md up to date")
    parser.add_argument(
        "--machine",
        default=f"{os.cpu_count()} shared cores, {platform.machine()}",
        help="what the page says of the machine (%(default)s)",
    )
    return parser


def measure(series: Series) -> dict[int, Costs]:
    """Measure one point after another, each in a process of its own."""
    found = {}
    with tempfile.TemporaryDirectory() as scratch:
        question, answer = Path(scratch) / "point.json", Path(scratch) / "costs.json"
        for number, point in series.points.items():
            question.write_text(json.dumps(dataclasses.asdict(point)))
            command = [sys.executable, "-m", "tests.scaling_point", str(question), str(answer)]
            subprocess.run(command, cwd=ROOT, check=True)
            found[number] = Costs(**json.loads(answer.read_text()))
    return found


def exponent(measured: Measured, cost: Callable[[Costs], float]) -> float:
    """Return the power of the number with which a cost grows, fitted to the large points."""
    largest = max(measured)
    points = [(n, max(cost(c), 1e-9)) for n, c in measured.items()]
    logarithms = np.log([point for point in points if point[0] * FITTED >= largest])
    return float(np.polyfit(logarithms[:, 0], logarithms[:, 1], 1)[0])


def rows(measured: Measured) -> list[list[str]]:
    """Return the cells of a table, the exponents last."""
    cells = [
        [f"{number:,}", *(_figure(cost(costs)) for cost in COLUMNS.values())]
        for number, costs in measured.items()
    ]
    return [*cells, ["exponent", *(f"{exponent(measured, c):.2f}" for c in COLUMNS.values())]]


def _figure(number: float) -> str:
    return f"{number:,.0f}" if number >= 100 else f"{number:.3g}"


def provenance(machine: str) -> str:
    """Return when, with what and where the figures came about."""
    tools = [f"Python {platform.python_version()}", *(f"{n} {v}" for n, v in tool_versions())]
    tools += [find_ghdl().name, find_verilator().name, find_verilator().compiler_name]
    return f"{datetime.now(UTC):%Y-%m-%d}, {machine}; {', '.join(tools)}."


def markdown(measured: Mapping[str, Measured], about: str) -> str:
    """Return the generated part of the page."""
    parts = [f"{about}\n\n![Costs over weights, layers and folding]({DRAWING.name})\n"]
    for series in SERIES:
        headings = [series.what, *COLUMNS]
        lines = [headings, ["---:"] * len(headings), *rows(measured[series.title])]
        text = "".join(f"| {' | '.join(line)} |\n" for line in lines)
        parts.append(f"\n## {series.title}\n\n{text}")
    return "".join(parts)


def drawing(measured: Mapping[str, Measured]) -> str:
    """Return the plot: all costs in seconds, over what grows."""
    panels = {
        series.what: {
            name.removesuffix(", s"): [
                (number, cost(costs)) for number, costs in measured[series.title].items()
            ]
            for name, cost in COLUMNS.items()
            if name.endswith(", s")
        }
        for series in SERIES
    }
    return scaling_plot(panels)


if __name__ == "__main__":
    sys.exit(main())
