"""What the folding is to reach, from what the command line says."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction

from ir.goal import DEFAULT_GOAL, REFERENCE, UNLIMITED, Goal, worth
from ir.parts import PARTS

CLOCK_MHZ = 100.0
"""Clock that frames per second are meant for, if none is given."""

USE = 0.8
"""Fraction of a part that may be used, if none is given."""

RESOURCES = {"lut": 0, "ff": 1, "dsp": 2, "bram18": 3, "bram36": 3, "products": 4}
"""Names in a budget, and the place of each among the amounts."""

UNUSED = ("uram",)
"""Names in a budget that limit what no element takes: UltraRAM has no initial contents."""


def goal(
    *,
    cycles: int | None = None,
    fps: float | None = None,
    clock_mhz: float | None = None,
    part: str | None = None,
    use: float | None = None,
    budget: str | None = None,
    adder_levels: int = 1,
) -> Goal:
    """Return the goal of a folding.

    Args:
        cycles: per frame, at most.
        fps: frames per second, at least, at ``clock_mhz``.
        clock_mhz: clock in MHz, by default ``CLOCK_MHZ``.
        part: FPGA of which at most the fraction ``use`` is taken.
        use: above 0, at most 1; by default ``USE``.
        budget: ``lut=20000,dsp=100``: resources to take at most, beside the part's; ``products``
            per cycle may be limited in the same way, and so may ``uram``, which nothing takes.
        adder_levels: in a row between registers, where sums are made of adders alone; at least 1.

    Raises:
        ValueError: with one line, if something is wrong.
    """
    if cycles is not None and fps is not None:
        raise ValueError("give --cycles or --fps, not both")
    if fps is None and clock_mhz is not None:
        raise ValueError("--clock must come with --fps, which it is for")
    if part is None and use is not None:
        raise ValueError("--use must come with --part, of which it is a fraction")
    if fps is not None:
        cycles = _cycles(fps, CLOCK_MHZ if clock_mhz is None else clock_mhz)
    amounts = {} if budget is None else _budget(budget)
    if part is None and not amounts:
        wanted = DEFAULT_GOAL if cycles is None else Goal(cycles)
        return replace(wanted, adder_levels=adder_levels)
    limits, named = [*UNLIMITED], REFERENCE
    if part is not None:
        if part not in PARTS:
            raise ValueError(f"--part must be one of {', '.join(PARTS)}, not {part}")
        named, share = PARTS[part], USE if use is None else use
        if not 0 < share <= 1:
            raise ValueError(f"--use must be above 0 and at most 1, not {share:g}")
        limits[:4] = (amount * share for amount in named.amounts)
    for place, amount in amounts.items():
        limits[place] = amount
    found = (limits[0], limits[1], limits[2], limits[3], limits[4])
    return Goal(cycles, found, worth(named), adder_levels)


def _cycles(fps: float, clock_mhz: float) -> int:
    """Return the cycles that a frame may take, computed in the decimals that were given."""
    for name, number in (("--fps", fps), ("--clock", clock_mhz)):
        if not 0 < number < math.inf:
            raise ValueError(f"{name} must be a finite number above 0, not {number:g}")
    clock = Fraction(repr(clock_mhz)) * 10**6
    cycles = math.floor(clock / Fraction(repr(fps)))
    if cycles < 1:
        raise ValueError(f"--fps must be at most the clock, {float(clock):,.0f}, not {fps:,}")
    return cycles


def _budget(text: str) -> dict[int, float]:
    """Return the amounts of a budget by their places."""
    amounts: dict[int, float] = {}
    for item in text.split(","):
        name, _, number = item.strip().partition("=")
        if name not in (*RESOURCES, *UNUSED) or not (number.isascii() and number.isdecimal()):
            wanted = ", ".join(f"{name}=N" for name in (*RESOURCES, *UNUSED))
            raise ValueError(f"--budget must be of the form {wanted}, not {item.strip()!r}")
        if name in UNUSED:
            continue
        place = RESOURCES[name]
        if place in amounts:
            raise ValueError(f"--budget must limit each resource once, not {name} again")
        amounts[place] = float(number) * (2 if name == "bram36" else 1)
    return amounts
