"""Seconds, memory and cycles of the compiler on real models: ``python -m tests.benchmark``.

Each model is measured in a process of its own.  ``--write`` puts the tables into
docs/benchmarks.md.  Exit status 1 if a model cannot be measured.
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
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

import zoo
from frontend.evidence import tool_versions
from tests import netlist_benchmark
from tests.measurement import Figures, Request, Speed, Start, figures
from zoo.mlperf import MLPERF
from zoo.train import LOADERS

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "benchmarks.md"
BEGIN, END = "<!-- figures: begin -->\n", "<!-- figures: end -->\n"
NETLIST_BEGIN, NETLIST_END = "<!-- netlist: begin -->\n", "<!-- netlist: end -->\n"
NETWORKS = zoo.networks()
TRAINED = [name for name, entry in NETWORKS.items() if entry.data is not None]
SHAPES = ["pocket_baseline", "pocket_2x", "pad_conv_pool", "conv_5x5_stride_2", "pool_3x3_stride_2"]
"""Of pocket-cnn's zoo, untrained; its larger networks take GHDL minutes for a frame."""
DEEP = [entry.name for entry in MLPERF]
"""Those of MLPerf Tiny, untrained."""
OTHERS = [ROOT.parent / "shared" / "models" / "ad01.h5"]
"""Files beside the checkout; they are skipped where they are absent."""
NETLIST_OTHERS = [*OTHERS, OTHERS[0].with_name("pretrainedResnet.h5")]
CALIBRATION_FRAMES = 256
WIDTH = 120
"""Columns of what is printed, unless to a terminal."""

