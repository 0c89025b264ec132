"""Layers of adders in the form that the compiler gives them, for ``tests.clock``."""

from __future__ import annotations

from functools import cache

from ir.elements import AdderChain, Kernel, Shape
from ir.goal import Goal
from rewrite.stream import schedule
from sim.alone import Value, alone, generics
from tests.stream_graphs import UINT8, Chain

WIDTHS = (8, 8, 5)
"""Values that go in, and codes of each layer."""

UNLIMITED = 1e9
"""Of each resource but multipliers, of which there are none."""

LAYERS: dict[str, tuple[str, int]] = {
    "adder_chain": ("adder_chain", 1),
    "adder_chain_5_levels": ("adder_chain", 5),
    "adder_graph": ("adder_graph", 1),
}
"""Rows of the page: entity, and operations in a row between registers.

Both layers, with the FIFO behind them or without.  1 is what the compiler takes unless told.
"""


def adders(name: str) -> tuple[str, dict[str, Value]]:
    """Return the entity of a row, and its generics: random weights of 8 bits."""
    entity, levels = LAYERS[name]
    values = _layers(levels)
    return entity, {generic: values[generic] for generic in generics(entity) if generic in values}


@cache
def _layers(levels: int) -> dict[str, Value]:
    chain = Chain(Shape(1, 1, WIDTHS[0]))
    for outputs in WIDTHS[1:]:
        chain = chain.conv(outputs, Kernel(1, 1), output=UINT8)
    limits = (UNLIMITED, UNLIMITED, 0, UNLIMITED, UNLIMITED)
    scheduled = schedule(chain.graph(), Goal(1, limits=limits, adder_levels=levels))
    (found,) = (element for element in scheduled if isinstance(element, AdderChain))
    return alone(found)[1]
