"""What synthesis makes of whole tops: GHDL's netlist in Verilator, and mapped by yosys."""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ir.cycles import predict
from ir.elements import Input, Kernel, ProcessingElement, Reshape, Shape
from ir.errors import CompileError
from ir.interpreter import evaluate
from ir.numbers import frozen_integers
from rtl import write_vhdl
from sim import (
    Hang,
    Mismatch,
    ProtocolFault,
    SimulationOptions,
    Stalls,
    simulate,
    simulate_netlist,
    synthesis,
    synthesize,
)
from sim.netlist import optimization
from sim.synthesis import Memory, broken_lines, only_named_traced, repaired, without_tables
from sim.verilator import find_verilator
from tests.stream_graphs import Chain
from tests.synthesis import assert_no_latches, cells
from tests.test_simulate import FRAMES, NETWORKS, SAME, simulate_edited


def netlist(chain: Chain, folder: Path) -> Path:
    path = folder / "tiny.v"
    path.write_text(synthesize("tiny", write_vhdl(chain.graph(), folder)))
    return path


@pytest.mark.parametrize("name", NETWORKS)
def test_synthesis_accepts_the_top(name: str, tmp_path: Path) -> None:
    assert_no_latches(netlist(NETWORKS[name](), tmp_path), "tiny")


@pytest.mark.parametrize(
    "name", ["lenet_like", "sixteen_bits", "pools_and_averages", "one_bit", "parallel_taps"]
)
def test_netlist_equals_interpreter_and_prediction(name: str, tmp_path: Path) -> None:
    chain = NETWORKS[name]()
    graph, inputs = chain.graph(), {"s_axis": chain.frames(FRAMES)}
    result = simulate_netlist(graph, inputs, evaluate(graph, inputs), tmp_path)
    assert result.passed, result.fault
    output = graph.outputs[0]
    assert result.values_checked[output.name] >= 2 * FRAMES * output.output.shape.size
    assert result.completions == predict(graph, FRAMES).completions
    assert result.simulator.startswith("Verilator 5")
    # Every stream was watched.
    assert {e.name for e in graph if not isinstance(e, Input | Reshape)} <= {*result.values_checked}


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


@pytest.mark.parametrize("stream", ["conv1", "result"])
def test_stalls_are_those_of_ghdl_to_the_cycle(stream: str, tmp_path: Path) -> None:
    chain = NETWORKS["lenet_like"]()
    graph, inputs = chain.graph(), {"s_axis": chain.frames(FRAMES)}
    expected = evaluate(graph, inputs)
    wrong = expected[stream].copy()
    wrong[3, -1, -1, -1] ^= 1
    options = SimulationOptions(timed_frames=0, seed=5)
    faults = [
        run(graph, inputs, {**expected, stream: wrong}, tmp_path / run.__name__, options).fault
        for run in (simulate, simulate_netlist)
    ]
    assert isinstance(faults[0], Mismatch)
    assert faults[0].place.phase == 3
    assert faults[0] == faults[1]


def test_wrong_weight_is_found_in_its_element(tmp_path: Path) -> None:
    """The tables of one element are spoiled in the VHDL; its own stream is the first to differ."""
    chain = NETWORKS["lenet_like"]()
    graph, inputs = chain.graph(), {"s_axis": chain.frames(FRAMES)}
    expected = evaluate(graph, inputs)
    sources = write_vhdl(graph, tmp_path / "vhdl")
    path = tmp_path / "vhdl" / "tiny_conv2_tables.vhd"
    spoiled = re.sub(r'(    2 => x")\w{32}', r"\g<1>" + "80" * 16, path.read_text(), count=1)
    assert spoiled != path.read_text()
    path.write_text(spoiled)
    traced = simulate_netlist(graph, inputs, expected, tmp_path / "traced", sources=sources).fault
    assert isinstance(traced, Mismatch)
    assert (traced.place.stream, traced.place.layer) == ("conv2", "model/conv 2")
    in_ghdl = simulate(graph, inputs, expected, tmp_path / "ghdl", sources=sources).fault
    assert traced == in_ghdl
    at_ports = {"result": expected["result"]}
    alone = simulate_netlist(graph, inputs, at_ports, tmp_path / "alone", sources=sources).fault
    assert isinstance(alone, Mismatch)
    assert alone.place.stream == "result"


