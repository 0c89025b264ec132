"""Blocks of pixels: the same values, several pixels, rows or frames per cycle."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from frontend.compiler import compile_model
from ir.cycles import own_cycles, predict, steady_period
from ir.elements import (
    Input,
    Kernel,
    Lookup,
    ProcessingElement,
    Rectifier,
    Reshape,
    Shape,
    StreamType,
)
from ir.errors import CompileError
from ir.goal import DEFAULT_WORTH, Goal
from ir.graph import StreamGraph
from ir.interpreter import evaluate
from ir.numbers import IntArray, IntegerType, frozen_integers
from ir.resources import estimate
from rewrite.stream import counted, fold, schedule
from rewrite.stream.blocks import Blocks
from rewrite.stream.folded import folded
from rewrite.stream.solve import Problem
from sim import SimulationOptions, Stalls
from sim.netlist import simulate_netlist
from tests.case import Case
from tests.stream_graphs import UINT8, Chain
from tests.verdicts import judge
from zoo.network import Conv, Dense, Flatten, MaxPool, Network

SAME = Kernel(3, 3, pad_top=1, pad_left=1, pad_bottom=1, pad_right=1)
POOL = Kernel(2, 2, 2, 2)
FRAMES = 3


def network() -> Chain:
    chain = Chain(Shape(8, 10, 2))
    return chain.conv(4, SAME).conv(3, SAME, pool=POOL).conv(2, Kernel(3, 2)).dense(4)


def frames_for(graph: StreamGraph, frames: IntArray) -> dict[str, IntArray]:
    """Return the frames of the only input, in its blocks."""
    shape = graph.inputs[0].output.shape
    return {"s_axis": frames.reshape(len(frames), shape.height, shape.width, shape.channels)}


def assert_equal(plain: StreamGraph, blocked: StreamGraph, frames: IntArray) -> None:
    """Every element of ``plain`` sends the same values in ``blocked``."""
    expected, found = (evaluate(g, frames_for(g, frames)) for g in (plain, blocked))
    assert expected["result"].size
    for name, values in expected.items():
        if name in found:
            np.testing.assert_array_equal(found[name].reshape(-1), values.reshape(-1), name)


def shapes(graph: StreamGraph) -> dict[str, str]:
    return {e.name: str(e.output.shape) for e in graph if not isinstance(e, Reshape)}


def problem_of(graph: StreamGraph, cycles: int) -> Problem:
    return Blocks(Problem(graph, estimate, DEFAULT_WORTH)).within(cycles)


@pytest.mark.parametrize(
    ("cycles", "expected"),
    [
        (80, ("8x10x4", "4x5x3", "2x4x2")),
        (40, ("8x5x8", "4x5x3", "2x4x2")),
        (16, ("8x2x20", "4x1x15", "2x1x8")),
        (8, ("8x1x40", "4x1x15", "2x1x8")),
        (4, ("4x1x80", "4x1x15", "2x1x8")),
        (1, ("1x1x320", "1x1x60", "1x1x16")),
    ],
)
def test_blocks_that_are_chosen(cycles: int, expected: tuple[str, ...]) -> None:
    chain = network()
    graph = fold(chain.graph(), Goal(cycles)).graph
    found = shapes(graph)
    assert tuple(found[name] for name in ("conv1", "conv2", "conv3")) == expected
    assert all(own_cycles(element) <= cycles for element in graph if not isinstance(element, Input))
    assert_equal(chain.graph(), graph, chain.frames(FRAMES))


def test_nothing_to_do_where_a_pixel_is_fast_enough() -> None:
    problem = Problem(network().graph(), estimate, DEFAULT_WORTH)
    assert Blocks(problem).within(80) is problem
    assert Blocks(problem).within(79) is not problem


def test_weights_that_are_not_read_are_zero() -> None:
    blocked = problem_of(network().graph(), 1)
    for choice in itertools.chain(*blocked.choices.values()):
        for element in choice.parts:
            if isinstance(element, ProcessingElement) and element.reads is not None:
                others = element.weights.reshape(element.simd, element.clusters, -1).copy()
                for cluster, read in enumerate(element.reads):
                    assert len(set(read.tolist())) == element.fan_in
                    others[read, cluster] = 0
                assert not others.any()


def random_chain(seed: int) -> Chain:
    """Return elements of all kinds that have blocks, at random."""
    random = np.random.default_rng(seed)
    height, width, channels = (int(n) for n in random.integers((3, 3, 1), (8, 9, 4)))
    number = IntegerType(int(random.integers(2, 9)), bool(random.integers(2)))
    chain = Chain(Shape(height, width, channels), number, seed=seed)
    for _ in range(int(random.integers(1, 4))):
        kind = random.choice(["conv", "conv", "depthwise", "pool", "average", "value", "border"])
        shape = chain.last.output.shape
        kernel = random_kernel(random, shape)
        steps, table = (bool(n) for n in random.integers(2, size=2))
        if kind == "conv":
            output = IntegerType(4 if steps else 8, bool(random.integers(2)))
            pool = random_pool(random, kernel, shape) if random.integers(2) else None
            filters = int(random.integers(1, 5))
            chain.conv(filters, kernel, steps=steps, table=table, pool=pool, output=output)
        elif kind == "depthwise":
            chain.conv(2 * shape.channels, kernel, groups=shape.channels)
        elif kind == "pool":
            chain.pool(pooling(kernel))
        elif kind == "average":
            chain.average_pool(pooling(kernel))
        elif kind == "value":
            build = (Chain.affine, Chain.lookup, rectifier, tables)[int(random.integers(4))]
            build(chain)
        elif min(shape.height, shape.width) > 2:
            chain.border(*(int(n) for n in random.integers(-1, 3, 4)))
    if random.integers(2):
        chain.average() if random.integers(2) else chain.global_maximum()
    return chain.dense(3) if random.integers(2) else chain


def rectifier(chain: Chain) -> Chain:
    """Append two lines for each channel, or for each value of a frame."""
    stream = chain.last.output
    count = stream.shape.channels if chain.random.integers(2) else stream.shape.size
    multipliers, offsets = chain.random.integers(-99, 99, (2, 2, count))
    low, high = stream.number.minimum, stream.number.maximum
    numbers = frozen_integers(multipliers), frozen_integers(offsets)
    chain.last = Rectifier(
        chain._name("lines"), "lines", chain.last, stream, 1, *numbers, 6, low, high
    )
    return chain


def tables(chain: Chain) -> Chain:
    """Append a table for each channel."""
    stream = chain.last.output
    table = chain.codes(stream.number, stream.shape.channels, 2**stream.number.bits)
    chain.last = Lookup(chain._name("tables"), "tables", chain.last, stream, table)
    return chain


def random_kernel(random: np.random.Generator, shape: Shape) -> Kernel:
    """Return a window that fits a map."""
    while True:
        height, width, *steps = (int(n) for n in random.integers(1, (4, 4, 3, 3, 3, 3)))
        kernel = Kernel(height, width, *steps)
        pads = random.integers(0, (kernel.span_height, kernel.span_width) * 2)
        top, left, bottom, right = (int(n) for n in pads)
        kernel = replace(kernel, pad_top=top, pad_left=left, pad_bottom=bottom, pad_right=right)
        if min(kernel.output_size(shape.height, shape.width)) > 0:
            return kernel


def pooling(kernel: Kernel) -> Kernel:
    """Return a pool's window: no dilation, and padding below its size."""
    pads = {
        f"pad_{side}": min(getattr(kernel, f"pad_{side}"), size - 1)
        for side, size in (
            ("top", kernel.height),
            ("bottom", kernel.height),
            ("left", kernel.width),
            ("right", kernel.width),
        )
    }
    return replace(kernel, dilation_height=1, dilation_width=1, **pads)


