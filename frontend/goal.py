"""What the folding is to reach, from what the command line says."""

from __future__ import annotations

import math
from dataclasses import replace

from ir.goal import DEFAULT_GOAL, REFERENCE, UNLIMITED, Goal, worth
from ir.parts import PARTS

RESOURCES = {"lut": 0, "ff": 1, "dsp": 2, "bram18": 3, "bram36": 3, "products": 4}
"""Names in a budget, and the place of each among the amounts."""


def goal(
    *,
    cycles: int | None = None,
    fps: float | None = None,
    clock_mhz: float = 100.0,
    part: str | None = None,
    use: float = 0.8,
    budget: str | None = None,
    adder_levels: int = 1,
) -> Goal:
    """Return the goal of a folding.

    Args:
        cycles: per frame, at most.
        fps: frames per second, at least, at ``clock_mhz``.
        clock_mhz: clock in MHz.
        part: FPGA of which at most the fraction ``use`` is taken.
        use: above 0, at most 1.
        budget: ``lut=20000,dsp=100``: resources to take at most, beside the part's; ``products``
            per cycle may be limited in the same way.
        adder_levels: in a row between registers, where sums are made of adders alone; at least 1.

    Raises:
        ValueError: with one line, if something is wrong.
    """
    if cycles is not None and fps is not None:
        raise ValueError("give --cycles or --fps, not both")
    if fps is not None:
        cycles = math.floor(clock_mhz * 1e6 / fps)
        if cycles < 1:
            raise ValueError(
                f"--fps must be at most the clock, {clock_mhz * 1e6:,.0f}, not {fps:,}"
            )
    if part is None and budget is None:
        wanted = DEFAULT_GOAL if cycles is None else Goal(cycles)
        return replace(wanted, adder_levels=adder_levels)
    limits, named = [*UNLIMITED], REFERENCE
    if part is not None:
        if part not in PARTS:
            raise ValueError(f"--part must be one of {', '.join(PARTS)}, not {part}")
        named = PARTS[part]
        limits[:4] = (amount * use for amount in named.amounts)
    for place, amount in _budget(budget or "").items():
        limits[place] = amount
    found = (limits[0], limits[1], limits[2], limits[3], limits[4])
    return Goal(cycles, found, worth(named), adder_levels)


def _budget(text: str) -> dict[int, float]:
    """Return the amounts of a budget by their places."""
    amounts: dict[int, float] = {}
    for item in text.split(",") if text else ():
        name, _, number = item.strip().partition("=")
        if name not in RESOURCES or not number.isdecimal():
            wanted = ", ".join(f"{name}=N" for name in RESOURCES)
            raise ValueError(f"--budget must be of the form {wanted}, not {item.strip()!r}")
        amounts[RESOURCES[name]] = float(number) * (2 if name == "bram36" else 1)
    return amounts
