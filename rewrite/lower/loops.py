"""The nested loops that visit places in a given order, for Reorder elements.

Any chain of transpositions, reshapes and repetitions visits the values of a stream as nested loops
do, with a constant stride each; the loops are found in the places alone.
"""

from __future__ import annotations

import numpy as np

from ir.elements import Loop
from ir.errors import CompileError
from ir.numbers import IntArray


def loops_of(places: IntArray, layer: str) -> tuple[Loop, ...]:
    """Return the fewest loops, outermost first, that visit ``places`` (flat) in their order.

    Raises:
        CompileError: there are none with constant strides from 0 up that begin at place 0.
    """
    loops: list[Loop] = []
    rest = places
    while len(rest) > 1:
        stride = int(rest[1] - rest[0])
        turns = np.flatnonzero(np.diff(rest) != stride)
        count = int(turns[0]) + 1 if len(turns) else len(rest)
        if len(rest) % count or stride < 0:
            raise _irregular(layer)
        rounds = rest.reshape(-1, count)
        if np.any(rounds != rounds[:, :1] + np.arange(count) * stride):
            raise _irregular(layer)
        loops.append(Loop(count, stride))
        rest = rounds[:, 0]
    if places[0] != 0:
        raise _irregular(layer)
    return tuple(reversed(loops)) or (Loop(1, 0),)


def is_nested(places: IntArray) -> bool:
    """True if there are loops that visit ``places`` (flat)."""
    try:
        loops_of(places, "")
    except CompileError:
        return False
    return True


def _irregular(layer: str) -> CompileError:
    return CompileError(
        "lower",
        layer,
        "values must change places as transpositions, reshapes and repetitions make them",
        "leave out what mixes them in another way",
    )


def blocked(loops: tuple[Loop, ...], size: int) -> tuple[int, tuple[Loop, ...]]:
    """Return the size of the blocks of a frame of ``size`` values, and the loops inside of one.

    An outermost loop that goes through the frame without overlap goes from block to block; without
    such a loop the whole frame is one block.
    """
    first, *rest = loops
    reach = sum((loop.count - 1) * loop.stride for loop in rest)
    if first.count * first.stride == size and reach < first.stride:
        return first.stride, tuple(rest) or (Loop(1, 0),)
    return size, loops
