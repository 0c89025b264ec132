"""Limits hold for the finished graph, with the buffers that are sized after the folding."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import reduce
from operator import add

import pytest

from frontend.report_elements import element_facts, total_resources
from ir.cycles import predict
from ir.elements import Kernel, Shape
from ir.errors import CompileError
from ir.goal import UNLIMITED, Amounts, Goal
from ir.graph import StreamGraph, readers
from ir.resources import Resources, estimate
from rewrite.stream import Folding, connect, counted, fold, fold_within
from rewrite.stream.fitting import ATTEMPTS, fitting
from tests.stream_graphs import Chain

SAME = {"pad_top": 1, "pad_left": 1, "pad_bottom": 1, "pad_right": 1}


def branched() -> StreamGraph:
    """Return a residual block, whose direct branch waits for two windows."""
    chain, skip = Chain(Shape(8, 6, 4)).fork(2, 2)
    for _ in range(2):
        chain.conv(4, Kernel(3, 3, **SAME))
    return chain.merge(skip).graph()


def taken(graph: StreamGraph) -> Amounts:
    return counted(reduce(add, map(estimate, graph), Resources()))


def luts(count: float) -> Amounts:
    return (count, *UNLIMITED[1:])


def most_luts(folding: Folding) -> int:
    """Return the LUTs of a folding before its buffers are sized."""
    return math.ceil(counted(folding.cost)[0])


@pytest.mark.parametrize("cycles", [None, 1000])
def test_the_finished_graph_keeps_the_limits(cycles: int | None) -> None:
    graph, limit = branched(), 900
    unaware = fold(graph, Goal(cycles, luts(limit)))
    assert most_luts(unaware) <= limit < taken(connect(unaware.graph))[0]
    folding, finished = fold_within(graph, Goal(cycles, luts(limit)))
    assert round(taken(finished)[0]) <= limit
    assert folding.cycles <= (cycles or unaware.cycles)


def test_limits_are_those_of_the_report() -> None:
    """A fork of four takes more than one of two; cells of each element are whole."""
    first, *others = Chain(Shape(8, 6, 8)).fork(2, 2, 2, 2)
    for other in others:
        first = first.merge(other)
    graph = first.graph()
    folding, finished = fold_within(graph, Goal(400))
    reported = reported_luts(finished)
    assert fold_within(graph, Goal(400, luts(reported)))[0].cycles == folding.cycles
    try:
        smaller = reported_luts(fold_within(graph, Goal(400, luts(reported - 1)))[1])
    except CompileError:
        return
    assert smaller < reported


def reported_luts(graph: StreamGraph) -> int:
    cycles = predict(graph)
    reading = readers(graph)
    total = total_resources(element_facts(e, cycles, len(reading[id(e)])) for e in graph)
    return round(total.lut + total.lut_memory)


def test_what_fits_is_folded_once() -> None:
    asked: list[Goal] = []
    goal = Goal(600, luts(100_000))
    fitting(branched(), goal, recorded(asked), connect)
    assert asked == [goal]


@pytest.mark.parametrize(
    ("cycles", "slower"), [(None, ""), (10**6, "ask for more cycles, ")], ids=["fastest", "target"]
)
def test_what_does_not_fit_with_buffers_is_refused(cycles: int | None, slower: str) -> None:
    graph = branched()
    least = most_luts(fold(graph, Goal(10**6, worth=luts(1))))
    asked: list[Goal] = []
    with pytest.raises(CompileError) as refused:
        fitting(graph, Goal(cycles, luts(least)), recorded(asked), connect)
    assert len(asked) == ATTEMPTS
    words = str(refused.value).split()
    needed = words[words.index("look-up") - 1]
    count = words[1]
    assert str(refused.value) == (
        f"tiny: {count} cycles per frame need, with buffers, {needed} look-up tables, "
        f"not {least:,}; {slower}raise the limit or take a larger part"
    )
    found, finished = fold_within(graph, Goal(cycles, luts(int(needed.replace(",", "")))))
    assert found.cycles <= int(count.replace(",", ""))
    assert f"{reported_luts(finished):,}" == needed


def test_what_fits_without_buffers_neither_is_refused_at_once() -> None:
    asked: list[Goal] = []
    with pytest.raises(
        CompileError, match=r"^tiny: even .* need at least .* look-up tables, not 9;"
    ):
        fitting(branched(), Goal(None, luts(9)), recorded(asked), connect)
    assert len(asked) == 1


def recorded(asked: list[Goal]) -> Callable[[StreamGraph, Goal], Folding]:
    """Return ``fold``, which also appends the goals that it is asked for."""

    def folded(graph: StreamGraph, goal: Goal) -> Folding:
        asked.append(goal)
        return fold(graph, goal)

    return folded
