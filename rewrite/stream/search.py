"""The fastest folding within limits: by bisection, as what fits at one rate fits at slower ones."""

from __future__ import annotations

from ir.goal import Amounts
from rewrite.stream.blocks import Blocks
from rewrite.stream.solve import Problem, Solution


def fastest(problem: Problem, limits: Amounts) -> Solution | None:
    """Return the cheapest of the fastest foldings within ``limits``; None if none fits."""
    rates = problem.rates
    best = problem.cheapest(rates[-1], limits)
    low, high = 0, len(rates) - 1
    while best is not None and low < high:
        middle = (low + high) // 2
        candidate = problem.cheapest(rates[middle], limits)
        if candidate is None:
            low = middle + 1
        else:
            best, high = candidate, middle
    return best


def fastest_in_blocks(blocks: Blocks, low: int, best: Solution, limits: Amounts) -> Solution:
    """Return the fastest folding within ``limits``, of ``low`` cycles or more.

    ``best``: with a pixel at a time, which is fast enough if none with blocks of pixels is.
    """
    while low < best.cycles:
        middle = (low + best.cycles) // 2
        candidate = blocks.within(middle).cheapest(middle, limits)
        if candidate is None:
            low = middle + 1
        else:
            best = candidate
    return best