Measured: TypeAlias = Mapping[str, Figures]
"""Figures by name."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table: heading and what it says of a model."""

    heading: str
    cells: tuple[str, ...]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and write what was asked for."""
    options = _parser().parse_args(arguments)
    files = options.file or OTHERS
    unknown = [name for name in options.names if name not in NETWORKS]
    if unknown:
        _parser().error(f"no network of the zoo: {', '.join(unknown)}")
    console = Console(width=None if sys.stdout.isatty() else WIDTH)
    if options.netlist:
        return _netlist(options, console)
    start, measured, failed = measure_all(
        options.names or [*TRAINED, *SHAPES, *DEEP],
        files if options.file or not options.names else [],
        console,
        simulate=options.simulate,
    )
    for title, columns in tables(start, measured).items():
        console.print(_table(title, measured, columns))
    about = provenance(start, measured, options.machine)
    console.print(escape(about))
    if options.json:
        options.json.write_text(as_json(start, measured, about))
    if options.write:
        page = PAGE.read_text(encoding="utf-8")
        PAGE.write_text(with_figures(page, markdown(start, measured, about)), encoding="utf-8")
    return 1 if failed else 0


def _netlist(options: argparse.Namespace, console: Console) -> int:
    """Measure, print and, if asked, write how fast netlists are."""
    found: dict[str, netlist_benchmark.Table] = {}
    files = options.file or NETLIST_OTHERS
    for title, (headings, rows) in netlist_benchmark.tables(options.names, files):
        found[title] = (headings, rows)
        table = Table(*headings, title=title, box=box.SIMPLE_HEAD)
        for row in rows:
            table.add_row(*map(escape, row))
        console.print(table)
    if options.write:
        about = f"{datetime.now(UTC):%Y-%m-%d}, {options.machine}."
        text = f"{about}\n{netlist_benchmark.markdown(found)}"
        page = PAGE.read_text(encoding="utf-8")
        page = with_figures(page, text, NETLIST_BEGIN, NETLIST_END)
        PAGE.write_text(page, encoding="utf-8")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmark", description=__doc__)
    parser.add_argument("names", nargs="*", help="networks of the zoo (all trained, some others)")
    parser.add_argument(
        "--file",
        type=Path,
        action="append",
        metavar="MODEL",
        help="a model file, measured with stand-in data; may be repeated "
        f"({', '.join(os.path.relpath(path, ROOT) for path in OTHERS)})",
    )
    parser.add_argument("--no-simulate", dest="simulate", action="store_false", help="no GHDL")
    parser.add_argument(
        "--netlist",
        action="store_true",
        help="measure the simulation of netlists instead, and how building them grows",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures to FILE")
    parser.add_argument("--write", action="store_true", help="put the tables into the docs")
    parser.add_argument(
        "--machine",
        default=f"{os.cpu_count()} shared cores, {platform.machine()}",
        help="what the page says of the machine (%(default)s)",
    )
    return parser


def measure_all(
    names: Sequence[str], files: Sequence[Path], console: Console, *, simulate: bool
) -> tuple[Start, dict[str, Figures], list[str]]:
    """Measure one model after another, so that none slows another down.

    Returns:
        What every process begins with, the figures by name, and the names that failed.
    """
    measured: dict[str, Figures] = {}
    failed: list[str] = []
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        start = Start(**_in_own_process(Request(None), folder))
        requests = {name: _prepare(name, folder, simulate) for name in names}
        for path in files:
            if path.exists():
                requests[path.stem] = Request(str(path.resolve()), simulate=simulate)
            else:
                console.print(f"skipped: there is no {escape(os.path.relpath(path))}")
        for name, request in requests.items():
            with console.status(escape(name)):
                try:
                    measured[name] = figures(_in_own_process(request, folder))
                except subprocess.CalledProcessError as error:
                    failed.append(name)
                    reason = (error.stderr.splitlines() or ["no message"])[-1]
                    console.print(f"[red]failed: {escape(name)}[/]: {escape(reason)}")
    return start, measured, failed


def _prepare(name: str, folder: Path, simulate: bool) -> Request:
    """Write a network of the zoo; where it was trained, its training data calibrate it."""
    source, calibration = folder / f"{name}.h5", folder / f"{name}.npy"
    zoo.save(name, source)
    data = NETWORKS[name].data
    if data is None:
        return Request(str(source), simulate=simulate)
    np.save(calibration, LOADERS[data]().train_x[:CALIBRATION_FRAMES])
    return Request(str(source), str(calibration), simulate)


def _in_own_process(request: Request, folder: Path) -> dict[str, Any]:
    """Return what ``tests.measurement`` found out; CalledProcessError with its messages."""
    question, answer = folder / "request.json", folder / "result.json"
    question.write_text(json.dumps(dataclasses.asdict(request)))
    subprocess.run(
        [sys.executable, "-m", "tests.measurement", str(question), str(answer)],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    found: dict[str, Any] = json.loads(answer.read_text())
    return found


def tables(start: Start, measured: Measured) -> dict[str, list[Column]]:
    """Return what is printed and written, by title."""
    found = {
        "From .h5 to VHDL": [
            _column("seconds", measured, lambda f: f"{f.seconds:.1f}"),
            _column("CPU seconds", measured, lambda f: f"{f.cpu_seconds:.1f}"),
            _column("per start", measured, lambda f: f"{f.cpu_seconds / f.start.cpu_seconds:.2f}"),
            _column("peak MiB", measured, lambda f: f"{f.peak_mebibytes:.0f}"),
            _column(
                "above start", measured, lambda f: f"{f.peak_mebibytes - start.peak_mebibytes:+.0f}"
            ),
        ],
        "Seconds by stage": _stages(measured),
        "Cores": [
            _column("MACs", measured, lambda f: f"{f.macs_per_frame:,}"),
            _column("cycles per frame", measured, lambda f: f"{f.cycles_per_frame:,}"),
            _column("lower bound", measured, lambda f: f"{f.lower_bound:,}"),
            _column("ratio", measured, lambda f: f"{f.cycles_per_frame / f.lower_bound:.3f}"),
            _column("latency", measured, lambda f: f"{f.latency_cycles:,}"),
            _column("MACs per cycle", measured, lambda f: f"{f.macs_per_cycle:.1f}"),
            _column("multipliers", measured, lambda f: f"{f.multipliers}"),
        ],
        "Simulation in GHDL": [
            _simulated("frames", measured, lambda s: f"{s.frames}"),
            _simulated("CPU seconds to start", measured, lambda s: f"{s.start_seconds:.1f}"),
            _simulated("per frame", measured, lambda s: f"{s.seconds_per_frame:.3f}"),
        ],
    }
    if all(figures.simulation is None for figures in measured.values()):
        del found["Simulation in GHDL"]
    return found


def _stages(measured: Measured) -> list[Column]:
    """Return the seconds of each stage; loading is without the start of TensorFlow."""
    names = dict.fromkeys(name for found in measured.values() for name in found.stage_seconds)
    return [
        Column(name, tuple(f"{found.stage_seconds[name]:.2f}" for found in measured.values()))
        for name in names
    ]


def _column(heading: str, measured: Measured, cell: Callable[[Figures], str]) -> Column:
    return Column(heading, tuple(cell(found) for found in measured.values()))


def _simulated(heading: str, measured: Measured, cell: Callable[[Speed], str]) -> Column:
    speeds = [found.simulation for found in measured.values()]
    return Column(heading, tuple("" if speed is None else cell(speed) for speed in speeds))


def _table(title: str, measured: Measured, columns: Sequence[Column]) -> Table:
    table = Table(title=title, box=box.SIMPLE_HEAD)
    table.add_column("model")
    for column in columns:
        table.add_column(column.heading, justify="right")
    for index, name in enumerate(measured):
        table.add_row(escape(name), *(column.cells[index] for column in columns))
    return table


def provenance(start: Start, measured: Measured, machine: str) -> str:
    """Return when, with what and where the figures came about, and what every process costs."""
    simulators = {f.simulation.simulator for f in measured.values() if f.simulation is not None}
    packages = [*tool_versions(), ("tensorflow-cpu", version("tensorflow-cpu"))]
    tools = [f"Python {platform.python_version()}", *(f"{n} {v}" for n, v in packages)]
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, {machine}; {', '.join([*tools, *sorted(simulators)])}. "
        f"Every process begins with {start.import_seconds:.1f} s of imports and "
        f"{start.tensorflow_seconds:.1f} s of TensorFlow's start, together "
        f"{start.cpu_seconds:.1f} CPU seconds, and has then taken {start.peak_mebibytes:.0f} MiB."
    )


def as_json(start: Start, measured: Measured, about: str) -> str:
    """Return all figures, those that follow from others, too."""
    models = {
        name: dataclasses.asdict(found)
        | {"seconds": found.seconds, "macs_per_cycle": found.macs_per_cycle}
        for name, found in measured.items()
    }
    contents = {"about": about, "start": dataclasses.asdict(start), "models": models}
    return json.dumps(contents, indent=2) + "\n"


def markdown(start: Start, measured: Measured, about: str) -> str:
    """Return the generated part of the page."""
    parts = (
        f"\n## {title}\n\n{_markdown(measured, columns)}"
        for title, columns in tables(start, measured).items()
    )
    return f"{about}\n{''.join(parts)}"


def _markdown(measured: Measured, columns: Sequence[Column]) -> str:
    rows = [
        ["model", *(column.heading for column in columns)],
        ["---", *("---:" for _ in columns)],
        *([name, *(c.cells[index] for c in columns)] for index, name in enumerate(measured)),
    ]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def with_figures(page: str, generated: str, first: str = BEGIN, last: str = END) -> str:
    """Return the text of the page with ``generated`` between the markers ``first`` and ``last``."""
    before, begin, rest = page.partition(first)
    _, end, after = rest.partition(last)
    if not (begin and end):
        raise ValueError(f"{PAGE.name} must hold the lines {first!r} and {last!r}")
    return f"{before}{begin}{generated}{end}{after}"


if __name__ == "__main__":
    sys.exit(main())