@pytest.mark.parametrize(
    ("name", "old", "new", "rule"),
    [
        (
            "stream_fifo.vhd",
            "output_data <= memory(read_place);",
            "output_data <= memory(read_place) when output_ready else (others => '1');",
            "data and last must stay until ready",
        ),
        (
            "axis_output.vhd",
            "position = beats - 1 else '0'",
            "position = beats else '0'",
            "last must be high at the last beat only",
        ),
    ],
    ids=["unstable", "last"],
)
def test_broken_handshake_is_found(
    name: str, old: str, new: str, rule: str, tmp_path: Path
) -> None:
    fault = simulate_edited(tmp_path, name, old, new, simulate_netlist)
    assert isinstance(fault, ProtocolFault)
    assert fault.rule == rule


def test_hang_shows_the_state_of_every_stream(tmp_path: Path) -> None:
    old = "input_valid => conv1_valid"
    fault = simulate_edited(tmp_path, "tiny.vhd", old, "input_valid => '0'", simulate_netlist)
    assert isinstance(fault, Hang)
    assert [state.stream for state in fault.states] == [
        *("port s_axis", "image", "conv1", "conv2"),
        *("conv4_lanes", "conv4_lanes_2", "conv4", "result"),
    ]
    assert str(fault.states[3]) == "conv2: valid 0, ready 1, frame 0, beat 0 of 8"


def test_broken_vhdl_is_refused_with_its_first_message(tmp_path: Path) -> None:
    with pytest.raises(CompileError, match=r"ghdl: refused the VHDL: .*no declaration for"):
        simulate_edited(tmp_path, "tiny.vhd", "not aresetn;", "not bresetn;", simulate_netlist)


def test_unknown_text_of_the_top_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CompileError) as refused:
        simulate_edited(tmp_path, "tiny.vhd", "end entity;", "end tiny;", simulate_netlist)
    assert str(refused.value) == "tiny: its VHDL must be as it was printed; print it again"


def test_waveform_is_one_of_gtkwave(tmp_path: Path) -> None:
    chain = NETWORKS["one_pixel"]()
    graph, inputs = chain.graph(), {"s_axis": chain.frames(2)}
    options = SimulationOptions(wave=True)
    result = simulate_netlist(graph, inputs, evaluate(graph, inputs), tmp_path, options)
    assert result.passed, result.fault
    assert result.wave == tmp_path / "waves.fst"
    contents = result.wave.read_bytes()
    # The header block of a "fast signal trace": type, length, first and last time; the number e
    # tells the byte order; memory, scopes, variables, signals, blocks, power of ten of the unit.
    kind, length, first, last = struct.unpack(">BQQQ", contents[:25])
    assert (kind, length, first) == (0, 329, 0)
    assert struct.unpack("=d", contents[25:33])[0] == math.e
    _, scopes, variables, signals, blocks, unit = struct.unpack(">QQQQQb", contents[33:74])
    assert scopes > len(list(graph))
    assert variables >= signals > 50
    assert (blocks >= 1, unit) == (True, -9)
    # Ten nanoseconds per cycle: at least the phase without stalls and 64 quiet cycles
    assert last >= 10 * (result.completions[-1] + 64)


def test_top_maps_to_the_blocks_of_the_7_series(tmp_path: Path) -> None:
    chain = Chain(Shape(16, 16, 8))
    chain.conv(16, Kernel(3, 3, **SAME), pe=4, fifo_depth=16, pool=Kernel(2, 2, 2, 2)).dense(4)
    counts = cells(netlist(chain, tmp_path), "tiny")
    # A multiplier per product and per requantized lane: 4 + 4 and 1 + 1
    assert counts["DSP48E1"] == 10
    # Line buffer, weights of the convolution, flattened image; weights of the dense layer
    assert (counts["RAMB18E1"], counts["RAMB36E1"]) == (3, 1)


@pytest.mark.parametrize(("pe", "simd"), [(1, 3), (2, 3), (4, 3)])
@pytest.mark.parametrize("depthwise", [False, True], ids=["dense", "depthwise"])
def test_nearly_empty_tables_are_no_zeros(
    pe: int, simd: int, depthwise: bool, tmp_path: Path
) -> None:
    """GHDL's synthesis takes long constants with ones in the uppermost 32 bits alone for zero."""
    if depthwise:
        chain = Chain(Shape(3, 1, 4), lanes=pe).depthwise(Kernel(3, 1), pe)
    else:
        chain = Chain(Shape(1, 1, 3), lanes=simd).dense(4, pe=pe, simd=simd)
    element = chain.last
    assert isinstance(element, ProcessingElement)
    weights = np.zeros_like(element.weights)
    weights.reshape(-1, 4)[0, pe - 1] = -79
    chain.last = replace(element, weights=frozen_integers(weights))
    graph, inputs = chain.graph(), {"s_axis": chain.frames(FRAMES)}
    result = simulate_netlist(graph, inputs, evaluate(graph, inputs), tmp_path)
    assert result.passed, result.fault


