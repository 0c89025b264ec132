"""Folding to a goal whose limits the finished graph keeps: with its buffers, and adders as solved.

``rewrite/stream/optimum`` solves for what elements and converters take.  Branch FIFOs, additional
rows of windows and graphs of adders are known only for a folding that was chosen.  Where they are
too much, the next folding is solved within limits that leave room for them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from ir.errors import CompileError
from ir.goal import Amounts, Goal
from ir.graph import StreamGraph
from ir.resources import estimate_graph
from ir.words import number_of
from rewrite.stream.choices import counted
from rewrite.stream.infeasible import lacking
from rewrite.stream.optimum import Folding

ATTEMPTS = 6
"""Foldings that are solved at most; each takes as long as the first."""


def fitting(
    graph: StreamGraph,
    goal: Goal,
    fold: Callable[[StreamGraph, Goal], Folding],
    connect: Callable[[StreamGraph], StreamGraph],
) -> tuple[Folding, StreamGraph]:
    """Return a folding of ``graph`` and what ``connect`` makes of it, within the goal's limits.

    Each further folding takes less than the one before by what that lacked; or, once that is too
    little for any folding, half-way between what was too much and what was too little.

    Raises:
        CompileError: no folding fits, or none that was found fits with its buffers.
    """
    lacks_room, has_room = goal.limits, None
    least: tuple[int, Amounts] | None = None
    wanted = goal
    for _ in range(ATTEMPTS):
        try:
            folding = fold(graph, wanted)
        except CompileError:
            if least is None:
                raise
            has_room = wanted.limits
        else:
            connected = connect(folding.graph)
            taken = counted(estimate_graph(connected))
            excess = _excess(taken, goal.limits)
            if not any(excess):
                return folding, connected
            if least is None or sum(excess) < sum(_excess(least[1], goal.limits)):
                least = folding.cycles, taken
            lacks_room = wanted.limits
        if has_room is None:
            limits = [
                min(limit, cost) - more if more else limit
                for limit, cost, more in zip(lacks_room, counted(folding.cost), excess, strict=True)
            ]
        else:
            limits = [_middle(*pair) for pair in zip(lacks_room, has_room, strict=True)]
        wanted = replace(goal, limits=(limits[0], limits[1], limits[2], limits[3], limits[4]))
    assert least is not None
    raise _too_large(graph, goal, *least)


def _excess(taken: Amounts, limits: Amounts) -> list[float]:
    return [max(one - limit, 0.0) for one, limit in zip(taken, limits, strict=True)]


def _middle(low: float, high: float) -> float:
    return low if low == high else (low + high) / 2


def _too_large(graph: StreamGraph, goal: Goal, cycles: int, taken: Amounts) -> CompileError:
    """Return the error that says what the folding that lacked least takes, and what is allowed."""
    missing = " and ".join(lacking(taken, goal.limits))
    slower = "" if goal.cycles is None else "ask for more cycles, "
    return CompileError(
        "fold",
        graph.name,
        f"{number_of(cycles, 'cycle')} per frame need, with buffers, {missing}",
        f"{slower}raise the limit or take a larger part",
    )
