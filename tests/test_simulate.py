"""Whole networks: interpreter == GHDL with stalls, cycles as predicted, faults diagnosed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ir.cycles import predict
from ir.elements import Consumer, Element, Kernel, ProcessingElement, Shape
from ir.errors import CompileError
from ir.graph import StreamGraph
from ir.interpreter import evaluate
from ir.numbers import IntegerType
from rtl import write_vhdl
from sim import (
    Fault,
    Hang,
    Mismatch,
    ProtocolFault,
    SimulationOptions,
    SimulationResult,
    Stalls,
    simulate,
)
from sim.ghdl import Run, Workspace, find_ghdl
from tests.stream_graphs import INT8, UINT8, Chain

FRAMES = 4
SAME = {"pad_top": 1, "pad_left": 1, "pad_bottom": 1, "pad_right": 1}


def uint(bits: int) -> IntegerType:
    return IntegerType(bits, False)


def sint(bits: int) -> IntegerType:
    return IntegerType(bits, True)


def lenet_like() -> Chain:
    chain = Chain(Shape(8, 8, 1))
    chain.conv(4, Kernel(3, 3, **SAME), pe=2, pool=Kernel(2, 2, 2, 2))
    chain.conv(6, Kernel(3, 3), pe=3, simd=2).dense(5, pe=5, simd=4, output=INT8)
    return chain


NETWORKS: dict[str, Callable[[], Chain]] = {
    "lenet_like": lenet_like,
    "stride_2_same_asymmetric": lambda: Chain(Shape(6, 6, 3), lanes=3).conv(
        4, Kernel(3, 3, 2, 2, pad_bottom=1, pad_right=1), pe=4, simd=3
    ),
    "parallel_taps": lambda: (
        Chain(Shape(6, 7, 2))
        .conv(4, Kernel(3, 3, **SAME), pe=2, simd=2, taps=9, fifo_depth=12, pool=Kernel(2, 2))
        .depthwise(Kernel(3, 3, **SAME), 2, taps=3)
        .conv(3, Kernel(2, 3, 1, 2, pad_right=2), pe=3, simd=4, taps=3, extra_rows=1)
        .dense(5, pe=5, simd=3, output=INT8)
    ),
    "dilated_signed": lambda: Chain(Shape(7, 9, 2), sint(8)).conv(
        3, Kernel(3, 2, 1, 2, 2, 3, 2, 1, 0, 2), simd=2, output=sint(8)
    ),
    "one_bit": lambda: (
        Chain(Shape(5, 6, 4), uint(1), lanes=2)
        .conv(4, Kernel(2, 2), pe=2, simd=4, weight=sint(2), output=uint(1), steps=True)
        .conv(3, Kernel(1, 1), weight=uint(1), output=sint(3), steps=True)
    ),
    "three_bits": lambda: (
        Chain(Shape(4, 5, 6), sint(3), lanes=3)
        .conv(6, Kernel(3, 3, **SAME), pe=6, simd=2, weight=sint(3), output=sint(3), steps=True)
        .conv(2, Kernel(2, 3), simd=6, weight=sint(3), output=uint(3))
    ),
    "twelve_bits": lambda: (
        Chain(Shape(4, 4, 2), sint(12))
        .conv(4, Kernel(3, 3, **SAME), pe=2, weight=sint(12), output=uint(12))
        .conv(2, Kernel(1, 1, 2, 2), weight=sint(12), output=sint(12))
    ),
    "sixteen_bits": lambda: (
        Chain(Shape(3, 4, 2), uint(16), lanes=2)
        .conv(3, Kernel(2, 2), pe=3, simd=2, weight=sint(16), output=sint(16))
        .dense(2, output=uint(16))
    ),
    "table_and_pool": lambda: Chain(Shape(7, 7, 2)).conv(
        4, Kernel(2, 2), pe=2, simd=2, table=True, output=INT8, pool=Kernel(3, 3, 2, 2, **SAME)
    ),
    "pools_and_averages": lambda: (
        Chain(Shape(6, 7, 4), INT8, lanes=2)
        .pool(Kernel(3, 2, 2, 1, pad_top=1), lanes=2)
        .affine(INT8, lanes=4)
        .lookup(UINT8, lanes=2)
        .fifo(5)
        .average(INT8)
        .arg_max()
    ),
    "borders": lambda: (
        Chain(Shape(4, 5, 2), sint(8), lanes=2)
        .border(1, 2, 0, 1, lanes=2)
        .conv(4, Kernel(2, 3), pe=2, output=INT8)
        .border(-1, 2, 1, -3)
        .pool(Kernel(2, 2), lanes=2)
        .border(-1, 0, 0, -1, lanes=4)
        .global_maximum(lanes=2)
    ),
    "means_and_edges": lambda: (
        Chain(Shape(3, 4, 2), sint(8), lanes=2)
        .reorder(Shape(5, 6, 2), 8, (6, 2, True), (2, 1), lanes=2, edges=True)
        .average_pool(Kernel(3, 2, 1, 2, **SAME), lanes=2)
        .average_pool(Kernel(2, 2), lanes=1)
    ),
    "other_orders": lambda: (
        Chain(Shape(3, 4, 2), lanes=2)
        .reorder(Shape(6, 8, 2), 8, (2, 0), (4, 2), (2, 0), (2, 1), lanes=2)
        .conv(8, Kernel(2, 2, 2, 2), pe=4, simd=2)
        .reorder(Shape(6, 8, 2), 32, (2, 4), (4, 8), (4, 1), lanes=1)
        .reorder(Shape(1, 2, 48), 96, (2, 1), (48, 2), extra_blocks=1)
    ),
    "shallow_fifos": lambda: (
        Chain(Shape(5, 5, 2))
        .conv(4, Kernel(2, 2), pe=4, simd=1, fifo_depth=1, pool_fifo_depth=1, pool=Kernel(2, 2))
        .conv(2, Kernel(1, 1), simd=4, fifo_depth=1)
    ),
    "dense_only": lambda: (
        Chain(Shape(1, 1, 24), lanes=4)
        .dense(12, pe=3, simd=8)
        .dense(6, pe=6, simd=12)
        .dense(1, simd=2, output=sint(8))
    ),
    "one_channel": lambda: (
        Chain(Shape(2, 3, 1))
        .conv(1, Kernel(2, 1), pool=Kernel(1, 2))
        .pool(Kernel(1, 1))
        .affine()
        .lookup()
        .average()
        .arg_max()
    ),
    "one_pixel": lambda: Chain(Shape(1, 1, 1)).conv(1, Kernel(1, 1)),
    "kernel_larger_than_stride_skips_pixels": lambda: Chain(Shape(7, 8, 1)).conv(
        2, Kernel(1, 2, 3, 3), pe=2
    ),
}


def run(
    chain: Chain, folder: Path, options: SimulationOptions | None = None
) -> tuple[StreamGraph, SimulationResult]:
    graph = chain.graph()
    inputs = {"s_axis": chain.frames(FRAMES)}
    expected = evaluate(graph, inputs)
    return graph, simulate(graph, inputs, expected, folder, options or SimulationOptions())


@pytest.mark.parametrize("name", NETWORKS)
def test_network_equals_interpreter_and_prediction(name: str, tmp_path: Path) -> None:
    graph, result = run(NETWORKS[name](), tmp_path)
    assert result.passed, result.fault
    # The timed phase and the stalled one, and what came before the reset in mid-frame
    output = graph.outputs[0]
    assert result.values_checked[output.name] >= 2 * FRAMES * output.output.shape.size
    assert result.completions == predict(graph, FRAMES).completions


@pytest.mark.parametrize("stalls", Stalls)
def test_stalls_change_nothing(stalls: Stalls, tmp_path: Path) -> None:
    options = SimulationOptions(stalls=stalls, seed=7, stall_percent=60, timed_frames=0)
    _, result = run(lenet_like(), tmp_path, options)
    assert result.passed, result.fault
    assert result.completions == ()
    assert result.cycles_per_frame is None


def test_any_seed(tmp_path: Path) -> None:
    _, result = run(NETWORKS["one_pixel"](), tmp_path, SimulationOptions(seed=10**20))
    assert result.passed, result.fault


@pytest.mark.parametrize(
    "generics",
    [
        {"conv1_pe": 4, "conv2_simd": 4, "conv2_pe": 6, "conv4_simd": 12},
        {"conv1_pe": 1, "conv2_simd": 1, "conv2_pe": 1, "conv4_pe": 1, "conv4_simd": 1},
        {"conv1_fifo_depth": 1, "conv2_extra_rows": 2, "conv1_pool_fifo_depth": 9},
    ],
    ids=["faster", "serial", "buffers"],
)
def test_folding_is_generic_in_vhdl(generics: dict[str, int], tmp_path: Path) -> None:
    graph, result = run(lenet_like(), tmp_path, SimulationOptions(generics=generics))
    assert result.passed, result.fault
    assert result.completions != predict(graph, FRAMES).completions


def test_taps_are_generic_in_vhdl(tmp_path: Path) -> None:
    generics = {"conv1_taps": 3, "conv1_pe": 4, "conv2_taps": 9, "conv2_pe": 1, "conv3_taps": 6}
    options = SimulationOptions(generics=generics)
    graph, result = run(NETWORKS["parallel_taps"](), tmp_path, options)
    assert result.passed, result.fault
    assert result.completions != predict(graph, FRAMES).completions


def test_illegal_folding_is_refused_with_the_rule(tmp_path: Path) -> None:
    with pytest.raises(CompileError) as refused:
        run(lenet_like(), tmp_path, SimulationOptions(generics={"conv1_pe": 3}))
    assert str(refused.value) == (
        "model/conv 1: its 4 channels must be a multiple of the lanes, not of 3; "
        "choose another folding"
    )
    generics = {"conv1_pe": 4, "conv2_simd": 6}
    with pytest.raises(CompileError, match="width_converter: one number of lanes must divide"):
        run(NETWORKS["dense_only"](), tmp_path, SimulationOptions(generics=generics))


def test_unknown_generic_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CompileError) as refused:
        run(lenet_like(), tmp_path, SimulationOptions(generics={"conv9_pe": 3}))
    assert str(refused.value) == "tiny: the top has no generic 'conv9_pe'; see its entity"


@pytest.mark.parametrize(
    ("output", "reason"),
    [("", "status 255"), ("note\nwork/tb:error: NULL access dereferenced\n", None)],
)
def test_a_run_that_stops_names_what_to_do(
    output: str, reason: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Workspace, "simulate", lambda *_: Run(output, 255))
    with pytest.raises(CompileError) as stopped:
        run(lenet_like(), tmp_path)
    assert str(stopped.value) == (
        "tiny: the simulation must run to its end, not stop with: "
        f"{reason or 'work/tb:error: NULL access dereferenced'}; simulate the netlist, which takes "
        "less memory, or report this"
    )


def test_wrong_expectation_is_diagnosed(tmp_path: Path) -> None:
    chain = lenet_like()
    graph, inputs = chain.graph(), {"s_axis": chain.frames(FRAMES)}
    expected = evaluate(graph, inputs)
    right = int(expected["conv2"][2, 1, 0, 4])
    wrong = expected["conv2"].copy()
    wrong[2, 1, 0, 4] = right ^ 1
    result = simulate(graph, inputs, {**expected, "conv2": wrong}, tmp_path)
    assert isinstance(result.fault, Mismatch)
    place = result.fault.place
    assert (place.stream, place.layer, place.phase, place.frame) == ("conv2", "model/conv 2", 1, 2)
    assert (result.fault.y, result.fault.x, result.fault.channel) == (1, 0, 4)
    assert (result.fault.expected, result.fault.got) == (right ^ 1, right)
    assert str(result.fault) == (
        "conv2 (layer model/conv 2): frame 2, pixel (y 1, x 0), channel 4: "
        f"expected {right ^ 1}, got {right}, in cycle {place.cycle} of phase 1"
    )


def test_wrong_weight_is_found_in_its_element(tmp_path: Path) -> None:
    chain = lenet_like()
    graph, inputs = chain.graph(), {"s_axis": chain.frames(FRAMES)}

    def spoil(element: Consumer) -> Element:
        if element.name != "conv2" or not isinstance(element, ProcessingElement):
            return element
        weights = element.weights.copy()
        weights[1, 2, 3, 5] ^= 64
        return replace(element, weights=weights)

    spoiled = graph.rebuild(spoil)
    expected, sent = evaluate(graph, inputs), evaluate(spoiled, inputs)
    sources = write_vhdl(spoiled, tmp_path / "spoiled")
    fault = simulate(graph, inputs, expected, tmp_path / "sim", sources=sources).fault
    assert isinstance(fault, Mismatch)
    frame, y, x, channel = np.argwhere(expected["conv2"] != sent["conv2"])[0]
    assert fault.place.stream == "conv2"
    assert (fault.place.frame, fault.y, fault.x, fault.channel) == (frame, y, x, channel)
    assert fault.expected == expected["conv2"][frame, y, x, channel]
    assert fault.got == sent["conv2"][frame, y, x, channel]


def simulate_edited(
    folder: Path,
    name: str,
    old: str,
    new: str,
    simulator: Callable[..., SimulationResult] = simulate,
) -> Fault | None:
    """Simulate a network with ``old`` replaced once in one of its VHDL files."""
    chain = lenet_like()
    graph, inputs = chain.graph(), {"s_axis": chain.frames(FRAMES)}
    sources = write_vhdl(graph, folder / "edited")
    path = folder / "edited" / name
    text = path.read_text()
    assert text.count(old) == 1
    path.write_text(text.replace(old, new))
    expected = evaluate(graph, inputs)
    return simulator(graph, inputs, expected, folder / "sim", sources=sources).fault


def test_hang_shows_the_state_of_every_stream(tmp_path: Path) -> None:
    old = "input_valid => conv1_valid"
    fault = simulate_edited(tmp_path, "tiny.vhd", old, "input_valid => '0'")
    assert isinstance(fault, Hang)
    assert [state.stream for state in fault.states] == [
        *("port s_axis", "image", "conv1", "conv2"),
        *("conv4_lanes", "conv4_lanes_2", "conv4", "result"),
    ]
    assert str(fault.states[3]) == "conv2: valid 0, ready 1, frame 0, beat 0 of 8"


def test_unstable_data_are_a_protocol_fault(tmp_path: Path) -> None:
    old = "output_data <= memory(read_place);"
    new = "output_data <= memory(read_place) when output_ready else (others => '1');"
    fault = simulate_edited(tmp_path, "stream_fifo.vhd", old, new)
    assert isinstance(fault, ProtocolFault)
    assert fault.rule == "data and last must stay until ready"


def test_last_in_the_wrong_place_is_a_protocol_fault(tmp_path: Path) -> None:
    fault = simulate_edited(
        tmp_path, "axis_output.vhd", "position = beats - 1 else '0'", "position = beats else '0'"
    )
    assert isinstance(fault, ProtocolFault)
    assert fault.place.stream == "result"
    assert fault.rule == "last must be high at the last beat only"


def test_lost_reset_is_found(tmp_path: Path) -> None:
    fault = simulate_edited(tmp_path, "tiny.vhd", "reset <= not aresetn;", "reset <= '0';")
    assert fault is not None


def test_missing_ghdl_is_said_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    find_ghdl.cache_clear()
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CompileError) as refused:
        run(lenet_like(), tmp_path)
    find_ghdl.cache_clear()
    expected = "ghdl: GHDL must be installed; install it (Debian: apt install ghdl-llvm)"
    assert str(refused.value) == expected


def test_broken_vhdl_is_refused_with_its_first_message(tmp_path: Path) -> None:
    with pytest.raises(CompileError, match=r"ghdl: refused the VHDL: .*no declaration for"):
        simulate_edited(tmp_path, "tiny.vhd", "reset <= not aresetn;", "reset <= not bresetn;")


def test_vectors_must_fit_the_network(tmp_path: Path) -> None:
    chain = lenet_like()
    graph, inputs = chain.graph(), {"s_axis": chain.frames(FRAMES)}
    expected = evaluate(graph, inputs)
    with pytest.raises(CompileError) as refused:
        simulate(graph, {"s_axis": inputs["s_axis"][:, 1:]}, expected, tmp_path)
    assert str(refused.value) == (
        "input_1: its vectors must be frames of 8x8x1, not frames of (7, 8, 1); "
        "give frames for every input and output"
    )
    with pytest.raises(CompileError, match=r"same number of frames, at least 1, not \[3, 4\]"):
        simulate(graph, {"s_axis": inputs["s_axis"][1:]}, expected, tmp_path)


def test_waveform_is_one_of_gtkwave(tmp_path: Path) -> None:
    _, result = run(NETWORKS["one_pixel"](), tmp_path, SimulationOptions(wave=True))
    assert result.passed, result.fault
    assert result.wave == tmp_path / "waves.ghw"
    contents = result.wave.read_bytes()
    # Magic and length of the header; the file's tail says where its directory of sections is.
    assert contents.startswith(b"GHDLwave\n\x10\x00")
    assert contents[-12:-8] == b"TAI\0"
    directory = int.from_bytes(contents[-4:], "little")
    assert contents[directory : directory + 4] == b"DIR\0"
    # What names share with those before is left out.
    assert b"conv1" in contents


@pytest.mark.long
def test_a_million_weights_are_elaborated(tmp_path: Path) -> None:
    """Their table is megabytes on the stack; its analysis would take minutes if optimized."""
    chain = Chain(Shape(1, 1, 1024)).dense(1024, pe=4, simd=4)
    graph, inputs = chain.graph(), {"s_axis": chain.frames(1)}
    nothing = SimulationOptions(timed_frames=0, stalled_frames=0)
    result = simulate(graph, inputs, evaluate(graph, inputs), tmp_path, nothing)
    assert result.passed
    assert result.seconds["analysis"] + result.seconds["run"] < 60


def test_bench_folder_is_deterministic(tmp_path: Path) -> None:
    def files(name: str) -> dict[str, bytes]:
        _, result = run(lenet_like(), tmp_path / name)
        assert result.passed
        paths = sorted((tmp_path / name).rglob("*"))
        return {str(p.relative_to(tmp_path / name)): p.read_bytes() for p in paths if p.is_file()}

    assert files("a") == files("b")
