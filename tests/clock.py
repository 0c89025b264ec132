"""Clock speed of every element and of small networks: ``python -m tests.clock``.

Placed and routed for Lattice's ECP5, speed grade 6, between registers (``sim.place_and_route``).
``--write`` puts the rows into docs/clock.md, where those of others stay, and draws them.
``--plain`` measures what yosys makes of them, with no register moved into multipliers and block
RAM.  Results are cached: what did not change takes no time.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import onnx
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

import zoo
from frontend.compiler import CompileOptions, compile_model
from ir.goal import Goal
from rtl import write_vhdl
from sim.alone import TOP, Value, generics, verilog
from sim.ghdl import find_ghdl
from sim.place_and_route import Effort, Timing, find_nextpnr, find_yosys, place_and_route
from sim.synthesis import synthesize
from tests.branching_networks import Network
from tests.clock_adders import LAYERS, adders
from tests.clock_plot import plot
from tests.test_synthesis_elements import CONFIGURATIONS

PAGE = Path(__file__).parent.parent / "docs" / "clock.md"
PLOT = PAGE.with_suffix(".svg")
BEGIN, END = "<!-- figures: begin -->\n", "<!-- figures: end -->\n"
BRANCHES = "branches"
"""A network that is none of the zoo: see ``branches``."""

NETWORKS: dict[str, tuple[str, int]] = {
    "pocket_2x_at_its_rate": ("pocket_2x", 6974),
    "pocket_2x": ("pocket_2x", 2300),
    "pocket_4x3x1_1x1_at_its_rate": ("pocket_4x3x1_1x1", 7356),
    "pocket_lenet_at_its_rate": ("pocket_lenet", 2349032),
    "digits_cnn": ("digits_cnn", 576),
    BRANCHES: (BRANCHES, 16384),
}
"""Networks of the zoo or with branches, and cycles per frame to fold them to.

Those at its rate are pocket-cnn's own.
"""

VARIANTS: dict[str, tuple[str, Mapping[str, Value]]] = {
    "depthwise_vector_in_logic": ("depthwise_vector", {"in_logic": True}),
    "matrix_vector_in_logic": ("matrix_vector", {"logic_rows": 4}),
    "requantize_in_logic": ("requantize", {"in_logic": True}),
    "row_sums": ("row_sums", {"rows": 1, "overlap": False}),
}
"""Elements in another form than that of their resource rows, and what is different there.

That of `row_sums` shares multipliers that are wider than those of ECP5.
"""

ELEMENTS = CONFIGURATIONS.keys() | VARIANTS.keys() | LAYERS.keys()
"""Names of their rows."""

FACTOR_BITS = 18
"""Of ECP5's multipliers."""

WIDTH = 180
"""Columns of what is printed, unless to a terminal."""

Netlist = tuple[str, str]
"""Verilog and the name of its top."""

HEADINGS = [
    *("", "MHz", "from", "to", "levels", "logic, ns", "path, ns"),
    *("LUT4", "FF", "multipliers", "block RAM", "measured"),
]


