"""Elements that give values other places."""

from __future__ import annotations

from collections.abc import Iterable

from ir.elements import Border, Reorder
from rtl.formals import Formals, bit_pattern, boolean
from rtl.generics.context import Context, instance


@instance.register
def _reorder(element: Reorder, context: Context) -> tuple[str, Formals]:
    return "reorder", {
        "bits": str(element.output.number.bits),
        "lanes": context.input_lanes,
        "block_size": str(element.block_size),
        "counts": _vector(loop.count for loop in element.loops),
        "strides": _vector(loop.stride for loop in element.loops),
        "clamps": _vector(int(loop.clamped) for loop in element.loops),
        "blocks": str(len(element.rounds)),
        "edges": boolean(element.edges),
        "extra_blocks": context.knobs["extra_blocks"],
        "fifo_depth": context.knobs["fifo_depth"],
    }


@instance.register
def _border(element: Border, context: Context) -> tuple[str, Formals]:
    shape, number = element.source.output.shape, element.output.number
    return "border", {
        "bits": str(number.bits),
        "lanes": context.input_lanes,
        "height": str(shape.height),
        "width": str(shape.width),
        "channels": str(shape.channels),
        "top": str(element.top),
        "left": str(element.left),
        "bottom": str(element.bottom),
        "right": str(element.right),
        "pad_value": str(bit_pattern(element.pad_value, number)),
        "extra_beats": context.knobs["extra_beats"],
        "fifo_depth": context.knobs["fifo_depth"],
    }


def _vector(numbers: Iterable[int]) -> str:
    """Return an aggregate for a generic of type integer_vector."""
    return f"({', '.join(f'{index} => {number}' for index, number in enumerate(numbers))})"
