"""Networks of layers in groups: interpreter == GHDL == netlist, cycles as predicted, folding."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ir.cycles import predict
from ir.elements import Kernel, Shape
from ir.errors import CompileError
from ir.interpreter import evaluate
from rtl.netlist import build_netlist
from sim import SimulationOptions, simulate, simulate_netlist
from tests.stream_graphs import INT8, Chain
from tests.test_simulate import FRAMES, sint, uint

SAME = Kernel(3, 3, pad_top=1, pad_left=1, pad_bottom=1, pad_right=1)
HALF = Kernel(3, 3, 2, 2, pad_bottom=1, pad_right=1)


def separable() -> Chain:
    """Two separable convolutions, as in MobileNet."""
    chain = Chain(Shape(6, 6, 4), lanes=2)
    chain.depthwise(SAME, 2).conv(6, Kernel(1, 1), pe=6, simd=1)
    return chain.depthwise(HALF, 3).conv(4, Kernel(1, 1), pe=2, simd=6)


NETWORKS: dict[str, Callable[[], Chain]] = {
    "stride_1": lambda: Chain(Shape(5, 6, 4)).depthwise(SAME, 2),
    "stride_2": lambda: Chain(Shape(6, 5, 3), INT8).depthwise(HALF, output=INT8),
    "all_lanes": lambda: Chain(Shape(5, 5, 3), lanes=3).depthwise(Kernel(3, 3), 3, fifo_depth=9),
    "pool": lambda: Chain(Shape(7, 6, 4)).depthwise(SAME, 2, pool=Kernel(2, 2, 2, 2)),
    "table_and_pool": lambda: Chain(Shape(6, 6, 2)).depthwise(
        SAME, 1, table=True, pool=Kernel(3, 3, 2, 2), output=INT8
    ),
    "thresholds": lambda: Chain(Shape(4, 5, 4), uint(4)).depthwise(
        Kernel(2, 3), 4, steps=True, weight=sint(3), output=uint(3)
    ),
    "dilated": lambda: Chain(Shape(7, 8, 2)).depthwise(Kernel(3, 2, 1, 2, 2, 3, 2, 1, 0, 2), 2),
    "one_dimension": lambda: Chain(Shape(1, 12, 6)).depthwise(Kernel(1, 5, pad_left=4), 3),
    "shallow_fifo": lambda: Chain(Shape(4, 4, 2)).depthwise(Kernel(2, 2), fifo_depth=1),
    "separable": separable,
    "depth_multiplier": lambda: Chain(Shape(5, 4, 4)).conv(
        8, SAME, pe=4, simd=2, groups=4, fifo_depth=5
    ),
    "groups": lambda: (
        Chain(Shape(5, 6, 6), lanes=3)
        .conv(4, HALF, pe=2, simd=3, groups=2)
        .conv(4, Kernel(1, 1), pe=1, simd=2, groups=2)
    ),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_network_equals_interpreter_and_prediction(name: str, tmp_path: Path) -> None:
    chain = NETWORKS[name]()
    graph = chain.graph()
    inputs = chain.inputs(graph, FRAMES)
    result = simulate(graph, inputs, evaluate(graph, inputs), tmp_path)
    assert result.passed, result.fault
    output = graph.outputs[0]
    assert result.values_checked[output.name] >= 2 * FRAMES * output.output.shape.size
    assert result.completions == predict(graph, FRAMES).completions


@pytest.mark.parametrize("name", ["separable", "table_and_pool"])
def test_netlist_equals_interpreter_and_prediction(name: str, tmp_path: Path) -> None:
    chain = NETWORKS[name]()
    graph = chain.graph()
    inputs = chain.inputs(graph, FRAMES)
    result = simulate_netlist(graph, inputs, evaluate(graph, inputs), tmp_path)
    assert result.passed, result.fault
    assert result.completions == predict(graph, FRAMES).completions


def test_lanes_are_one_generic(tmp_path: Path) -> None:
    chain = separable()
    graph = chain.graph()
    names = [generic.name for generic in build_netlist(graph).generics]
    assert "conv1_pe" in names
    assert "conv1_simd" not in names
    inputs = chain.inputs(graph, FRAMES)
    options = SimulationOptions(generics={"conv1_pe": 1, "conv3_pe": 6})
    result = simulate(graph, inputs, evaluate(graph, inputs), tmp_path, options)
    assert result.passed, result.fault
    assert result.completions != predict(graph, FRAMES).completions


def test_lanes_that_do_not_divide_are_refused(tmp_path: Path) -> None:
    chain = NETWORKS["stride_1"]()
    graph = chain.graph()
    inputs = chain.inputs(graph, 1)
    options = SimulationOptions(generics={"conv1_pe": 3})
    with pytest.raises(CompileError, match="4 channels must be a multiple of the lanes, not of 3"):
        simulate(graph, inputs, evaluate(graph, inputs), tmp_path, options)
