"""Rewrites of the stream graph: folding, lane adaptation, buffer depths.

The pipeline, in order; none changes a single value that the network computes.
"""

from __future__ import annotations

from ir.goal import DEFAULT_GOAL, Goal
from ir.graph import StreamGraph, check_legal
from rewrite.stream.buffers import size_outputs
from rewrite.stream.bursts import buffer_bursts
from rewrite.stream.chains import bare_ports, join_adders
from rewrite.stream.choices import counted
from rewrite.stream.datapaths import solve_adders
from rewrite.stream.fitting import fitting
from rewrite.stream.lanes import adapt_lanes
from rewrite.stream.optimum import Folding, fold
from rewrite.stream.slack import add_slack
from rewrite.stream.turns import buffer_turns

__all__ = ["Folding", "connect", "counted", "fold", "fold_within", "schedule"]


def schedule(graph: StreamGraph, goal: Goal | int | None = None) -> StreamGraph:
    """Return ``graph`` folded, with matching lanes and sized buffers.

    ``goal``: what the folding is to reach, or just its cycles per frame.
    """
    wanted = goal if isinstance(goal, Goal) else DEFAULT_GOAL if goal is None else Goal(goal)
    return fold_within(graph, wanted)[1]


def fold_within(graph: StreamGraph, goal: Goal) -> tuple[Folding, StreamGraph]:
    """Return the folding of ``graph`` for ``goal``, and its finished graph, within the limits.

    Raises:
        CompileError: no folding is that fast, or that small.
    """
    return fitting(graph, goal, fold, connect)


def connect(graph: StreamGraph) -> StreamGraph:
    """Return a folded ``graph`` with matching lanes and sized buffers."""
    for rewrite in (
        join_adders,
        solve_adders,
        adapt_lanes,
        bare_ports,
        buffer_turns,
        size_outputs,
    ):
        graph = rewrite(graph)
    graph = add_slack(*buffer_bursts(graph))
    check_legal(graph)
    return graph
