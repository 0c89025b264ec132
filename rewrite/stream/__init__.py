"""Rewrites of the stream graph: folding, lane adaptation, buffer depths.

The pipeline, in order; none changes a single value that the network computes.
"""

from __future__ import annotations

from ir.graph import StreamGraph, check_legal
from rewrite.stream.buffers import size_outputs
from rewrite.stream.fold import DEFAULT_MULTIPLIERS, fold_to_cycles, fold_to_multipliers
from rewrite.stream.lanes import adapt_lanes
from rewrite.stream.share import share_multipliers
from rewrite.stream.slack import add_slack
from rewrite.stream.turns import buffer_turns

__all__ = ["DEFAULT_MULTIPLIERS", "schedule"]


def schedule(graph: StreamGraph, cycles: int | None = None) -> StreamGraph:
    """Return ``graph`` folded, with matching lanes and sized buffers.

    ``cycles``: target cycles per frame; by default the fewest that need at most
    ``DEFAULT_MULTIPLIERS`` multipliers.
    """
    folded = fold_to_cycles(graph, cycles) if cycles else fold_to_multipliers(graph)
    for rewrite in (share_multipliers, adapt_lanes, buffer_turns, size_outputs, add_slack):
        folded = rewrite(folded)
    check_legal(folded)
    return folded
