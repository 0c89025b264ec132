"""Folding as an optimum: the cheapest choice of all elements that reaches a goal.

``element -> element(pe, simd, lanes, sharing)``.  Exact for any choice: folding orders the same
integer additions differently in time.  The choice is an optimum (``rewrite/stream/solve``).
"""

from __future__ import annotations

import math
from bisect import bisect_left as bisect
from dataclasses import dataclass, replace

from ir.elements import Element
from ir.errors import CompileError
from ir.goal import DEFAULT_GOAL, UNLIMITED, Amounts, Goal
from ir.graph import StreamGraph
from ir.resources import Resources, estimate
from rewrite.stream.blocks import in_blocks
from rewrite.stream.datapaths import with_adder_levels
from rewrite.stream.solve import Problem, Solution, folded

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
    if goal.cycles is not None:
        problem = Problem(in_blocks(graph, goal.cycles), estimate, goal.worth)
        solution = _within(problem, goal.cycles, goal.limits)
        if solution is None:
            raise _too_slow(graph, problem, goal)
        return _folding(problem, solution)
    problem, limits = Problem(graph, estimate, goal.worth), goal.limits
    if replace(goal, adder_levels=1) == DEFAULT_GOAL:
        limits = (*limits[:4], max(limits[4], problem.least_products))
    solution = _fastest(problem, limits)
    if limits[:4] == UNLIMITED[:4]:
        return _folding(problem, solution)
    return _with_blocks(graph, goal, _folding(problem, solution))


def _with_blocks(graph: StreamGraph, goal: Goal, folding: Folding) -> Folding:
    """Return ``folding``, or one of half its cycles, and so on, while blocks of pixels fit.

    Where the limits keep a folding from a pixel per cycle, that is ``folding``.
    """
    while folding.cycles > 1:
        blocked = in_blocks(graph, folding.cycles // 2)
        if blocked is graph:
            break
        problem = Problem(blocked, estimate, goal.worth)
        solution = problem.cheapest(folding.cycles // 2, goal.limits)
        if solution is None:
            break
        folding = _folding(problem, solution)
    return folding


def _folding(problem: Problem, solution: Solution) -> Folding:
    """Return ``solution`` of ``problem``, and what the next faster one would cost."""
    faster = [rate for rate in problem.rates if rate < solution.cycles]
    following = problem.cheapest(faster[-1]) if faster else None
    return Folding(
        folded(problem.graph, solution),
        solution.cycles,
        solution.slowest.element,
        solution.cost,
        following.cycles if following else None,
        following.cost if following else None,
    )


def _within(problem: Problem, cycles: int, limits: Amounts) -> Solution | None:
    """Return the cheapest folding within ``cycles``; None if even without limits there is none."""
    solution = problem.cheapest(cycles, limits)
    if solution is None and problem.cheapest(cycles) is not None:
        raise _too_small(problem, cycles, limits)
    return solution


def _too_slow(graph: StreamGraph, problem: Problem, goal: Goal) -> CompileError:
    """Return the error that says which element is how slow, and what can be asked for."""
    assert goal.cycles is not None
    cycles, slowest = goal.cycles, problem.least_element
    while problem.cheapest(cycles) is None:
        rates = [rate for rate in problem.rates if rate > cycles]
        cycles = rates[bisect(rates, True, key=lambda rate: problem.cheapest(rate) is not None)]
        # With more cycles there may be other blocks.
        problem = Problem(in_blocks(graph, cycles), estimate, goal.worth)
    return CompileError(
        "fold",
        slowest.layer,
        f"needs at least {cycles} cycles per frame, not {goal.cycles}",
        f"ask for --cycles {cycles} or more",
    )


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
