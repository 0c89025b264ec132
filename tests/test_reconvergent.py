"""Buffers of branches that meet again: full pace, no deadlock, and not a beat to spare."""

from __future__ import annotations

from collections import Counter
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from ir.cycles import own_cycles, predict, steady_period
from ir.cycles.system import EventSystem, element_events
from ir.elements import Concatenate, Fifo, Fork, Input, Merge, Output, Shape, sources
from ir.graph import StreamGraph
from ir.interpreter import evaluate
from ir.maxplus import DeadlockError, EventGraph, EventList
from rewrite.stream import slack
from rewrite.stream.buffers import size_outputs
from rewrite.stream.slack import _least, _with, add_slack
from sim import Hang, SimulationOptions, simulate
from tests.reconvergent_graphs import SAME, reconvergent_graph
from tests.stream_graphs import Chain

GRAPHS = range(60)
FRAMES = 3
SIMULATED = (9, 11, 36, 38, 48)
"""Two inputs and outputs, dense connections, nested branches, a tensor used three times."""
DENSE = 11


@cache
def sized(seed: int) -> StreamGraph:
    return add_slack(reconvergent_graph(seed)[1])


def room(graph: StreamGraph) -> dict[str, int]:
    """Return the buffers that are larger than the smallest legal ones."""
    least, found = _least(graph), {}
    for element in graph:
        if element.name in least:
            size = element.depth if isinstance(element, Fifo) else getattr(element, "extra_rows", 0)
            if size > least[element.name]:
                found[element.name] = size
    return found


def test_the_graphs_are_what_they_should_be() -> None:
    kinds: Counter[str] = Counter()
    for seed in GRAPHS:
        elements = list(sized(seed))
        kinds.update({type(element).__name__ for element in elements})
        kinds["several inputs"] += sum(isinstance(e, Input) for e in elements) > 1
        kinds["several outputs"] += sum(isinstance(e, Output) for e in elements) > 1
        readers = Counter(id(s) for e in elements if not isinstance(e, Input) for s in sources(e))
        kinds["used three times"] += any(
            isinstance(e, Fork) and readers[id(e)] == 3 for e in elements
        )
        kinds["joins in a row"] += sum(isinstance(e, Merge | Concatenate) for e in elements) > 2
    frequent = ("Merge", "Concatenate", "used three times", "several outputs", "joins in a row")
    assert all(kinds[kind] >= 15 for kind in frequent), kinds
    assert all(kinds[kind] >= 3 for kind in ("MaxPool", "several inputs")), kinds


def test_frames_follow_at_the_pace_of_the_slowest_element() -> None:
    """In the long run, and with these graphs from the first two frames on."""
    for seed in GRAPHS:
        graph = sized(seed)
        slowest = max(own_cycles(element) for element in graph)
        assert steady_period(graph) == slowest, seed
        gaps = {b - a for a, b in pairwise(predict(graph, 12).completions)}
        assert gaps == {slowest}, seed


def verdicts_on_less(graph: StreamGraph, seed: int) -> Counter[str]:
    """Return what comes of each buffer with a beat or a row less; it must not be the same pace."""
    verdicts: Counter[str] = Counter()
    pace = steady_period(graph)
    for name, size in room(graph).items():
        less = _with(graph, {name: size - 1})
        if deadlocks(less):
            verdicts["deadlock"] += 1
        else:
            verdicts["slower"] += 1
            assert steady_period(less) > pace, f"graph {seed}: {name} is larger than it must be"
    return verdicts


def test_no_buffer_has_a_beat_or_a_row_to_spare() -> None:
    verdicts = sum((verdicts_on_less(sized(seed), seed) for seed in GRAPHS), Counter[str]())
    assert verdicts["deadlock"] > 20
    assert verdicts["slower"] > 20