def test_a_crash_of_synthesis_is_tried_again_in_other_orders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = write_vhdl(NETWORKS["lenet_like"]().graph(), tmp_path)
    run, tops = synthesis._run, []

    def crashes_at_first(command: Sequence[str], folder: Path) -> tuple[int, str, str]:
        tops.append((folder / "tiny.vhd").read_text())
        return (2, "", synthesis.CRASH) if len(tops) < 3 else run(command, folder)

    monkeypatch.setattr(synthesis, "_run", crashes_at_first)
    assert "module tiny" in synthesize("tiny", files)
    assert len({*tops}) == 3
    assert len({tuple(sorted(top.split("\n"))) for top in tops}) == 1
    orders = list(synthesis.reordered(tops[0]))
    assert orders[:3] == tops
    assert len({*orders}) == len(orders) <= synthesis.ORDERS


def test_long_concatenations_are_broken() -> None:
    """Verilator refuses lines of many tokens."""
    names = ", ".join(f"n{number}" for number in range(20_000))
    text = f"  assign a = b, c;\n  assign long = {{{names}}};\n"
    broken = broken_lines(text)
    assert broken.startswith("  assign a = b, c;\n  assign long = {n0,\nn1,\n")
    assert broken.replace(",\n", ", ") == text


def test_faults_of_the_netlist_writer_are_repaired() -> None:
    lines = {
        '    n1_q <= "0101";': "    n1_q <= 4'b0101;",
        "  assign n2_o = $signed(n1_o) >> 31'b01;": "  assign n2_o = $signed(n1_o) >>> 31'b01;",
        "  assign n3_o = {0'b, input_data};": "  assign n3_o = {input_data};",
        "  assign n8 = {{62{3'b101[2]}}, 3'b101};": "  assign n8 = {{62{1'b1}}, 3'b101};",
        '  assign n4_o = "";  // trunc': "  assign n4_o = 1'b0;  // trunc",
        "  assign n5_o = 0'b - n4_o;": "  assign n5_o = 1'b0 - n4_o;",
        "  assign n6_o = {30'b0, fold};  //  uext": "  assign n6_o = {30'b0, fold};  //  uext",
        "  assign n7_o = n1_o >> 5'b00001;": "  assign n7_o = n1_o >> 5'b00001;",
    }
    for written, meant in lines.items():
        assert repaired(written) == meant


def test_tables_go_to_files() -> None:
    table = """  reg [1:0] n7[2:0] ; // memory
  initial begin
    n7[2] = 2'b10;
    n7[1] = 2'b01;
    n7[0] = 2'b11;
    end
"""
    other = "  initial begin\n    n8[1] = 2'b10;\n    end\n"
    text, memories = without_tables(table + other, "folder")
    assert memories == [Memory("folder/table_0.txt", ("11", "01", "10"))]
    assert memories[0].text == "11\n01\n10\n"
    # A table with a gap stays as it is.
    assert text == table.splitlines()[0] + (
        '\n  initial $readmemb("folder/table_0.txt", n7);\n' + other
    )


def test_only_named_signals_are_traced() -> None:
    made_up = "  wire [7:0] n12_o;\n  reg n13_q;\n"
    named = "  wire [7:0] data;\n"
    assert only_named_traced(named + made_up + named) == (
        f"{named}/*verilator tracing_off*/\n{made_up}/*verilator tracing_on*/\n{named}"
    )


def test_more_work_is_worth_more_optimization() -> None:
    assert [optimization(cycles) for cycles in (1_000, 1_000_000, 50_000_000)] == [0, 1, 2]


@pytest.mark.parametrize("level", [1, 2])
def test_every_optimization_is_right(
    level: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sim.netlist.optimization", lambda cycles: level)
    chain = NETWORKS["lenet_like"]()
    graph, inputs = chain.graph(), {"s_axis": chain.frames(FRAMES)}
    result = simulate_netlist(graph, inputs, evaluate(graph, inputs), tmp_path)
    assert result.passed, result.fault


def test_missing_verilator_is_said_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chain = NETWORKS["one_pixel"]()
    graph, inputs = chain.graph(), {"s_axis": chain.frames(1)}
    find_verilator.cache_clear()
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CompileError) as refused:
        simulate_netlist(graph, inputs, evaluate(graph, inputs), tmp_path)
    find_verilator.cache_clear()
    expected = "verilator: Verilator must be installed; install it (Debian: apt install verilator)"
    assert str(refused.value) == expected
