"""Products in look-up tables, or a bit at a time: a core sends the same integers as others."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pytest

from ir.cycles import predict
from ir.elements import Element, GlobalAverage, Kernel, ProcessingElement, Shape
from ir.goal import Goal
from ir.graph import StreamGraph
from ir.interpreter import evaluate
from ir.numbers import frozen_integers
from ir.requantize import (
    Requantization,
    ScaleRequantization,
    Scaling,
    ThresholdRequantization,
    can_be_serial,
)
from ir.resources import estimate
from rewrite.stream import schedule
from rewrite.stream.choices import choices
from sim.netlist import simulate_netlist
from tests.stream_graphs import Chain

FRAMES = 3
WITHOUT_DSP = (math.inf, math.inf, 0.0, math.inf, math.inf)


def scaled(graph: StreamGraph) -> list[ProcessingElement | GlobalAverage]:
    """Return the elements whose requantization may do without multipliers."""
    return [element for element in graph if isinstance(element, ProcessingElement | GlobalAverage)]


def check(graph: StreamGraph, chain: Chain, folder: Path) -> None:
    """Hold the netlist to the interpreter and to the cycle model."""
    inputs = {"s_axis": chain.frames(FRAMES)}
    result = simulate_netlist(graph, inputs, evaluate(graph, inputs), folder)
    assert result.passed, result.fault
    assert result.completions == predict(graph, FRAMES).completions


def test_a_core_without_multipliers_in_the_netlist(tmp_path: Path) -> None:
    chain = Chain(Shape(6, 6, 4)).conv(4, Kernel(3, 3)).depthwise(Kernel(3, 3), 2).dense(5)
    graph = schedule(chain.graph(), Goal(300, WITHOUT_DSP))
    assert sum(estimate(element).dsp for element in graph) == 0
    assert all(element.scaling is not Scaling.MULTIPLIED for element in scaled(graph))
    check(graph, chain, tmp_path)


def test_slow_requantizations_take_a_bit_at_a_time(tmp_path: Path) -> None:
    """Of a slow network, none has a multiplier; groups of the first one wait for it."""
    chain = Chain(Shape(5, 4, 3)).conv(4, Kernel(1, 1)).conv(6, Kernel(3, 3)).average()
    graph = schedule(chain.graph(), Goal(1500))
    first, second, average = scaled(graph)
    assert {element.scaling for element in (first, second, average)} == {Scaling.SERIAL}
    assert isinstance(first, ProcessingElement)
    assert first.group_edges > first.steps
    check(graph, chain, tmp_path)


def function(multipliers: list[int], shift: int) -> ScaleRequantization:
    factors = frozen_integers(np.array(multipliers))
    return ScaleRequantization(factors, frozen_integers(0 * factors), shift, 0, 255)


@pytest.mark.parametrize(
    ("requantization", "is_possible"),
    [
        (function([5, 0], 4), True),
        (function([5, 0], 3), False),
        (function([5, -1], 9), False),
        (function([0, 0], 9), False),
        (function([4, 4], 9), False),
        (function([4, 2], 9), True),
        (ThresholdRequantization(frozen_integers(np.array([[3]])), 0), False),
    ],
    ids=["5 >> 4", "5 >> 3", "-1", "0", "4", "4 and 2", "thresholds"],
)
def test_what_can_be_serial(requantization: Requantization, is_possible: bool) -> None:
    assert can_be_serial(requantization) is is_possible


def test_a_window_that_keeps_nothing_does_not_wait() -> None:
    """All outputs at a time need each value once: such groups cannot wait for others."""
    (dense,) = scaled(Chain(Shape(1, 1, 24)).dense(2).graph())
    found = [choice.element for choice in choices(dense, estimate)]
    serial = [e for e in processing_elements(found) if e.scaling is Scaling.SERIAL]
    direct = [element for element in serial if element.is_direct]
    assert direct
    assert all(element.group_edges == element.steps for element in direct)
    assert any(element.group_edges > element.steps for element in serial)


def processing_elements(elements: Iterable[Element]) -> Iterator[ProcessingElement]:
    """Yield the processing elements."""
    yield from (element for element in elements if isinstance(element, ProcessingElement))


@pytest.mark.parametrize("cycles", [128, 144, 200, 256, 400, 700])
def test_a_serial_average_keeps_the_pace(cycles: int) -> None:
    """The beats of a frame's last pixel go slowly: what sends them waits, if it is faster."""
    chain = Chain(Shape(2, 2, 4)).conv(8, Kernel(1, 1)).average()
    limits = (math.inf, math.inf, 2.0, math.inf, math.inf)
    predicted = predict(schedule(chain.graph(), Goal(cycles, limits)))
    assert predicted.cycles_per_frame == predicted.lower_bound <= cycles
