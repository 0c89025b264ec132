"""One dimension of a window that slides over blocks of pixels instead of pixels.

A window of ``taps`` taps, ``stride`` and ``dilation`` puts out position q for tap i at place
``q * stride - pad + i * dilation`` of ``size`` places.  Seen in blocks of ``inputs`` places, the
``block`` positions of an output block read the places of a window of blocks:

    block b of positions = the window of ``kernel`` blocks from block b * step - before on

Both are the same for every b if ``block * stride = step * inputs``.  Blocks tile the map without a
rest, so places outside of it make up whole blocks, the padding of the new window.  If one block
holds the whole dimension there is no padding: places outside are left out (-1).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ir.numbers import IntArray


@dataclass(frozen=True, slots=True)
class Sliding:
    """One dimension of a window on a map: places, positions, and how these see those."""

    size: int
    positions: int
    taps: int
    stride: int = 1
    dilation: int = 1
    pad: int = 0


@dataclass(frozen=True, slots=True)
class Axis:
    """The same in blocks.

    ``size``: input blocks; ``positions``: output blocks; ``inputs``, ``block``: places of an input
    block and positions of an output block; ``kernel``, ``step``, ``before``, ``after``: window,
    stride and padding, in blocks.  ``places``: (block, taps), where in the window of blocks the
    taps of each position lie, -1 outside of the map.
    """

    size: int
    positions: int
    inputs: int
    block: int
    kernel: int
    step: int
    before: int
    after: int
    places: IntArray


def in_blocks(sliding: Sliding, block: int, alone: bool) -> Axis | None:
    """Return ``sliding`` in blocks of ``block`` positions; None if no blocks of places fit.

    ``alone``: an input block is a place, as it must be down a map whose rows are several blocks.
    """
    positions = np.arange(block)[:, None] * sliding.stride - sliding.pad
    places = positions + np.arange(sliding.taps) * sliding.dilation
    if block == sliding.positions and (sliding.size == 1 or not alone):
        inside = (places >= 0) & (places < sliding.size)
        left_out = np.where(inside, places, -1)
        return Axis(1, 1, sliding.size, block, 1, 1, 0, 0, left_out)
    if sliding.positions % block:
        return None
    inputs = 1 if alone else math.gcd(sliding.size, block * sliding.stride)
    first, last = int(places.min()) // inputs, int(places.max()) // inputs
    count, size = sliding.positions // block, sliding.size // inputs
    step, kernel = block * sliding.stride // inputs, last - first + 1
    after = max(0, (count - 1) * step + last + 1 - size)
    if (size - first + after - kernel) // step + 1 != count:
        return None
    places = places - first * inputs
    return Axis(size, count, inputs, block, kernel, step, -first, after, places)
