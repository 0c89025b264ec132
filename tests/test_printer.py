"""The printed VHDL: structure, tables, untrusted names, determinism, compile order."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ir.elements import Consumer, Element, Kernel, ProcessingElement, Shape
from ir.errors import CompileError
from ir.interpreter import evaluate
from ir.numbers import IntArray, frozen_integers
from rtl import print_vhdl, write_vhdl
from rtl.library import compile_order, dependencies, units
from rtl.netlist import build_netlist, describe
from rtl.tables import Table, tables
from sim import SimulationOptions, simulate
from tests.stream_graphs import Chain
from tests.test_simulate import NETWORKS, lenet_like


def unpack(rows: list[str], count: int, bits: int) -> IntArray:
    """Read ``count`` two's complement numbers back from rows of 256 bits."""
    string = sum(int(row, 16) << (256 * index) for index, row in enumerate(rows))
    patterns = [(string >> (bits * index)) & ((1 << bits) - 1) for index in range(count)]
    return np.array([p - (1 << bits) if p >> (bits - 1) else p for p in patterns])


@pytest.mark.parametrize("bits", [1, 3, 8, 12, 16, 37, 64])
def test_table_rows_hold_the_values_in_order(bits: int) -> None:
    low, high = -(1 << (bits - 1)), (1 << (bits - 1)) - 1
    values = np.random.default_rng(bits).integers(low, high, 100, endpoint=True)
    rows = Table("weights", frozen_integers(values), bits).rows()
    assert len(rows) == -(-100 * bits // 256)
    assert all(re.fullmatch("[0-9a-f]{64}", row) for row in rows)
    assert np.array_equal(unpack(rows, 100, bits), values)


def test_values_that_do_not_fit_a_table_are_refused() -> None:
    with pytest.raises(ValueError, match="weights must fit 8 bits, not -129 to 0"):
        Table("weights", frozen_integers([0, -129]), 8)


def test_weights_are_in_canonical_order() -> None:
    element = next(e for e in lenet_like().graph() if isinstance(e, ProcessingElement))
    weights = frozen_integers(np.arange(3 * 2 * 5 * 4).reshape(3, 2, 5, 4))
    values = tables(replace(element, weights=weights))[0].values.reshape(4, 3, 2, 5)
    assert values[3, 2, 1, 4] == weights[2, 1, 4, 3]
    assert values[1, 0, 1, 2] == weights[0, 1, 2, 1]


@pytest.mark.parametrize("name", NETWORKS)
def test_same_graph_same_bytes(name: str) -> None:
    assert print_vhdl(NETWORKS[name]().graph()) == print_vhdl(NETWORKS[name]().graph())


def test_files_come_in_compile_order(tmp_path: Path) -> None:
    paths = write_vhdl(lenet_like().graph(), tmp_path)
    names = [path.stem for path in paths]
    assert names[0] == "millrace_pkg"
    assert names[-4:] == [
        *("tiny_conv1_tables", "tiny_conv2_tables", "tiny_conv4_tables", "tiny"),
    ]
    for index, name in enumerate(names):
        if name in units():
            assert dependencies(name) <= set(names[:index])
    assert "argmax" not in names  # only what is used


def test_library_is_complete_and_acyclic() -> None:
    assert set(compile_order(units())) == units()
    assert dependencies("reserving_fifo") == {"millrace_pkg", "stream_fifo"}


def test_top_instantiates_and_connects_only() -> None:
    top = print_vhdl(lenet_like().graph())["tiny.vhd"]
    body = top[top.index("\nbegin\n") :]
    statements = re.sub(r"--.*", "", body)
    assert not re.search(r"\b(process|generate|if|when|function)\b", statements)
    assert re.findall(r"^  (\w+) <= (.*);$", statements, re.M) == [("reset", "not aresetn")]
    assert re.findall(r"^  (\w+) : entity work\.(\w+)$", statements, re.M) == [
        ("image", "axis_input"),
        ("conv1_adapter", "width_converter"),
        ("conv1", "processing_element"),
        ("conv2_adapter", "width_converter"),
        ("conv2", "processing_element"),
        ("conv4_lanes", "width_converter"),
        ("conv4_lanes_2", "width_converter"),
        ("conv4", "processing_element"),
        ("result_adapter", "width_converter"),
        ("result", "axis_output"),
    ]


def test_ports_are_axi4_stream() -> None:
    top = print_vhdl(lenet_like().graph())["tiny.vhd"]
    ports = re.findall(r"^    (\w+) : (in|out) (\S+?)(?:\((\d+) downto 0\))?;?$", top, re.M)
    assert ports == [
        ("aclk", "in", "std_ulogic", ""),
        ("aresetn", "in", "std_ulogic", ""),
        ("s_axis_tready", "out", "std_ulogic", ""),
        ("s_axis_tvalid", "in", "std_ulogic", ""),
        ("s_axis_tlast", "in", "std_ulogic", ""),
        ("s_axis_tdata", "in", "std_ulogic_vector", "7"),
        ("m_axis_tready", "in", "std_ulogic", ""),
        ("m_axis_tvalid", "out", "std_ulogic", ""),
        ("m_axis_tlast", "out", "std_ulogic", ""),
        ("m_axis_tdata", "out", "std_ulogic_vector", "39"),
    ]


def test_folding_and_buffers_are_generics_with_the_chosen_defaults() -> None:
    generics = {g.name: g.default for g in build_netlist(lenet_like().graph()).generics}
    assert generics["conv1_pe"] == 2
    assert generics["conv2_simd"] == 2
    assert generics["conv4_pe"] == 5
    assert generics["conv1_pool_fifo_depth"] == 3
    assert "conv2_pool_fifo_depth" not in generics


def renamed(names: dict[str, str], layer: str = "layer") -> Chain:
    """A network with other element names."""
    chain = lenet_like()
    graph = chain.graph()

    def rename(element: Consumer) -> Element:
        return replace(element, name=names.get(element.name, element.name), layer=layer)

    chain.graph = lambda *_, **__: graph.rebuild(rename)  # type: ignore[method-assign]
    return chain


def test_names_that_clash_with_those_of_the_top_are_told_apart(tmp_path: Path) -> None:
    chain = renamed({"conv1": "s_axis_tdata", "conv2": "image_data", "conv4": "image_data_pe"})
    graph, inputs = chain.graph(), {"s_axis": chain.frames(1)}
    options = SimulationOptions(timed_frames=1, stalled_frames=0)
    assert simulate(graph, inputs, evaluate(graph, inputs), tmp_path, options).passed


HOSTILE = '"; rm -rf /\n-- synthesis translate_off\r\x00\x1b[31m é 日本 \u2028 \\ ' + "x" * 500


def test_untrusted_layer_names_stay_in_one_comment_of_printable_ascii() -> None:
    graph = renamed({}, HOSTILE).graph()
    top, plain = print_vhdl(graph)["tiny.vhd"], print_vhdl(lenet_like().graph())["tiny.vhd"]
    assert set(top) <= {"\n", *map(chr, range(32, 127))}
    without_comments = [re.sub(r"--.*", "", text) for text in (top, plain)]
    assert without_comments[0] == without_comments[1]
    assert not re.search(r"--\s*(synthesis|pragma|synopsys)", top)
    assert all(len(line) <= 200 for line in top.splitlines())
    assert describe(graph.outputs[0]).startswith(
        r'Layer "\"; rm -rf /\n-\x2d synthesis translate_off\r\x00\x1b[31m \xe9'
    )


def test_top_named_as_an_element_is_refused() -> None:
    with pytest.raises(CompileError) as refused:
        print_vhdl(Chain(Shape(2, 2, 1)).conv(1, Kernel(1, 1)).graph("window"))
    assert str(refused.value) == (
        "window: the top must have a name of its own, not that of an element of the library; "
        "give the model another name"
    )


def test_dilated_pool_is_refused() -> None:
    chain = Chain(Shape(5, 5, 1)).pool(Kernel(2, 2, dilation_height=2))
    with pytest.raises(CompileError, match="a max pool's dilation must be 1"):
        print_vhdl(chain.graph())
