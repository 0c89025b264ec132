"""Channels that are appended so that layers fold evenly: the same values, cheaper."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from frontend.compiler import Compilation, compile_model
from frontend.report_elements import element_facts
from ir.cycles import own_cycles, predict, steady_period
from ir.elements import Kernel, ProcessingElement, Shape
from ir.goal import DEFAULT_WORTH, UNLIMITED, Goal
from ir.graph import StreamGraph
from ir.interpreter import evaluate
from ir.resources import estimate
from rewrite.stream import fold, schedule
from rewrite.stream.folded import folded
from rewrite.stream.padding import padded, padding
from rewrite.stream.solve import Problem
from sim.netlist import simulate_netlist
from tests.case import Case
from tests.stream_graphs import Chain
from tests.test_solve import TIGHT, WORTH, best_of_all, drawn, value
from tests.verdicts import judge
from zoo.network import Conv, Dense, GlobalAverage, Network

SAME = Kernel(3, 3, pad_top=1, pad_left=1, pad_bottom=1, pad_right=1)
POOL = Kernel(2, 2, 2, 2)
FRAMES = 3


def dense() -> Chain:
    """A layer of a prime number of channels for a few classes."""
    return Chain(Shape(1, 1, 8)).conv(29, Kernel(1, 1)).dense(3)


def convolutions() -> Chain:
    """Layers that read and send padded channels, with all that may stand between."""
    chain = Chain(Shape(6, 6, 2)).conv(13, SAME, pool=POOL).pool(Kernel(2, 2)).conv(5, SAME)
    return chain.conv(7, Kernel(1, 1), steps=True).average().dense(2)


def maxima() -> Chain:
    return Chain(Shape(3, 2, 2)).conv(11, Kernel(1, 1)).global_maximum().dense(3)


NETWORKS = (dense, convolutions, maxima)


@pytest.mark.parametrize(
    ("channels", "expected"),
    [(1, 0), (3, 0), (4, 0), (12, 0), (5, 1), (7, 1), (13, 1), (17, 1), (26, 1), (97, 3)],
)
def test_channels_that_are_appended(channels: int, expected: int) -> None:
    assert padding(channels) == expected


def problem_of(graph: StreamGraph) -> Problem:
    return padded(Problem(graph, estimate, DEFAULT_WORTH))


@pytest.mark.parametrize("build", NETWORKS)
def test_any_padding_sends_the_same_values(build: Callable[[], Chain]) -> None:
    chain = build()
    graph, frames = chain.graph(), chain.frames(FRAMES)
    expected = evaluate(graph, {"s_axis": frames})
    problem, random = problem_of(graph), np.random.default_rng(1)
    wide = 0
    for _ in range(60):
        # Walk from the first element on, so that each reads what is sent.
        chosen = {}
        for element in problem.elements:
            sent = [
                chosen[edge.sender].sends.padding
                for edge in problem.edges
                if edge.reader == element.name
            ]
            found = [
                choice
                for choice in problem.choices[element.name]
                if [beat.padding for beat in choice.reads] == sent
            ]
            if not found:
                break
            chosen[element.name] = found[int(random.integers(len(found)))]
        else:
            wide += any(choice.sends.padding for choice in chosen.values())
            found_values = evaluate(folded(graph, chosen), {"s_axis": frames})
            for name, values in expected.items():
                channels = values.shape[-1]
                np.testing.assert_array_equal(found_values[name][..., :channels], values, name)
    assert wide >= 5


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("limits", [UNLIMITED, TIGHT], ids=["free", "limited"])
def test_the_optimum_is_that_of_all_combinations(seed: int, limits: tuple[float, ...]) -> None:
    graph = Chain(Shape(1, 1, 1)).conv(5, Kernel(1, 1)).dense(2).graph()
    problem = padded(Problem(graph, drawn(seed), WORTH))
    paddings = {choice.sends.padding for choice in problem.choices["conv1"]}
    assert paddings == {0, 1}
    for cycles in (2, 4, 6, 10):
        solution = problem.cheapest(cycles, limits)  # type: ignore[arg-type]
        least = best_of_all(problem, cycles, limits)
        assert math.isclose(least, value(solution.cost) if solution else math.inf, rel_tol=1e-9)


def idle(graph: StreamGraph) -> list[tuple[int, int]]:
    return [element.idle for element in graph if isinstance(element, ProcessingElement)]


@pytest.mark.parametrize(("build", "cycles"), [(dense, 20), (convolutions, 170)])
def test_cheaper_than_without(build: Callable[[], Chain], cycles: int) -> None:
    graph = build().graph()
    even = fold(graph, Goal(cycles))
    assert any(map(any, idle(even.graph)))
    plain = Problem(graph, estimate, DEFAULT_WORTH).cheapest(cycles)
    assert plain is not None
    assert value(even.cost) < value(plain.cost)


def test_said_in_the_report_and_not_counted_as_work() -> None:
    graph = schedule(dense().graph(), 20)
    first, second = (element for element in graph if isinstance(element, ProcessingElement))
    assert first.idle == (0, 1)
    assert second.idle == (1, 0)
    said = [element_facts(element, predict(graph)).operation for element in (first, second)]
    assert said == [
        "dense 8 to 30 (1 of 30 output channels idle)",
        "dense 30 to 3 (1 of 30 input channels idle)",
    ]
    assert (first.macs, second.macs) == (8 * 29, 29 * 3)


def test_readers_that_cannot_be_padded_keep_their_channels() -> None:
    """What is put out, forked or moved is not padded."""
    chain = Chain(Shape(4, 4, 3)).conv(13, SAME)
    assert padded(plain := Problem(chain.graph(), estimate, DEFAULT_WORTH)) is plain
    first, second = chain.fork(8, 8)
    graph = first.conv(13, SAME).merge(second).graph()
    assert padded(plain := Problem(graph, estimate, DEFAULT_WORTH)) is plain


def test_from_the_keras_file_to_the_netlist(monkeypatch: pytest.MonkeyPatch) -> None:
    """Onnxruntime's integers, which know of no padding."""
    compiled: list[Compilation] = []

    def compile_and_keep(*arguments: object, **options: object) -> Compilation:
        compiled.append(compile_model(*arguments, **options))  # type: ignore[arg-type]
        return compiled[-1]

    monkeypatch.setattr("tests.verdicts._compiled", compile_and_keep)
    layers = (Conv(13, 1, activation="relu"), GlobalAverage(), Dense(3))
    verdict = judge(Case(Network("prime", (3, 3, 2), layers), cycles=30))
    assert verdict.problems == ()
    assert verdict.in_netlist > 0
    assert any(map(any, idle(compiled[0].graph)))


@pytest.mark.parametrize(("build", "cycles"), [(dense, 20), (convolutions, 170)])
def test_netlist_at_the_pace_of_the_slowest(
    build: Callable[[], Chain], cycles: int, tmp_path: Path
) -> None:
    chain = build()
    graph, inputs = schedule(chain.graph(), cycles), {"s_axis": chain.frames(FRAMES)}
    assert any(map(any, idle(graph)))
    assert steady_period(graph) == max(own_cycles(element) for element in graph)
    result = simulate_netlist(graph, inputs, evaluate(graph, inputs), tmp_path)
    assert result.passed, result.fault
    assert result.completions == predict(graph, FRAMES).completions
