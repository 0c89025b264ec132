"""Layers of adders in a row become one pipeline: the same integers, sooner, and exactly as soon."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ir.cycles import predict
from ir.datapath import levels
from ir.elements import AdderChain, Kernel, ProcessingElement, Shape
from ir.goal import Goal
from ir.graph import StreamGraph
from ir.interpreter import evaluate
from ir.numbers import IntegerType
from ir.resources import estimate
from rewrite.stream import chains, schedule
from rewrite.stream.chains import bare_ports, join_adders
from rtl import write_vhdl
from sim.ghdl import FLAGS, Workspace, find_ghdl
from sim.netlist import simulate_netlist
from tests.stream_graphs import INT8, UINT8, Chain

POINT = Kernel(1, 1)
FRAMES = 5


def goal(adder_levels: int = 3, cycles: int = 1) -> Goal:
    """Return what asks for adders: no multipliers."""
    return Goal(cycles, limits=(1e9, 1e9, 0, 1e9, 1e9), adder_levels=adder_levels)


def dense(*widths: int, pixels: int = 1, number: IntegerType = UINT8) -> Chain:
    """Return dense layers of so many values, the first of them the input's."""
    chain = Chain(Shape(pixels, 1, widths[0]), number)
    for outputs in widths[1:]:
        chain = chain.conv(outputs, POINT, output=number)
    return chain


def kinds(graph: StreamGraph) -> list[str]:
    return [type(element).__name__ for element in graph]


@pytest.mark.parametrize("number", [UINT8, INT8], ids=str)
@pytest.mark.parametrize("adder_levels", [1, 3, 100])
def test_a_chain_computes_what_its_layers_do(number: IntegerType, adder_levels: int) -> None:
    chain = dense(6, 5, 4, 3, number=number)
    graph = chain.graph()
    inputs = chain.inputs(graph, FRAMES)
    scheduled = schedule(graph, goal(adder_levels))
    assert kinds(scheduled) == ["Input", "AdderChain", "Output"]
    (found,) = (element for element in scheduled if isinstance(element, AdderChain))
    assert [layer.weights.shape[3] for layer in found.layers] == [5, 4, 3]
    assert found.datapath is not None
    x = inputs["s_axis"]
    before = evaluate(graph, inputs)[graph.outputs[0].name]
    assert np.array_equal(evaluate(scheduled, inputs)[scheduled.outputs[0].name], before)
    assert np.array_equal(found.datapath(x.reshape(FRAMES, -1)), before.reshape(FRAMES, -1))
    # A register behind so many levels, the last of them the FIFO, and nothing else.
    edges = -(-max(levels(found.datapath)) // adder_levels)
    cycles = predict(scheduled)
    assert (cycles.completions[0], cycles.cycles_per_frame) == (edges, 1)
    assert estimate(found).dsp == 0


def test_joining_again_changes_nothing() -> None:
    scheduled = schedule(dense(4, 3, 2).graph(), goal())
    again = bare_ports(join_adders(scheduled))
    assert kinds(again) == kinds(scheduled)
    assert [e.layers for e in again if isinstance(e, AdderChain)] == [
        e.layers for e in scheduled if isinstance(e, AdderChain)
    ]


def test_what_has_more_than_adders_is_not_joined() -> None:
    chain = dense(4, 5).conv(3, POINT, table=True).conv(2, POINT)
    scheduled = schedule(chain.graph(), goal())
    assert kinds(scheduled) == ["Input", "AdderChain", "ProcessingElement", "AdderChain", "Output"]
    graph = dense(4, 5).conv(3, POINT, steps=True).graph()
    assert kinds(schedule(graph, goal())) == ["Input", "AdderChain", "ProcessingElement", "Output"]


def test_layers_with_multipliers_are_not_joined() -> None:
    scheduled = schedule(dense(8, 6, 6).graph(), Goal(64))
    assert not any(isinstance(element, AdderChain) for element in scheduled)


def test_a_chain_has_no_more_digits_than_values_can_be_numbered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    graph = dense(4, 5, 3, 2).graph()
    few = sum(int(np.bitwise_count(abs(e.weights) ^ (3 * abs(e.weights))).sum())
              for e in graph if isinstance(e, ProcessingElement)) - 1  # fmt: skip
    monkeypatch.setattr(chains, "MOST_DIGITS_OF_A_CHAIN", few)
    found = [e.layers for e in schedule(graph, goal()) if isinstance(e, AdderChain)]
    assert [len(layers) for layers in found] == [2, 1]


def test_ports_keep_their_fifos_where_they_are_needed() -> None:
    one, several = (
        schedule(dense(4, 5, 3, pixels=pixels).graph(), goal(cycles=pixels)) for pixels in (1, 6)
    )
    assert [port.buffered for port in one.inputs] == [False]
    assert [port.buffered for port in several.inputs] == [True]  # a frame may be cut off
    for graph in (one, several):
        assert [port.buffered for port in graph.outputs] == [False]
    other = schedule(dense(4, 5).conv(3, POINT, steps=True).graph(), goal())
    assert [port.buffered for port in other.outputs] == [True]


@pytest.mark.parametrize(
    "graph",
    [
        dense(9, 7, 5, 3).graph("one_pixel"),
        dense(3, 4, 2, pixels=6, number=INT8).graph("pixels"),
    ],
    ids=lambda graph: graph.name,
)
def test_the_netlist_takes_the_predicted_edges(graph: StreamGraph, tmp_path: Path) -> None:
    source = graph.inputs[0]
    scheduled = schedule(graph, goal(cycles=source.output.shape.pixels))
    shape, number = source.output.shape, source.output.number
    size = (FRAMES, shape.height, shape.width, shape.channels)
    codes = np.random.default_rng(3).integers(number.minimum, number.maximum + 1, size)
    inputs = {source.port: codes}
    result = simulate_netlist(scheduled, inputs, evaluate(scheduled, inputs), tmp_path)
    assert result.passed, result
    frames = len(result.completions)
    assert result.completions == predict(scheduled, frames).completions


MEMORY = (
    "import resource, subprocess, sys; ran = subprocess.run(sys.argv[1:], capture_output=True); "
    "print(ran.returncode, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
)
"""Prints a program's exit status and most memory in kB; its own process is small."""


def test_memory_of_adders_in_ghdl_is_about_linear(tmp_path: Path) -> None:
    """1,700 operations took 280 MB, a square of their number, when they drove one signal."""
    scheduled = schedule(dense(32, 32, 4).graph(), goal(1))
    assert kinds(scheduled) == ["Input", "AdderChain", "Output"]
    files = write_vhdl(scheduled, tmp_path)
    ghdl = find_ghdl()
    workspace = Workspace(tmp_path, ghdl)
    workspace.analyze(files, tmp_path)
    run = [ghdl.program, "--elab-run", *FLAGS, f"--workdir={tmp_path}"]
    if "mcode" not in ghdl.name:
        run += ["-o", str(tmp_path / "top")]
    run += [scheduled.name, "--ieee-asserts=disable", "--max-stack-alloc=0", "--stop-time=1ns"]
    measured = subprocess.run(
        [sys.executable, "-S", "-c", MEMORY, *run],
        cwd=tmp_path, capture_output=True, text=True, check=True,
    )  # fmt: skip
    status, kilobytes = map(int, measured.stdout.split())
    assert status == 0
    assert kilobytes < 160_000
