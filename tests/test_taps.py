"""Parallel taps: chosen where one tap per cycle is too slow, at the pace of the pixels."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ir.cycles import own_cycles, predict, steady_period
from ir.elements import Kernel, ProcessingElement, Shape
from ir.graph import StreamGraph
from ir.interpreter import evaluate
from rewrite.stream import schedule
from rewrite.stream.buffers import size_outputs
from rewrite.stream.slack import add_slack
from rewrite.stream.taps import parallel_taps
from sim.netlist import simulate_netlist
from tests.stream_graphs import Chain

SAME = Kernel(3, 3, pad_top=1, pad_left=1, pad_bottom=1, pad_right=1)
POOL = Kernel(2, 2, 2, 2)
FRAMES = 4


def network() -> Chain:
    chain = Chain(Shape(8, 10, 2))
    return chain.conv(4, SAME).conv(3, SAME, pool=POOL).conv(2, Kernel(3, 2)).dense(4)


def processing_elements(graph: StreamGraph) -> list[ProcessingElement]:
    return [element for element in graph if isinstance(element, ProcessingElement)]


def test_one_tap_where_it_is_fast_enough() -> None:
    graph = schedule(network().graph(), 720)
    assert [element.taps for element in processing_elements(graph)] == [1, 1, 1, 1]


@pytest.mark.parametrize(
    ("cycles", "taps"), [(719, [9, 9, 1, 1]), (240, [9, 9, 1, 1]), (80, [9, 9, 1, 1])]
)
def test_as_many_taps_as_the_cycles_ask_for(cycles: int, taps: list[int]) -> None:
    graph = schedule(network().graph(), cycles)
    assert [element.taps for element in processing_elements(graph)] == taps
    slowest = max(own_cycles(element) for element in graph)
    assert slowest <= cycles
    assert steady_period(graph) == slowest


def test_a_window_per_cycle_in_the_netlist(tmp_path: Path) -> None:
    chain = network()
    graph, inputs = schedule(chain.graph(), 80), {"s_axis": chain.frames(FRAMES)}
    result = simulate_netlist(graph, inputs, evaluate(graph, inputs), tmp_path)
    assert result.passed, result.fault
    assert result.completions == predict(graph, FRAMES).completions
    assert result.completions[-1] - result.completions[-2] == 80


def convolution(shape: Shape, kernel: Kernel, groups: int = 1) -> ProcessingElement:
    element = Chain(shape).conv(shape.channels, kernel, groups=groups).last
    assert isinstance(element, ProcessingElement)
    return element


@pytest.mark.parametrize(
    ("kernel", "taps"),
    [
        (SAME, [3, 9]),
        (Kernel(1, 3), [3]),
        (Kernel(3, 1), [3]),
        (Kernel(1, 1), []),
        (Kernel(3, 3, pad_left=1, pad_right=1), [3, 9]),
        (Kernel(3, 3, pad_left=1, pad_right=2), []),
        (Kernel(2, 2, dilation_width=3, pad_left=1, pad_right=2), [2, 4]),
    ],
)
def test_legal_taps(kernel: Kernel, taps: list[int]) -> None:
    variants = list(parallel_taps(convolution(Shape(5, 6, 4), kernel)))
    assert [(v.taps, v.simd, v.input_lanes) for v in variants] == [(t, 4 * t, 4) for t in taps]


@pytest.mark.parametrize(("groups", "parts"), [(2, [2]), (4, [1, 2, 4])])
def test_taps_of_groups(groups: int, parts: list[int]) -> None:
    variants = list(parallel_taps(convolution(Shape(5, 6, 4), SAME, groups)))
    assert [(v.taps, v.simd, v.input_lanes) for v in variants] == [
        (taps, taps * part, 4) for taps in (3, 9) for part in parts
    ]


def random_kernel(random: np.random.Generator) -> Kernel:
    height, width, *steps = (int(n) for n in random.integers(1, (4, 4, 3, 3, 3, 3)))
    kernel = Kernel(height, width, *steps)
    left = int(random.integers(0, kernel.span_width))
    right = int(random.integers(0, kernel.span_width - left))
    top, bottom = (int(n) for n in random.integers(0, kernel.span_height + 1, 2))
    return replace(kernel, pad_top=top, pad_left=left, pad_bottom=bottom, pad_right=right)


@pytest.mark.parametrize("seed", range(40))
def test_frames_follow_at_the_pace_of_the_slowest_unit(seed: int) -> None:
    """However the windows lie: no fetch and no window waits longer than the slowest must."""
    random = np.random.default_rng(seed)
    kernel = random_kernel(random)
    height = int(random.integers(kernel.span_height, kernel.span_height + 6))
    width = int(random.integers(kernel.span_width, kernel.span_width + 6))
    element = convolution(Shape(height, width, 2), kernel)
    for variant in parallel_taps(element):
        for pe in (1, 2):
            folded = replace(variant, pe=pe, output=replace(variant.output, lanes=pe))
            chain = Chain(element.input.shape, lanes=2)
            folded = replace(folded, source=chain.last)
            chain.last = folded
            graph = add_slack(size_outputs(chain.graph()))
            assert steady_period(graph) == max(own_cycles(e) for e in graph), (kernel, pe)
