"""Lane adaptation: a width converter wherever sender and receiver differ in lanes.

``a[L1] -> b[L2]``  becomes  ``a[L1] -> converter -> b[L2]``; two converters through the greatest
common divisor where neither lane count divides the other.  A converter only regroups beats.
"""

from __future__ import annotations

import math
from dataclasses import replace

from ir.elements import (
    Consumer,
    Element,
    Fifo,
    Fork,
    Output,
    WidthConverter,
    input_lanes,
    sources,
    with_sources,
)
from ir.graph import StreamGraph
from ir.identifiers import Identifiers


def adapt_lanes(graph: StreamGraph) -> StreamGraph:
    """Return ``graph`` with every stream as wide as its receiver reads it."""
    names = Identifiers(frozenset(element.name for element in graph))

    def convert(source: Element, lanes: int, name: str, layer: str) -> Element:
        if source.output.lanes == lanes:
            return source
        output = replace(source.output, lanes=lanes)
        return WidthConverter(names.new(f"{name}_lanes"), layer, source, output)

    def rule(element: Consumer) -> Element:
        match element:
            case Fork() | Fifo() | Output():
                lanes = element.source.output.lanes
                return replace(element, output=replace(element.output, lanes=lanes))
            case _:
                return with_sources(element, tuple(adapted(s, element) for s in sources(element)))

    def adapted(source: Element, element: Consumer) -> Element:
        have, want = source.output.lanes, input_lanes(element, source)
        common = convert(source, math.gcd(have, want), element.name, element.layer)
        return convert(common, want, element.name, element.layer)

    return graph.rebuild(rule)