@dataclass(frozen=True, slots=True)
class Speed:
    """A netlist's figures."""

    name: str
    timing: Timing

    def row(self) -> list[str]:
        """Return the cells of the table."""
        timing = self.timing
        counts = (timing.luts, timing.flip_flops, timing.multipliers, timing.block_rams)
        return [
            self.name,
            f"{timing.fmax_mhz:.0f}",
            *(signal.removeprefix("element.") for signal in (timing.start, timing.end)),
            f"{timing.levels}",
            f"{timing.logic_ns:.1f}",
            f"{timing.path_ns:.1f}",
            *(f"{count:,}" for count in counts),
            f"{datetime.now(UTC):%Y-%m-%d}",
        ]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and write if asked."""
    parser = argparse.ArgumentParser(prog="python -m tests.clock", description=__doc__)
    parser.add_argument("names", nargs="*", help="elements and networks (all)")
    parser.add_argument("--write", action="store_true", help="put the rows into the docs")
    parser.add_argument("--plain", action="store_true", help="move no registers")
    options = parser.parse_args(arguments)
    if options.plain and options.write:
        parser.error("--write takes what is measured without --plain")
    unknown = sorted(set(options.names) - ELEMENTS - NETWORKS.keys())
    if unknown:
        parser.error(f"neither an element nor a network: {', '.join(unknown)}")
    console = Console(width=None if sys.stdout.isatty() else WIDTH)
    tables: dict[str, list[Speed]] = {}
    for title, netlists in (("Elements", elements), ("Networks", small_networks)):
        tables[title] = []
        for name, netlist in netlists(options.names):
            found = speed(name, netlist, Effort(moves_registers=not options.plain))
            console.print(escape(" ".join(found.row())), highlight=False)
            tables[title].append(found)
    for title, speeds in tables.items():
        table = Table(*HEADINGS, title=title, box=box.SIMPLE_HEAD)
        for found in speeds:
            table.add_row(*map(escape, found.row()))
        if speeds:
            console.print(table)
    if options.write:
        page = PAGE.read_text("utf-8")
        page = with_figures(page, markdown(page, tables))
        PAGE.write_text(page, "utf-8")
        PLOT.write_text(plot({title: frequencies(page, title) for title in tables}), "utf-8")
    return 0


def elements(names: Sequence[str] = ()) -> Iterator[tuple[str, Callable[[], Netlist]]]:
    """Yield the elements in the configurations of their resource rows, variants and adders."""
    for name in sorted(ELEMENTS):
        if name in names or not names:
            yield name, lambda name=name: element(name)  # type: ignore[misc]


def element(name: str) -> Netlist:
    """Return the netlist of an element, of a variant or of layers of adders."""
    if name in LAYERS:
        return verilog(*adders(name)), TOP
    entity, changed = VARIANTS.get(name, (name, {}))
    values = {**CONFIGURATIONS[entity], **changed}
    if "factor_bits" in generics(entity):
        values["factor_bits"] = FACTOR_BITS
    return verilog(entity, values), TOP


def small_networks(names: Sequence[str] = ()) -> Iterator[tuple[str, Callable[[], Netlist]]]:
    """Yield the networks."""
    for name, (network_name, cycles) in NETWORKS.items():
        if name in names or not names:
            yield name, lambda of=network_name, cycles=cycles: network(of, cycles)  # type: ignore[misc]


def network(name: str, cycles: int) -> Netlist:
    """Return the netlist of a network, folded to ``cycles`` per frame."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        source = folder / f"{name}.{'onnx' if name == BRANCHES else 'h5'}"
        if name == BRANCHES:
            onnx.save(branches(), source)
        else:
            zoo.save(name, source)
        compilation = compile_model(source, CompileOptions(goal=Goal(cycles=cycles)))
        files = write_vhdl(compilation.graph, folder / "vhdl")
        top = files[-1].stem
        return synthesize(top, files, {"factor_bits": FACTOR_BITS}), top


def branches() -> onnx.ModelProto:
    """Return a network of 16 x 16 pixels: a residual block, two branches side by side, a mean."""
    network = Network((3, 16, 16))
    stem = network.conv("x", 8, relu=True)
    block = network.conv(network.conv(stem, 8, relu=True), 8)
    y = network.add("Relu", network.add("Add", block, stem))
    y = network.conv(y, 16, stride=2, relu=True)
    y = network.concat(network.conv(y, 8, 1, relu=True), network.conv(y, 8, 3, relu=True))
    return network.model(network.head(y))


def speed(name: str, netlist: Callable[[], Netlist], effort: Effort) -> Speed:
    """Place and route a netlist."""
    return Speed(name, place_and_route(*netlist(), effort))


def markdown(page: str, tables: dict[str, list[Speed]]) -> str:
    """Return the tables of ``page`` with the rows of ``tables``, and the versions of the tools."""
    tools = ", ".join(tool.name for tool in (find_ghdl(), find_yosys(), find_nextpnr()))
    parts = [f"{tools}.\n"]
    for title, speeds in tables.items():
        rows = written_rows(page, title)
        rows |= {found.name: f"| {' | '.join(found.row())} |\n" for found in speeds}
        rule = " | ".join(["---", "---:", "---", "---", *["---:"] * 8])
        text = "".join(rows[name] for name in sorted(rows))
        parts.append(f"\n## {title}\n\n| {' | '.join(HEADINGS)} |\n| {rule} |\n{text}")
    return "".join(parts)


def written_rows(page: str, title: str) -> dict[str, str]:
    """Return the lines by name that the table ``title`` of ``page`` has."""
    _, _, section = page.partition(f"\n## {title}\n\n")
    lines = section.partition("\n\n")[0].splitlines()
    return {row[1]: f"{row[0]}\n" for row in map(re.compile(r"\| (\w+) \|.*").match, lines) if row}


def frequencies(page: str, title: str) -> dict[str, float]:
    """Return the MHz by name of the table ``title`` of ``page``."""
    return {name: float(row.split("|")[2]) for name, row in written_rows(page, title).items()}


def with_figures(page: str, text: str) -> str:
    """Return ``page`` with ``text`` between the markers."""
    head, _, rest = page.partition(BEGIN)
    _, _, tail = rest.partition(END)
    return f"{head}{BEGIN}{text}{END}{tail}"


if __name__ == "__main__":
    sys.exit(main())
