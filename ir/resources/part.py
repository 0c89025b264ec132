"""A part of an element: an entity of the library and the sizes on which its cells depend."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache, lru_cache
from pathlib import Path

from ir.resources.count import Resources

COEFFICIENTS = Path(__file__).with_name("coefficients.json")
"""Written by ``python -m tools.fit_resources``."""


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """Sizes of an entity whose LUTs and flip-flops are estimated; the same only as itself.

    ``lut``, ``ff``: sizes by name, each of which takes so many cells as its coefficient says;
    ``exact``: what follows from the structure alone: DSPs, block RAM, LUTs used as memory.
    """

    entity: str
    lut: Mapping[str, float]
    ff: Mapping[str, float]
    exact: Resources = field(default=Resources())

    def resources(self) -> Resources:
        """Return the estimate; where nothing was fitted, each size counts once."""
        return part_resources(self)


@lru_cache(4096)
def part_resources(part: Part) -> Resources:
    """Return the resources of ``part``; whoever changes coefficients clears this cache."""
    fitted = coefficients().get(part.entity)
    return part.exact + Resources(
        lut=_weighted(part.lut, fitted["lut"] if fitted else None),
        ff=_weighted(part.ff, fitted["ff"] if fitted else None),
    )


def _weighted(sizes: Mapping[str, float], weights: Mapping[str, float] | None) -> float:
    if weights is None:
        return sum(sizes.values())
    return sum(size * weights.get(name, 0.0) for name, size in sizes.items())


@cache
def coefficients() -> dict[str, dict[str, dict[str, float]]]:
    """Return the fitted coefficients: by entity, ``"lut"`` or ``"ff"``, and size."""
    found: dict[str, dict[str, dict[str, float]]] = json.loads(COEFFICIENTS.read_text())
    return found
