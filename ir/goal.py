"""What a folding is to reach: a pace, within what an FPGA has."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeAlias

from ir.parts import PARTS

Amounts: TypeAlias = tuple[float, float, float, float]
"""Look-up tables of all uses, flip-flops, DSP blocks and block RAMs of 18 kbit."""

UNLIMITED: Amounts = (math.inf, math.inf, math.inf, math.inf)

REFERENCE = PARTS["xc7z020"]
"""The part whose mix of resources says what they are worth, if none is named."""


@dataclass(frozen=True, slots=True)
class Goal:
    """What a folding is to reach.

    ``cycles``: per frame, at most; by default the fewest that fit.  ``limits``: the most that may
    be used of each resource.  ``worth``: how much of each makes up a whole FPGA, in parts of which
    costs are added up.
    """

    cycles: int | None = None
    limits: Amounts = UNLIMITED
    worth: Amounts = REFERENCE.amounts


DEFAULT_GOAL = Goal()
"""The fewest cycles that the default number of multipliers allows."""
