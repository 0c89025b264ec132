"""What a folding is to reach: a pace, within what an FPGA has."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeAlias

from ir.parts import PARTS, Part

Amounts: TypeAlias = tuple[float, float, float, float, float]
"""Look-up tables of all uses, flip-flops, DSP blocks, block RAMs of 18 kbit, products per cycle."""

UNLIMITED: Amounts = (math.inf,) * 5

DEFAULT_PRODUCTS = 128
"""Products per cycle that are allowed by default: what the smallest boards' DSP blocks hold."""

REFERENCE = PARTS["xc7z020"]
"""The part whose mix of resources says what they are worth, if none is named."""


def worth(part: Part) -> Amounts:
    """Return how much of each resource costs as much as all of the part's look-up tables.

    DSP blocks and block RAM weigh half of their share: what is left of them serves nothing else.
    Products cost nothing beside what forms them.
    """
    lut, ff, dsp, bram18 = part.amounts
    return lut, ff, 2 * dsp, 2 * bram18, math.inf


DEFAULT_WORTH = worth(REFERENCE)


@dataclass(frozen=True, slots=True)
class Goal:
    """What a folding is to reach.

    ``cycles``: per frame, at most; by default the fewest that fit.  ``limits``: the most that may
    be used of each resource.  ``worth``: in parts of which costs are added up.
    ``adder_levels``: adders in a row between registers, where sums are made of adders alone.
    """

    cycles: int | None = None
    limits: Amounts = UNLIMITED
    worth: Amounts = DEFAULT_WORTH
    adder_levels: int = 1


DEFAULT_GOAL = Goal(limits=(*UNLIMITED[:4], DEFAULT_PRODUCTS))
"""The fewest cycles that the default number of products allows, or one product each if less."""
