"""Fits the resource model to open synthesis: ``python -m tools.fit_resources``.

Synthesizes the configurations of the grid with GHDL and yosys, fits the coefficients of
``ir/resources`` by non-negative least squares of relative errors, writes them beside the formulas,
and the errors into docs/resources.md.  Counts are kept, so that only new configurations take time.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.optimize import nnls

from ir.resources import Resources
from ir.resources.part import COEFFICIENTS, Part, coefficients, part_resources
from sim.resources import count_entities
from tools.resource_grid import GRID, Sample

PAGE = Path(__file__).parent.parent / "docs" / "resources.md"
BEGIN, END = "<!-- resources: begin -->", "<!-- resources: end -->"

BATCH = 16
"""Designs that yosys maps at a time."""

FEWEST_CELLS = 20
"""Errors of smaller counts weigh, and are stated, as if there were so many."""


@dataclass(frozen=True, slots=True)
class Errors:
    """How far the estimates of an entity's samples are from the counts."""

    samples: Sequence[Sample]
    counted: Sequence[Resources]
    estimated: Sequence[Resources]

    def relative(self, kind: str) -> npt.NDArray[np.float64]:
        """Return the relative errors of ``lut`` or ``ff``, of counts of ``FEWEST_CELLS`` at least.

        Above 0: too many were estimated.
        """
        counted = np.array([getattr(c, kind) for c in self.counted], np.float64)
        estimated = np.array([getattr(e, kind) for e in self.estimated], np.float64)
        found: npt.NDArray[np.float64] = (estimated - counted) / np.maximum(counted, FEWEST_CELLS)
        return found

    def of_all(self, kind: str) -> float:
        """Return the relative error of the sum over all samples."""
        counted = float(sum(getattr(c, kind) for c in self.counted))
        estimated = float(sum(getattr(e, kind) for e in self.estimated))
        return (estimated - counted) / max(counted, FEWEST_CELLS)

    def exact(self, kind: str) -> int:
        """Return how many samples have the counted ``dsp``, ``bram18`` or ``lut_memory``."""
        pairs = zip(self.estimated, self.counted, strict=True)
        return sum(getattr(e, kind) == getattr(c, kind) for e, c in pairs)

    def row(self, name: str) -> str:
        """Return a line of the table."""
        cells = [f"`{name}`", str(len(self.samples))]
        for kind in ("lut", "ff"):
            errors = self.relative(kind)
            worst = errors[np.abs(errors).argmax()]
            cells += [f"{np.median(np.abs(errors)):.1%}", f"{worst:+.1%}"]
            cells.append(f"{self.of_all(kind):+.1%}")
        cells += [
            f"{self.exact(kind)} of {len(self.samples)}" for kind in ("dsp", "bram18", "lut_memory")
        ]
        return f"| {' | '.join(cells)} |"


HEAD = (
    "| entity | configurations | LUT, median error | worst | of all | FF, median error | worst "
    "| of all | DSP exact | BRAM exact | LUT memory exact |\n"
    "|---|---|---|---|---|---|---|---|---|---|---|"
)


def count(samples: Sequence[Sample]) -> list[Resources]:
    """Return what synthesis makes of the samples."""
    found: list[Resources] = []
    for first in range(0, len(samples), BATCH):
        found += count_entities([sample.design for sample in samples[first : first + BATCH]])
    return found


def fit(samples: Sequence[Sample], counted: Sequence[Resources], refitted: set[str]) -> None:
    """Fit the coefficients of the samples' parts in ``refitted``; those of others are taken."""
    for entity in refitted:
        coefficients()[entity] = {"lut": {}, "ff": {}}
    part_resources.cache_clear()
    for kind in ("lut", "ff"):
        names = sorted(
            {
                (part.entity, size)
                for sample in samples
                for part in sample.parts
                if part.entity in refitted
                for size in getattr(part, kind)
            }
        )
        sizes = np.array([[_size(s.parts, kind, *name) for name in names] for s in samples])
        counts = np.array([getattr(c, kind) for c in counted], np.float64)
        others = np.array([getattr(estimate_sample(sample), kind) for sample in samples])
        weights = 1 / np.maximum(counts, FEWEST_CELLS)
        if not names:
            continue
        found, _ = nnls(sizes * weights[:, None], np.maximum(counts - others, 0) * weights)
        for (entity, size), value in zip(names, found, strict=True):
            if value > 0:
                coefficients()[entity][kind][size] = round(float(value), 3)
        part_resources.cache_clear()


def _size(parts: Sequence[Part], kind: str, entity: str, size: str) -> float:
    return sum(getattr(part, kind).get(size, 0.0) for part in parts if part.entity == entity)


def estimate_sample(sample: Sample) -> Resources:
    """Return the sum of the estimates of its parts."""
    total = Resources()
    for part in sample.parts:
        total += part.resources()
    return total


def main(arguments: Sequence[str] | None = None) -> int:
    """Fit all entities, or those that are named, in the order of the grid."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("entities", nargs="*", help="of the grid; all if none is named")
    parser.add_argument("--details", action="store_true", help="print each configuration")
    chosen = parser.parse_args(arguments)
    names = chosen.entities or list(GRID)
    rows = []
    known = set() if not chosen.entities else set(coefficients()) - set(names)
    for name in names:
        samples = list(GRID[name]())
        counted = count(samples)
        new = {part.entity for sample in samples for part in sample.parts} - known
        fit(samples, counted, new)
        known |= new
        errors = Errors(samples, counted, [estimate_sample(sample) for sample in samples])
        rows.append(errors.row(name))
        print(rows[-1], flush=True)
        if chosen.details:
            _print_details(errors)
        COEFFICIENTS.write_text(json.dumps(coefficients(), indent=1, sort_keys=True) + "\n")
    if not chosen.entities:
        page = PAGE.read_text()
        table = f"{BEGIN}\n{HEAD}\n" + "\n".join(rows) + f"\n{END}"
        PAGE.write_text(re.sub(f"{BEGIN}.*{END}", lambda _: table, page, flags=re.DOTALL))
    return 0


def _print_details(errors: Errors) -> None:
    for sample, counted, estimated in zip(
        errors.samples, errors.counted, errors.estimated, strict=True
    ):
        entity, values = sample.design
        shown = {k: v for k, v in values.items() if isinstance(v, int) or len(v) < 9}
        settings = " ".join(f"{name}={value}" for name, value in shown.items())
        print(f"  counted {counted}\n  estimate {estimated.rounded()} {entity} {settings}")


if __name__ == "__main__":
    sys.exit(main())
