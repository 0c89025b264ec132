"""Elements that give values other places and compute nothing."""

from __future__ import annotations

from ir.elements import Border, Reorder
from ir.numbers import clog2
from ir.resources.count import Resources
from ir.resources.dispatch import parts_of
from ir.resources.memory import ram
from ir.resources.part import Part
from ir.resources.plumbing import reserving_fifo, stream_fifo


@parts_of.register
def border(element: Border) -> tuple[Part, ...]:
    """Return counters of rows, columns and words between two FIFOs; bits of a beat, or padding."""
    rows, columns = element.walk
    words = element.output.shape.channels // element.output.lanes
    width = element.output.width_bits
    sides = (element.top, element.left, element.bottom, element.right)
    sizes = {"one": 1.0, "counters": clog2(rows) + clog2(columns) + clog2(words)}
    lut = sizes | {"beat": width, "padded": width if max(sides) > 0 else 0}
    return (
        Part("border", lut, sizes),
        stream_fifo(element.input_depth, width),
        stream_fifo(element.fifo_depth, width),
    )


@parts_of.register
def reorder(element: Reorder) -> tuple[Part, ...]:
    """Return blocks in memory, the counters of the loops that read them, and their addresses."""
    lanes, width = element.output.lanes, element.output.width_bits
    words = element.stored_blocks * element.block_size // lanes
    counts = [loop.count for loop in element.loops]
    counts[-1] //= lanes
    memory = ram(words, width)
    lut = {
        "one": 1.0,
        "address": clog2(words),
        "counters": sum(clog2(count) + 1 for count in counts if count > 1),
        "loops": sum(count > 1 for count in counts),
        "blocks": clog2(element.stored_blocks),
    }
    ff = lut | {"word": width * (2 if memory.luts else 1)}
    exact = Resources(lut_memory=memory.luts, bram18=memory.bram18)
    return (Part("reorder", lut, ff, exact), *reserving_fifo(element.fifo_depth, width))
