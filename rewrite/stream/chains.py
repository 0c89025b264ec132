"""Layers in a row that have adders for multipliers, as one pipeline.

``a -> b -> c``   becomes   ``AdderChain(a, b, c)``

Each of them takes a beat in each cycle, all channels of a pixel, and sends one: nothing is buffered
in front of it, and there is no pool or table behind its codes.  Then the FIFO that made it
stallable, its registers and the ends of its stages can go, and a single FIFO behind the last one is
enough.  The same integers, sooner.  A layer alone is such a pipeline, too.
"""

from __future__ import annotations

from dataclasses import replace

from ir.adders import signed_digits
from ir.elements import AdderChain, Consumer, Element, Input, Output, ProcessingElement
from ir.elements.processing import weight_rows
from ir.graph import StreamGraph
from ir.requantize import ScaleRequantization

MOST_DIGITS_OF_A_CHAIN = 60_000
"""Of all weights: a datapath has fewer values than that, and adder_graph.vhd below 65,536."""


def join_adders(graph: StreamGraph) -> StreamGraph:
    """Return ``graph`` with its layers of adders joined."""
    return graph.rebuild(_joined)


def _joined(element: Consumer) -> Element:
    if not (isinstance(element, ProcessingElement) and may_be_joined(element)):
        return element
    before = element.source
    layers: tuple[ProcessingElement, ...] = (element,)
    source = before
    if (
        isinstance(before, AdderChain)
        and before.output.lanes == element.input_lanes
        and before.adder_levels == element.adder_levels
        and _digits((*before.layers, element)) <= MOST_DIGITS_OF_A_CHAIN
    ):
        layers, source = (*before.layers, element), before.source
    return AdderChain(
        element.name, element.layer, source, element.output, layers, element.adder_levels
    )


def may_be_joined(element: ProcessingElement) -> bool:
    """True if all that ``element`` does is adding, and requantizing, what comes beat by beat."""
    plain = element.table is None and element.pool is None and element.members is None
    scaled = isinstance(element.requantization, ScaleRequantization)
    few = _digits((element,)) <= MOST_DIGITS_OF_A_CHAIN
    return element.adder_levels > 0 and element.is_direct and plain and scaled and few


def _digits(layers: tuple[ProcessingElement, ...]) -> int:
    return sum(int(signed_digits(weight_rows(layer)).sum()) for layer in layers)


def bare_ports(graph: StreamGraph) -> StreamGraph:
    """Return ``graph`` without the FIFOs of ports that chains make useless.

    ``Input -> AdderChain -> Output``: behind a chain there is a FIFO already.  In front of it there
    is none if a frame is a single beat: it is taken when a place in the FIFO behind is free, which
    a register says.
    """
    inputs = {id(port): port for port in graph.inputs}

    def rule(element: Consumer) -> Consumer:
        if isinstance(element, Output) and isinstance(element.source, AdderChain):
            return replace(element, buffered=False)
        if isinstance(element, AdderChain) and isinstance(element.source, Input):
            port = element.source
            if port.output.beats == 1:
                inputs[id(port)] = bare = replace(port, buffered=False)
                return replace(element, source=bare)
        return element

    rebuilt = graph.rebuild(rule)
    return replace(rebuilt, inputs=tuple(inputs[id(port)] for port in graph.inputs))
