"""Products in look-up tables: a core without DSP blocks sends the same integers as others."""

from __future__ import annotations

import math
from pathlib import Path

from ir.cycles import predict
from ir.elements import Kernel, ProcessingElement, Shape
from ir.goal import Goal
from ir.interpreter import evaluate
from rewrite.stream import schedule
from sim.netlist import simulate_netlist
from tests.stream_graphs import Chain

FRAMES = 3
WITHOUT_DSP = (math.inf, math.inf, 0.0, math.inf, math.inf)


def test_a_core_without_multipliers_in_the_netlist(tmp_path: Path) -> None:
    chain = Chain(Shape(6, 6, 4)).conv(4, Kernel(3, 3)).depthwise(Kernel(3, 3), 2).dense(5)
    inputs = {"s_axis": chain.frames(FRAMES)}
    graph = schedule(chain.graph(), Goal(300, WITHOUT_DSP))
    elements = [element for element in graph if isinstance(element, ProcessingElement)]
    assert all(element.sharing.in_logic and element.scales_in_logic for element in elements)
    result = simulate_netlist(graph, inputs, evaluate(graph, inputs), tmp_path)
    assert result.passed, result.fault
    assert result.completions == predict(graph, FRAMES).completions
