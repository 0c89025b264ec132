"""Elements that look at all channels of a pixel before they send the first.

Their results approximate real functions: see ``ir.elements.tolerance``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ir.elements.streams import StreamType
from ir.numbers import IntArray
from ir.requantize import ScaleRequantization

if TYPE_CHECKING:
    from ir.elements import Element


@dataclass(frozen=True, slots=True, eq=False)
class Softmax:
    """Softmax over the channels of each pixel: 8-bit codes in steps of 1/256.

    ``e(c) = exponentials[max(x) - x(c)]``, and the result is ``e(c) / sum(e)`` times 256, halves
    rounded up, at most 255, less 128 for a signed output.  ``exponentials``: (2**bits,), from
    ``2**fraction_bits`` downwards.
    """

    name: str
    layer: str
    source: Element
    output: StreamType
    exponentials: IntArray
    fifo_depth: int = 2

    @property
    def fraction_bits(self) -> int:
        """Bits behind the point of an exponential, the largest of which is 1."""
        return int(self.exponentials[0]).bit_length() - 1


@dataclass(frozen=True, slots=True, eq=False)
class LayerNormalization:
    """Each pixel's channels less their mean, over their deviation, scaled for each channel.

    ``requantization`` makes a code of a channel's score, which ``ir.layer_normalization`` defines.
    ``epsilon``: is added to the variance, in the terms of that module.
    """

    name: str
    layer: str
    source: Element
    output: StreamType
    epsilon: int
    requantization: ScaleRequantization
    fifo_depth: int = 2
