"""Rewrites of the stream graph: folding, lane adaptation, buffer depths.

The pipeline, in order; none changes a single value that the network computes.
"""

from __future__ import annotations

from ir.goal import DEFAULT_GOAL, UNLIMITED, Goal
from ir.graph import StreamGraph, check_legal
from rewrite.stream.buffers import size_outputs
from rewrite.stream.choices import counted
from rewrite.stream.fold import fold_to_cycles, fold_to_multipliers
from rewrite.stream.lanes import adapt_lanes
from rewrite.stream.optimum import Folding, fold_optimally
from rewrite.stream.share import share_multipliers
from rewrite.stream.slack import add_slack
from rewrite.stream.turns import buffer_turns

__all__ = ["Folding", "connect", "counted", "fold", "schedule"]


def schedule(graph: StreamGraph, goal: Goal | int | None = None) -> StreamGraph:
    """Return ``graph`` folded, with matching lanes and sized buffers.

    ``goal``: cycles per frame; by default the fewest that need at most ``DEFAULT_MULTIPLIERS``
    multipliers; or a goal, whose limits, if it has any, are kept at the least cost.
    """
    wanted = goal if isinstance(goal, Goal) else DEFAULT_GOAL if goal is None else Goal(goal)
    return connect(fold(graph, wanted)[0])


def connect(graph: StreamGraph) -> StreamGraph:
    """Return a folded ``graph`` with matching lanes and sized buffers."""
    for rewrite in (adapt_lanes, buffer_turns, size_outputs, add_slack):
        graph = rewrite(graph)
    check_legal(graph)
    return graph


def fold(graph: StreamGraph, goal: Goal) -> tuple[StreamGraph, Folding | None]:
    """Return ``graph`` folded, lanes may still disagree, and the optimum for a goal with limits."""
    if goal.limits != UNLIMITED:
        optimum = fold_optimally(graph, goal)
        return optimum.graph, optimum
    cycles = goal.cycles
    folded = fold_to_multipliers(graph) if cycles is None else fold_to_cycles(graph, cycles)
    return share_multipliers(folded), None