def random_pool(random: np.random.Generator, kernel: Kernel, shape: Shape) -> Kernel | None:
    rows, columns = kernel.output_size(shape.height, shape.width)
    return pooling(random_kernel(random, Shape(rows, columns, 1)))


@pytest.mark.parametrize("seed", range(60))
def test_any_choices_send_the_same_values(seed: int) -> None:
    chain = random_chain(seed)
    graph, frames = chain.graph(), chain.frames(FRAMES)
    pixels = max(element.output.shape.pixels for element in graph)
    random = np.random.default_rng(seed)
    for cycles in sorted({pixels // 2, pixels // 4, 3, 1} - {0}):
        problem = problem_of(graph, cycles)
        for _ in range(2):
            drawn = {
                name: found[int(random.integers(len(found)))]
                for name, found in problem.choices.items()
            }
            assert_equal(graph, folded(graph, drawn), frames)


@pytest.mark.parametrize("seed", range(12))
def test_frames_follow_at_the_pace_that_was_asked_for(seed: int) -> None:
    graph = random_chain(seed).graph()
    pixels = max(element.output.shape.pixels for element in graph)
    for cycles in {pixels // 2, 3, 1} - {0}:
        folded = schedule(graph, cycles)
        slowest = max(own_cycles(element) for element in folded)
        assert slowest <= cycles
        assert steady_period(folded) == slowest


def branches() -> Chain:
    """Return two branches of unlike delay that meet."""
    chain = Chain(Shape(4, 4, 2)).conv(2, SAME)
    first, second = chain.fork(40, 40)
    return first.conv(2, SAME).merge(second).pool(POOL)


def side_by_side() -> Chain:
    """Return branches of 3 and 2 channels, whose lanes have no common divisor, side by side."""
    chain = Chain(Shape(4, 4, 2)).conv(2, SAME)
    first, second = chain.fork(40, 40)
    return first.conv(3, SAME).concatenate(second).pool(POOL)


@pytest.mark.parametrize("cycles", [1, 4, 8, 16])
@pytest.mark.parametrize("build", [branches, side_by_side])
def test_branches_meet_in_blocks(build: Callable[[], Chain], cycles: int) -> None:
    chain = build()
    graph = schedule(chain.graph(), cycles)
    assert_equal(chain.graph(), graph, chain.frames(FRAMES))
    assert steady_period(graph) == cycles


def small() -> Chain:
    chain = Chain(Shape(4, 4, 2)).conv(3, SAME).conv(2, SAME, pool=POOL, steps=True)
    return chain.lookup().dense(3)


@pytest.mark.parametrize(
    ("build", "cycles"),
    [(small, 1), (small, 4), (branches, 2), (side_by_side, 1)],
    ids=["a frame per cycle", "a row per cycle", "branches, two cycles", "side by side"],
)
def test_netlist_has_the_interval(build: Callable[[], Chain], cycles: int, tmp_path: Path) -> None:
    chain = build()
    graph = schedule(chain.graph(), cycles)
    inputs = frames_for(graph, chain.frames(FRAMES + 1))
    result = simulate_netlist(graph, inputs, evaluate(graph, inputs), tmp_path)
    assert result.passed, result.fault
    assert result.completions == predict(graph, FRAMES + 1).completions
    assert result.completions[-1] - result.completions[-2] == cycles


def test_netlist_under_stalls(tmp_path: Path) -> None:
    chain = small()
    graph = schedule(chain.graph(), 2)
    inputs = frames_for(graph, chain.frames(FRAMES))
    options = SimulationOptions(Stalls.BOTH)
    result = simulate_netlist(graph, inputs, evaluate(graph, inputs), tmp_path, options)
    assert result.passed, result.fault


def test_what_a_refusal_offers_can_be_reached() -> None:
    """The lanes of two neighbours may have few common divisors, which no element alone shows."""
    chain = Chain(Shape(2, 9, 4))
    flat = StreamType(Shape(8, 1, 9), UINT8, 1)
    chain.last = Reshape("flat", "flat", chain.last, flat)
    graph = chain.arg_max().graph()
    assert problem_of(graph, 40).least_cycles == 18
    with pytest.raises(CompileError) as refused:
        schedule(graph, 40)
    assert str(refused.value) == (
        "input_1: needs at least 72 cycles per frame, not 40; ask for --cycles 72 or more"
    )
    assert steady_period(schedule(graph, 72)) == 72


def test_blocks_where_lanes_of_pixels_have_no_common_divisor() -> None:
    chain = Chain(Shape(2, 9, 4)).affine()
    flat = StreamType(Shape(1, 1, 72), UINT8, 1)
    chain.last = Reshape("flat", "flat", chain.last, flat)
    graph = schedule(chain.conv(8, Kernel(1, 1), groups=8).graph(), 8)
    assert steady_period(graph) <= 8


@pytest.mark.parametrize("cycles", [8, 4, 1])
def test_a_budget_beyond_a_pixel_per_cycle_buys_blocks(cycles: int) -> None:
    graph = small().graph()
    luts = counted(fold(graph, Goal(cycles)).cost)[0]
    folding = fold(graph, Goal(limits=(luts + 1, math.inf, math.inf, math.inf, math.inf)))
    assert folding.cycles <= cycles
    assert counted(folding.cost)[0] <= luts + 1


def test_strided_windows_read_several_pixels_and_fold() -> None:
    """Eight columns at a time, but positions of several cycles."""
    stride = Kernel(8, 8, 8, 8)
    graph = schedule(Chain(Shape(16, 16, 1)).conv(8, stride).graph(), 128)
    (element,) = (e for e in graph if isinstance(e, ProcessingElement))
    assert str(element.input.shape) == "16x2x8"
    assert element.reads is None
    assert 1 < element.folds * element.steps <= 32
    assert steady_period(graph) <= 128


def test_a_small_cnn_takes_a_frame_per_cycle(monkeypatch: pytest.MonkeyPatch) -> None:
    """From the Keras file to the netlist: onnxruntime's integers, at interval 1 and no other."""
    monkeypatch.setattr("tests.verdicts._compiled", compile_model)
    layers = (Conv(3, 3, padding="same", activation="relu"), MaxPool(2), Flatten(), Dense(4))
    verdict = judge(Case(Network("small", (4, 4, 1), layers), cycles=1))
    assert verdict.problems == ()
    assert verdict.in_netlist > 0
