"""Output channels that their number at a time does not divide: a surplus in the last group."""

from __future__ import annotations

from pathlib import Path

import pytest

from ir.cycles import own_cycles, predict, steady_period
from ir.elements import Kernel, ProcessingElement, Shape
from ir.goal import DEFAULT_WORTH, Goal
from ir.graph import StreamGraph
from ir.interpreter import evaluate
from ir.resources import estimate
from rewrite.stream import counted, schedule
from rewrite.stream.counts import divisors, narrowest, together
from rewrite.stream.optimum import fold
from rewrite.stream.solve import Problem
from sim.netlist import simulate_netlist
from tests.stream_graphs import Chain

SAME = Kernel(3, 3, pad_top=1, pad_left=1, pad_bottom=1, pad_right=1)
FRAMES = 3


def network() -> Chain:
    chain = Chain(Shape(5, 4, 2)).conv(7, SAME, pool=Kernel(2, 2, 2, 2))
    return chain.conv(5, Kernel(1, 1)).dense(13)


def surpluses(graph: StreamGraph) -> list[int]:
    return [e.surplus for e in graph if isinstance(e, ProcessingElement)]


@pytest.mark.parametrize(
    ("outputs", "expected"),
    [
        (4, [1, 2, 4]),
        (12, [1, 2, 3, 4, 6, 12]),
        (5, [1, 2, 3, 5]),
        (13, [1, 2, 3, 4, 5, 7, 13]),
        (10, [1, 2, 3, 5, 10]),
    ],
)
def test_channels_at_a_time(outputs: int, expected: list[int]) -> None:
    assert together(outputs) == expected


def test_lanes_divide_both() -> None:
    assert [narrowest(4, 10, steps) for steps in (4, 2, 1)] == [1, 2, None]
    assert [narrowest(6, 12, steps) for steps in (6, 2, 1)] == [1, 3, 6]


def test_cheaper_than_with_divisors_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    graph = network().graph()
    uneven = fold(graph, Goal(720))
    assert any(surpluses(uneven.graph))
    monkeypatch.setattr("rewrite.stream.processing_choices.together", divisors)
    even = Problem(graph, estimate, DEFAULT_WORTH).cheapest(720)
    assert even is not None

    def value(amounts: tuple[float, ...]) -> float:
        return sum(a / w for a, w in zip(amounts, DEFAULT_WORTH, strict=True))

    assert value(counted(uneven.cost)) < value(even.amounts)


def test_at_full_pace_in_the_netlist(tmp_path: Path) -> None:
    chain = network()
    graph, inputs = schedule(chain.graph(), 720), {"s_axis": chain.frames(FRAMES)}
    assert any(surpluses(graph))
    assert steady_period(graph) == max(own_cycles(element) for element in graph)
    result = simulate_netlist(graph, inputs, evaluate(graph, inputs), tmp_path)
    assert result.passed, result.fault
    assert result.completions == predict(graph, FRAMES).completions