def test_guesses_from_any_surroundings_leave_nothing_to_spare(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Sizes may differ where buffers stand in for each other; none can be smaller."""
    raised = 0
    for seed in GRAPHS[::4]:
        graph = reconvergent_graph(seed)[1]
        pace = steady_period(sized(seed))
        for steps in (0, 1, 1000):
            monkeypatch.setattr(slack, "NEAR", steps)
            found = add_slack(graph)
            assert steady_period(found) == pace, (seed, steps)
            verdicts_on_less(found, seed)
        monkeypatch.setattr(slack._Search, "_right", lambda *_: 1000)
        monkeypatch.setattr(slack, "NEAR", 0)
        raised += room(add_slack(graph)) != room(sized(seed))
        monkeypatch.undo()
    assert raised > 0, "no guess was ever wrong"


def stalled_ends(graph: StreamGraph, starved: str, seed: int, cycles: int) -> list[int]:
    """Return when the last beat of each of 4 frames comes at the outputs.

    All ports stall at random, ``starved`` moves no beat but in the last quarter of ``cycles``, the
    least that a frame takes.
    """
    random = np.random.default_rng(seed)
    system = EventSystem()
    for element in graph:
        element_events(element, system)
    for port in (*graph.inputs, *graph.outputs):
        clock, stream = EventList(cycles), system.streams[id(port)]
        earliest = 3 * cycles // 4 if port.port == starved else 0
        edges = np.sort(random.integers(earliest, cycles, stream.count))
        stream.after(clock, edges, 0)
        system.lists.append(clock)
    events = EventGraph(system.lists)
    times = events.times(4)
    ends = [events.of(system.streams[id(output)], times)[:, -1] for output in graph.outputs]
    return [int(time) for time in np.max(ends, axis=0)]


def test_no_stalls_at_the_ports_are_a_deadlock() -> None:
    """Not even if one port waits until nothing else can move any more, frame after frame."""
    for seed in range(12):
        graph = sized(seed)
        frame = sum(own_cycles(element) for element in graph)
        for port in (*graph.inputs, *graph.outputs):
            ends = stalled_ends(graph, port.port, seed, 8 * frame)
            assert all(later - sooner < 16 * frame for sooner, later in pairwise(ends))
            assert ends[0] < 24 * frame


@pytest.mark.parametrize("seed", SIMULATED)
def test_the_hardware_runs_at_this_pace_and_survives_starved_ports(
    seed: int, tmp_path: Path
) -> None:
    chain, graph = reconvergent_graph(seed)[0], sized(seed)
    inputs = chain.inputs(graph, FRAMES)
    starved = 3 * sum(own_cycles(element) for element in graph)
    options = SimulationOptions(stall_percent=40, longest_stall=starved, seed=seed)
    result = simulate(graph, inputs, evaluate(graph, inputs), tmp_path, options)
    assert result.passed, result.fault
    assert result.completions == predict(graph, FRAMES).completions


def test_a_branch_in_block_ram_is_used_to_its_last_place(tmp_path: Path) -> None:
    body, skip = Chain(Shape(4, 20, 8), lanes=8).fork(2, 2)
    for _ in range(3):
        body.depthwise(SAME, lanes=8)
    body.merge(skip, lanes=8)
    graph = add_slack(size_outputs(body.graph()))
    depth = max(room(graph).values())
    assert depth > 64
    assert depth * 64 > 4096, "stream_fifo keeps less in distributed RAM"
    inputs = body.inputs(graph, 2)
    options = SimulationOptions(stall_percent=10, longest_stall=1500, seed=1)
    result = simulate(graph, inputs, evaluate(graph, inputs), tmp_path, options)
    assert result.passed, result.fault
    assert result.completions == predict(graph, 2).completions


def deadlocks(graph: StreamGraph) -> bool:
    try:
        steady_period(graph)
    except DeadlockError:
        return True
    return False


def test_the_hardware_hangs_where_the_model_says_so(tmp_path: Path) -> None:
    chain, graph = reconvergent_graph(DENSE)[0], sized(DENSE)
    less = (_with(graph, {name: size - 1}) for name, size in room(graph).items())
    smaller = next(graph for graph in less if deadlocks(graph))
    inputs = chain.inputs(smaller, FRAMES)
    result = simulate(smaller, inputs, evaluate(smaller, inputs), tmp_path)
    assert isinstance(result.fault, Hang)
