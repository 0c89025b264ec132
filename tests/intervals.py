"""Frame intervals beside the slowest element's cycles: ``python -m tests.intervals``.

Every network of the zoo, and models that branch, at several foldings, from one product a cycle per
element on.  The netlist is simulated without stalls; after the first frame, the next ones must come
as fast as the slowest element alone.  ``--write`` puts the table into docs/intervals.md.
"""

from __future__ import annotations

import argparse
import math
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import zoo
from frontend.compiler import CompileOptions, compile_model
from frontend.manifest import macs
from ir.cycles import predict
from ir.goal import DEFAULT_GOAL, Goal
from ir.graph import StreamGraph
from ir.resources import estimate
from rewrite.stream import schedule
from rewrite.stream.solve import Problem
from tests.branch_models import branch_models
from tests.peer_networks import simulated
from tests.peers import provenance, with_figures

PAGE = Path(__file__).parent.parent / "docs" / "intervals.md"

FRAMES = 4
SERIAL = 1 << 40
"""Cycles per frame that no element needs: one product a cycle is enough for each."""
MOST_CYCLES = 20_000_000
"""Simulated for a folding; slower ones are left out."""
MOST_PRODUCTS = 1024
"""In a cycle, of a folding that is simulated at its fastest."""

BRANCHES = (
    *("add_3", "concatenate_-1", "gate", "attention", "operators", "convnext", "residual"),
    *("dense_connections", "inception", "siamese", "shared_into_merge"),
)
"""Those of ``branch_models`` that are simulated."""

NETWORKS = (*zoo.networks(), *BRANCHES)


@dataclass(frozen=True, slots=True)
class Interval:
    """A folding: its slowest element's cycles, and those between frames in simulation."""

    network: str
    bottleneck: str
    bound: int
    predicted: int
    measured: tuple[int, ...]

    @property
    def ratio(self) -> float:
        """The longest of the measured intervals in parts of the bound."""
        return max(self.measured) / self.bound

    def row(self) -> list[str]:
        """Return the cells of the table."""
        numbers = (self.bound, self.predicted, max(self.measured))
        cells = (f"{number:,}" for number in numbers)
        return [self.network, self.bottleneck, *cells, f"{self.ratio:.3f}"]


HEADINGS = [
    *("network", "slowest element", "its cycles", "predicted interval", "simulated", "ratio"),
]


def goals(graph: StreamGraph) -> Iterator[Goal]:
    """Yield what to fold to: the slowest, one between, the default, the fastest."""
    slow = predict(schedule(graph, SERIAL)).lower_bound
    default = predict(schedule(graph)).lower_bound
    yield Goal(SERIAL)
    yield Goal(math.isqrt(slow * default))
    yield DEFAULT_GOAL
    fastest = Problem(graph, estimate, DEFAULT_GOAL.worth).least_cycles
    if macs(graph) <= MOST_PRODUCTS * fastest:
        yield Goal(fastest)


def foldings(graph: StreamGraph) -> Iterator[StreamGraph]:
    """Yield ``graph`` folded and buffered, once for each number of cycles."""
    seen = set()
    for goal in goals(graph):
        folded = schedule(graph, goal)
        cycles = predict(folded).lower_bound
        if cycles not in seen and cycles * FRAMES <= MOST_CYCLES:
            seen.add(cycles)
            yield folded


def interval(name: str, folded: StreamGraph, folder: Path) -> Interval:
    """Simulate a folded and buffered graph."""
    cycles = predict(folded)
    ends = simulated(folded, FRAMES, folder).completions
    gaps = tuple(then - now for now, then in pairwise(ends))
    return Interval(name, cycles.bottleneck, cycles.lower_bound, cycles.cycles_per_frame, gaps)


def save(name: str, folder: Path) -> Path:
    """Write a network's model file; return where."""
    if name in BRANCHES:
        path = folder / f"{name}.keras"
        branch_models()[name]().save(path)
    else:
        path = folder / f"{name}.h5"
        zoo.save(name, path)
    return path


def intervals(name: str) -> Iterator[Interval]:
    """Yield the foldings of a network."""
    with tempfile.TemporaryDirectory() as scratch:
        path = save(name, Path(scratch))
        lowered = compile_model(path, CompileOptions()).lowered.graph
        for number, folded in enumerate(foldings(lowered)):
            yield interval(name, folded, Path(scratch) / f"{number}")


def markdown(found: Sequence[Interval]) -> str:
    """Return the generated part of the page."""
    rows = [HEADINGS, ["---", "---", *["---:"] * 4], *(each.row() for each in found)]
    text = "".join(f"| {' | '.join(row)} |\n" for row in rows)
    return f"{provenance()}\n\n{summary(found)}\n\n{text}"


def summary(found: Sequence[Interval]) -> str:
    """Return how many foldings there are, and the largest ratio."""
    networks = len({each.network for each in found})
    worst = max(each.ratio for each in found)
    return f"{len(found)} foldings of {networks} networks; the largest ratio is {worst:.3f}."


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print and, if asked, write the page; status 1 if a frame came late."""
    parser = argparse.ArgumentParser(prog="python -m tests.intervals", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NETWORK", help="those to measure (all)")
    parser.add_argument("--write", action="store_true", help=f"bring {PAGE.name} up to date")
    options = parser.parse_args(arguments)
    unknown = sorted(set(options.names) - set(NETWORKS))
    if unknown:
        parser.error(f"no network: {', '.join(unknown)}")
    if options.write and options.names:
        parser.error("--write takes all of them")
    found: list[Interval] = []
    for name in options.names or NETWORKS:
        for each in intervals(name):
            print(" ".join(each.row()), flush=True)
            found.append(each)
    print(summary(found))
    if options.write:
        PAGE.write_text(with_figures(PAGE.read_text("utf-8"), markdown(found)), "utf-8")
    return int(any(each.ratio > 1 for each in found))


if __name__ == "__main__":
    sys.exit(main())
