"""What synthesis makes of whole tops: GHDL's netlist in Verilator, and mapped by yosys."""

from __future__ import annotations

from pathlib import Path

import pytest

from ir.cycles import predict
from ir.elements import Kernel, Shape
from ir.errors import CompileError
from ir.interpreter import evaluate
from rtl import write_vhdl
from sim import Mismatch, SimulationOptions, Stalls, simulate_netlist, synthesize
from sim.netlist import repaired
from tests.stream_graphs import Chain
from tests.synthesis import assert_no_latches, cells
from tests.test_simulate import FRAMES, NETWORKS, SAME


def netlist(chain: Chain, folder: Path) -> Path:
    path = folder / "tiny.v"
    path.write_text(synthesize("tiny", write_vhdl(chain.graph(), folder)))
    return path


@pytest.mark.parametrize("name", NETWORKS)
def test_synthesis_accepts_the_top(name: str, tmp_path: Path) -> None:
    assert_no_latches(netlist(NETWORKS[name](), tmp_path), "tiny")


@pytest.mark.parametrize("name", ["lenet_like", "sixteen_bits", "pools_and_averages", "one_bit"])
def test_netlist_equals_interpreter_and_prediction(name: str, tmp_path: Path) -> None:
    chain = NETWORKS[name]()
    graph, inputs = chain.graph(), {"s_axis": chain.frames(FRAMES)}
    result = simulate_netlist(graph, inputs, evaluate(graph, inputs), tmp_path)
    assert result.passed, result.fault
    output = graph.outputs[0]
    assert result.values_checked[output.name] >= 2 * FRAMES * output.output.shape.size
    assert result.completions == predict(graph, FRAMES).completions
    assert result.simulator.startswith("Verilator")


def test_folding_is_generic_in_synthesis_and_mismatches_are_placed(tmp_path: Path) -> None:
    chain = NETWORKS["dilated_signed"]()
    graph, inputs = chain.graph(), {"s_axis": chain.frames(FRAMES)}
    expected = evaluate(graph, inputs)
    wrong = expected["result"].copy()
    right = int(wrong[3, 2, 1, 2])
    wrong[3, 2, 1, 2] = right ^ 1
    options = SimulationOptions(Stalls.BOTH, generics={"conv1_simd": 1, "conv1_pe": 3})
    fault = simulate_netlist(graph, inputs, {"result": wrong}, tmp_path, options).fault
    assert isinstance(fault, Mismatch)
    assert fault.place.stream == "result"
    assert (fault.place.frame, fault.y, fault.x, fault.channel) == (3, 2, 1, 2)
    assert (fault.expected, fault.got) == (right ^ 1, right)


def test_top_maps_to_the_blocks_of_the_7_series(tmp_path: Path) -> None:
    chain = Chain(Shape(16, 16, 8))
    chain.conv(16, Kernel(3, 3, **SAME), pe=4, fifo_depth=16, pool=Kernel(2, 2, 2, 2)).dense(4)
    counts = cells(netlist(chain, tmp_path), "tiny")
    # A multiplier per product and per requantized lane: 4 + 4 and 1 + 1
    assert counts["DSP48E1"] == 10
    # Line buffer, weights of the convolution, flattened image; weights of the dense layer
    assert (counts["RAMB18E1"], counts["RAMB36E1"]) == (3, 1)


def test_faults_of_the_netlist_writer_are_repaired() -> None:
    lines = {
        '    n1_q <= "0101";': "    n1_q <= 4'b0101;",
        "  assign n2_o = $signed(n1_o) >> 31'b01;": "  assign n2_o = $signed(n1_o) >>> 31'b01;",
        "  assign n3_o = {0'b, input_data};": "  assign n3_o = {input_data};",
        '  assign n4_o = "";  // trunc': "  assign n4_o = 1'b0;  // trunc",
        "  assign n5_o = 0'b - n4_o;": "  assign n5_o = 1'b0 - n4_o;",
        "  assign n6_o = {30'b0, fold};  //  uext": "  assign n6_o = {30'b0, fold};  //  uext",
        "  assign n7_o = n1_o >> 5'b00001;": "  assign n7_o = n1_o >> 5'b00001;",
    }
    for written, meant in lines.items():
        assert repaired(written) == meant


def test_missing_verilator_is_said_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chain = NETWORKS["one_pixel"]()
    graph, inputs = chain.graph(), {"s_axis": chain.frames(1)}
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CompileError) as refused:
        simulate_netlist(graph, inputs, evaluate(graph, inputs), tmp_path)
    expected = "verilator: Verilator must be installed; install it (Debian: apt install verilator)"
    assert str(refused.value) == expected
