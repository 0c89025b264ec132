"""Folding as an optimum: the cheapest choice of all elements that reaches a goal.

``element -> element(pe, simd, lanes, sharing)``.  Exact for any choice: folding orders the same
integer additions differently in time.  The choice is an optimum (``rewrite/stream/solve``).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from ir.elements import Element
from ir.errors import CompileError
from ir.goal import DEFAULT_GOAL, UNLIMITED, Amounts, Goal
from ir.graph import StreamGraph
from ir.resources import Resources, estimate
from rewrite.stream.blocks import Blocks
from rewrite.stream.datapaths import with_adder_levels
from rewrite.stream.folded import folded
from rewrite.stream.padding import padded
from rewrite.stream.solve import Problem, Solution

NAMES = (
    *("look-up tables", "flip-flops", "DSP blocks", "block RAMs of 18 kbit"),
    "products per cycle",
)


@dataclass(frozen=True, slots=True)
class Folding:
    """A folded graph, and what its choice rests on.

    ``cycles``: per frame, of ``slowest``, the element that limits them; ``cost``: estimated.
    ``next_cycles`` and ``next_cost``: of the cheapest one that is faster, None if none is.
    """

    graph: StreamGraph
    cycles: int
    slowest: Element
    cost: Resources
    next_cycles: int | None
    next_cost: Resources | None


def fold(graph: StreamGraph, goal: Goal) -> Folding:
    """Return ``graph`` folded at the least cost that reaches ``goal``; lanes may still disagree.

    Raises:
        CompileError: no folding is that fast, or that small.
    """
    found = _optimum(graph, goal)
    return replace(found, graph=with_adder_levels(found.graph, goal.adder_levels))


def _optimum(graph: StreamGraph, goal: Goal) -> Folding:
    problem, limits = padded(Problem(graph, estimate, goal.worth)), goal.limits
    blocks = Blocks(problem)
    if goal.cycles is not None:
        return _folding(blocks, _within(problem, blocks, goal.cycles, limits))
    if replace(goal, adder_levels=1) == DEFAULT_GOAL:
        limits = (*limits[:4], max(limits[4], problem.least_products))
    solution = _fastest(problem, limits)
    if limits[:4] != UNLIMITED[:4] and solution.cycles <= problem.least_cycles:
        solution = _fastest_in_blocks(blocks, 1, solution, limits)
    return _folding(blocks, solution)


def _folding(blocks: Blocks, solution: Solution) -> Folding:
    """Return the graph of ``solution``, and what the next faster one would cost."""
    faster = solution.cycles - 1
    following = blocks.within(faster).cheapest(faster) if faster else None
    return Folding(
        folded(blocks.graph, solution.foldings),
        solution.cycles,
        solution.slowest,
        solution.cost,
        following.cycles if following else None,
        following.cost if following else None,
    )


def _within(problem: Problem, blocks: Blocks, cycles: int, limits: Amounts) -> Solution:
    """Return the cheapest folding within ``cycles`` and ``limits``."""
    blocked = blocks.within(cycles)
    solution = blocked.cheapest(cycles, limits)
    if solution is not None:
        return solution
    if blocked.cheapest(cycles) is not None:
        raise _too_small(blocked, cycles, limits)
    fastest = _fastest_in_blocks(blocks, cycles + 1, _fastest(problem, UNLIMITED), UNLIMITED)
    raise _too_slow(blocks, cycles, fastest)


def _too_slow(blocks: Blocks, cycles: int, fastest: Solution) -> CompileError:
    """Return the error that says which element is how slow, and what can be asked for."""
    faster = blocks.within(fastest.cycles - 1)
    is_element = faster.least_cycles >= fastest.cycles
    slowest = faster.least_element if is_element else fastest.slowest
    return CompileError(
        "fold",
        slowest.layer,
        f"needs at least {fastest.cycles:,} cycles per frame, not {cycles:,}",
        f"ask for --cycles {fastest.cycles} or more",
    )


def _fastest_in_blocks(blocks: Blocks, low: int, best: Solution, limits: Amounts) -> Solution:
    """Return the fastest folding within the limits, of ``low`` cycles or more.

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


def _fastest(problem: Problem, limits: Amounts) -> Solution:
    """Return the cheapest of the fastest foldings within the limits: they get cheaper with time."""
    rates = problem.rates
    best = problem.cheapest(rates[-1], limits)
    if best is None:
        raise _too_small(problem, rates[-1], limits)
    low, high = 0, len(rates) - 1
    while low < high:
        middle = (low + high) // 2
        candidate = problem.cheapest(rates[middle], limits)
        if candidate is None:
            low = middle + 1
        else:
            best, high = candidate, middle
    return best


def _too_small(problem: Problem, cycles: int, limits: Amounts) -> CompileError:
    """Return the error that says what is too little, and by how much."""
    needed = problem.least_amounts(cycles)
    missing = [
        f"{math.ceil(need):,} {name}, not {limit:,.0f}"
        for name, need, limit in zip(NAMES, needed, limits, strict=True)
        if need > limit
    ]
    what = " and ".join(missing) or "more of some resource than its limit, whatever is saved"
    return CompileError(
        "fold",
        problem.graph.name,
        f"{cycles:,} cycles per frame need at least {what}",
        "raise the limit, take a larger part, or allow more cycles",
    )
