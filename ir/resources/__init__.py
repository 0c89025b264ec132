"""The resource model: what each element takes of a 7-series FPGA, without synthesis.

Formulas of the structure, with few coefficients fitted to open synthesis; docs/resources.md has
their errors.  Block RAMs and DSPs follow from the rules of the tool and are not fitted.
"""

from __future__ import annotations

from ir.elements import Element, Fork
from ir.graph import StreamGraph, readers
from ir.resources import (
    adders,
    joins,
    means,
    normalizing,
    plumbing,
    pointwise,
    pools,
    processing,
    shaping,
)
from ir.resources.count import Resources
from ir.resources.dispatch import parts_of

__all__ = ["Resources", "estimate", "estimate_graph", "parts_of"]

FAMILIES = (
    adders,
    joins,
    means,
    normalizing,
    plumbing,
    pointwise,
    pools,
    processing,
    shaping,
)
"""The modules that add their elements to ``parts_of``."""


def estimate(element: Element, ways: int = 2) -> Resources:
    """Return what ``element`` is estimated to take; ``ways``: readers of its stream, if a Fork.

    LUTs and flip-flops are not rounded.
    """
    parts = (plumbing.stream_fork(ways),) if isinstance(element, Fork) else parts_of(element)
    total = Resources()
    for part in parts:
        total += part.resources()
    return total


def estimate_graph(graph: StreamGraph) -> Resources:
    """Return what the whole graph is estimated to take, each element in whole cells."""
    reading = readers(graph)
    each = (estimate(element, len(reading[id(element)])).rounded() for element in graph)
    return sum(each, Resources())
