"""Folding as an optimum: the cheapest choice of all elements that reaches a goal.

``element -> element(pe, simd, lanes, sharing)``.  Exact for any choice: folding orders the same
integer additions differently in time.  The choice is an optimum (``rewrite/stream/program``).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from ir.elements import Element
from ir.goal import DEFAULT_GOAL, UNLIMITED, Amounts, Goal
from ir.graph import StreamGraph
from ir.resources import Resources, estimate
from rewrite.stream.blocks import Blocks
from rewrite.stream.datapaths import with_adder_levels
from rewrite.stream.folded import folded
from rewrite.stream.infeasible import too_slow, too_small, too_small_for
from rewrite.stream.padding import padded
from rewrite.stream.search import fastest, fastest_in_blocks
from rewrite.stream.solve import Problem, Solution


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
    solution = fastest(problem, limits)
    if solution is None:
        raise too_small(problem, limits)
    if limits[:4] != UNLIMITED[:4] and solution.cycles <= problem.least_cycles:
        solution = fastest_in_blocks(blocks, 1, solution, limits)
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
    if blocked.cheapest(cycles) is None:
        raise too_slow(problem, blocks, cycles)
    raise too_small_for(problem, blocked, cycles, limits)
