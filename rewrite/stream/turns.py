"""Buffers in front of concatenations whose operands take long turns.

``a -> Reshape -> Concatenate``  becomes  ``a -> Reshape -> Fifo -> Concatenate``

Along rows or whole frames an operand waits while all the others have their turns; what makes it can
only go on meanwhile if there is room for what it sends.  How much is decided with the other buffers
(slack).  Operands that take turns pixel by pixel have no Reshape in front, and need none.
"""

from __future__ import annotations

from dataclasses import replace

from ir.elements import Concatenate, Consumer, Element, Fifo, Reshape, WidthConverter
from ir.graph import StreamGraph
from ir.identifiers import Identifiers

DEPTH = 2


def buffer_turns(graph: StreamGraph) -> StreamGraph:
    """Return ``graph`` with a FIFO for each operand that takes turns of several pixels."""
    names = Identifiers(frozenset(element.name for element in graph))

    def buffered(source: Element, element: Concatenate) -> Element:
        if not _is_reshaped(source):
            return source
        name = names.new(f"{element.name}_turn")
        return Fifo(name, element.layer, source, source.output, DEPTH)

    def rule(element: Consumer) -> Consumer:
        if not isinstance(element, Concatenate):
            return element
        return replace(element, sources=tuple(buffered(s, element) for s in element.sources))

    return graph.rebuild(rule)


def _is_reshaped(source: Element) -> bool:
    """True if the stream is seen with other pixels than those in which it was made."""
    while isinstance(source, WidthConverter):
        source = source.source
    return isinstance(source, Reshape)
