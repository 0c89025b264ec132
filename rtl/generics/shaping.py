"""Elements that give values other places."""

from __future__ import annotations

from collections.abc import Iterable

from ir.elements import Reorder
from rtl.formals import Formals
from rtl.generics.context import Context, instance


@instance.register
def _reorder(element: Reorder, context: Context) -> tuple[str, Formals]:
    return "reorder", {
        "bits": str(element.output.number.bits),
        "lanes": context.input_lanes,
        "block_size": str(element.block_size),
        "counts": _vector(loop.count for loop in element.loops),
        "strides": _vector(loop.stride for loop in element.loops),
        "extra_blocks": context.knobs["extra_blocks"],
        "fifo_depth": context.knobs["fifo_depth"],
    }


def _vector(numbers: Iterable[int]) -> str:
    """Return an aggregate for a generic of type integer_vector."""
    return f"({', '.join(f'{index} => {number}' for index, number in enumerate(numbers))})"
