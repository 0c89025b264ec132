"""Adder graphs multiply with the very matrix, whatever it looks like, in values of exact width."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ir.adders import AdderGraph, signed_digits
from ir.cycles import predict
from ir.datapath import Datapath, levels
from ir.elements import AdderChain, Input, Output, ProcessingElement, Shape
from ir.errors import CompileError
from ir.goal import Goal
from ir.graph import StreamGraph
from ir.numbers import IntArray, IntegerType
from ir.requantize import ScaleRequantization
from ir.resources import estimate
from ir.resources.adders import cells as estimated_cells
from rewrite.stream import adders, schedule
from rewrite.stream.adders import adder_graph, blocks, in_adders
from rewrite.stream.datapaths import element_datapath
from rewrite.stream.linear import linear
from rewrite.stream.shared_sums import shared_sums
from rewrite.stream.stages import staged
from rtl.adder_tables import datapath_formals, datapath_tables
from tests.synthesis import Value, cells, verilog
from tests.test_benches import BENCHES

sys.path.insert(0, str(BENCHES))
from processing_element_cases import LAYERS, Layer, element_of

UINT8, INT8 = IntegerType(8, False), IntegerType(8, True)
EVERYTHING = (1e9, 1e9, 1e9, 1e9, 1e9)


def with_weights(matrix: IntArray, number: IntegerType, levels: int = 1) -> ProcessingElement:
    """Return a dense layer of ``matrix`` (outputs, inputs) that is to have adders."""
    outputs, inputs = matrix.shape
    layer = Layer(
        Shape(1, 1, inputs),
        LAYERS["dense"].kernel,
        outputs,
        pe=outputs,
        simd=inputs,
        number=number,
        adder_levels=levels,
    )
    element = element_of(layer, 1)
    return replace(element, weights=matrix.T.reshape(1, 1, inputs, outputs), datapath=None)


RANDOM = np.random.default_rng(7)
MATRICES = {
    "random": RANDOM.integers(-128, 128, (7, 9)),
    "one weight": np.array([[1]]),
    "a power of two": np.array([[-64]]),
    "only zeros": np.zeros((2, 3), np.int64),
    "rows and columns of zeros": RANDOM.integers(-9, 10, (5, 6))
    * np.array([0, 1, 1, 1, 0, 1])
    * np.array([[1], [0], [1], [1], [0]]),
    "negative rows": -RANDOM.integers(0, 128, (4, 5)),
    "equal rows, also of the other sign": np.array([[3, 5, 0], [3, 5, 0], [-3, -5, 0], [6, 10, 0]]),
    "extremes": RANDOM.choice([-128, 127], (6, 6)),
    "apart": np.kron(np.eye(3, dtype=np.int64), RANDOM.integers(-20, 20, (2, 4))),
}


@pytest.mark.parametrize("name", MATRICES)
@pytest.mark.parametrize(
    "number", [UINT8, INT8, IntegerType(1, True), IntegerType(16, False)], ids=str
)
def test_the_graph_is_the_matrix(name: str, number: IntegerType) -> None:
    element = with_weights(MATRICES[name], number, levels=1 + len(name) % 3)
    graph = adder_graph(element)
    assert np.array_equal(graph.matrix(), element.adder_matrix)
    x = inputs_of(graph, number)
    datapath = linear(graph, number)
    # Nothing is negative, and the types are just wide enough: the ends of each value are reached.
    found = datapath.values(x)
    for value, of in zip(found.T, datapath.numbers(), strict=True):
        assert of == IntegerType.spanning(int(value.min()), int(value.max()))
        assert not of.signed
    signs = np.array([-1 if of.negative else 1 for of in graph.sums])
    excess = np.array([lane.excess for lane in datapath.lanes])
    assert np.array_equal((datapath(x) - excess) * signs, x @ graph.matrix().T)
    codes = element_datapath(element)
    function = element.requantization
    assert isinstance(function, ScaleRequantization)
    assert np.array_equal(codes(x), function(x @ element.lane_matrix.T))


def inputs_of(graph: AdderGraph, number: IntegerType) -> IntArray:
    """Return random inputs, and those that bring each value of ``graph`` to both of its ends."""
    x = np.random.default_rng(1).integers(number.minimum, number.maximum + 1, (40, graph.inputs))
    forms = graph.coefficients()
    ends = [np.where(side * forms > 0, number.maximum, number.minimum) for side in (1, -1)]
    return np.concatenate([x, *ends])


def test_thresholds_get_sums_that_are_not_negated() -> None:
    layer = replace(LAYERS["adders, thresholds and table"], channels=6, pe=6)
    element = element_of(layer, 3)
    graph = adder_graph(element)
    assert not any(of.negative for of in graph.sums)
    assert np.array_equal(graph.matrix(), element.lane_matrix)


def test_a_wrong_solution_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the search read its matrix the wrong way round."""
    element = with_weights(RANDOM.integers(-128, 128, (5, 5)), UINT8)
    monkeypatch.setattr(
        adders, "shared_sums", lambda matrix, *rest: shared_sums(matrix.T.copy(), *rest)
    )
    adders._solved_once.cache_clear()
    with pytest.raises(CompileError) as raised:
        adder_graph(element)
    adders._solved_once.cache_clear()
    assert str(raised.value) == (
        f"{element.layer}: the adders must multiply with the weights, not with another matrix; "
        "this is a bug, please report it"
    )


def test_the_same_matrix_has_the_same_graph() -> None:
    element = with_weights(RANDOM.integers(-128, 128, (12, 20)), UINT8)
    first = adder_graph(element)
    adders._solved_once.cache_clear()
    assert adder_graph(element) == first


def test_parts_of_a_matrix_are_solved_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [(rows.tolist(), columns.tolist()) for rows, columns in blocks(MATRICES["apart"])]
    assert found == [([0, 1], [0, 1, 2, 3]), ([2, 3], [4, 5, 6, 7]), ([4, 5], [8, 9, 10, 11])]
    monkeypatch.setattr(adders, "MOST_DIGITS_AT_A_TIME", 40)
    matrix = np.full((6, 8), 5)  # 16 digits a row
    assert [rows.tolist() for rows, _ in blocks(matrix)] == [[0, 1], [2, 3], [4, 5]]


def test_pixels_of_a_block_share_a_solution() -> None:
    element = element_of(LAYERS["a whole frame, adders"], 5)
    assert element.reads is not None
    graph = adder_graph(element)
    assert np.array_equal(graph.matrix(), element.adder_matrix)
    found = [columns.tolist() for _, columns in blocks(element.lane_matrix, element.reads)]
    assert found == element.reads.tolist()


def test_stages_have_so_many_levels_in_a_row_and_hold_little() -> None:
    element = with_weights(RANDOM.integers(-128, 128, (10, 24)), UINT8)
    bare = element_datapath(replace(element, adder_levels=40))
    deepest = max(levels(bare))
    for most in (1, 2, 5, 40):
        for registers_lanes in (True, False):
            found = staged(bare, most, registers_lanes=registers_lanes)
            assert found.stages == -(-deepest // most) - (not registers_lanes)
            assert longest_row(found) <= most
    early = (level - 1 for level in levels(bare)[bare.inputs :])
    operations = (
        replace(each, stage=max(0, stage))
        for each, stage in zip(bare.operations, early, strict=True)
    )
    earliest = replace(bare, operations=tuple(operations), stages=deepest)
    assert held_bits(staged(bare, 1)) < held_bits(earliest)


def longest_row(datapath: Datapath) -> int:
    """Return the most levels in a row without a register."""
    stages = [0] * datapath.inputs + [each.stage for each in datapath.operations]
    in_a_row = [0] * datapath.inputs
    for each in datapath.operations:
        assert all(stages[operand] <= each.stage for operand in each.operands)
        same = (in_a_row[o] for o in each.operands if stages[o] == each.stage)
        in_a_row.append(max(same, default=0) + each.level)
    return max(in_a_row)


def held_bits(datapath: Datapath) -> int:
    first, last = datapath.lifetimes()
    numbers = datapath.numbers()
    return sum(n.bits * (b - a) for n, a, b in zip(numbers, first, last, strict=True))


def test_yosys_takes_a_lut_where_both_operands_have_bits(tmp_path: Path) -> None:
    """Sums of sums that nothing else reads would become carry-save adders, of more LUTs."""
    row = np.array([[1, 1, -1, 2, 1, -2, 1, 1]])
    datapath = staged(linear(adder_graph(with_weights(row, UINT8)), UINT8), 9)
    (lane,) = datapath.lanes
    values: dict[str, Value] = {
        "input_bits": 8,
        "input_signed": False,
        "inputs": row.size,
        "outputs": 1,
        "output_bits": datapath.numbers()[lane.node].bits + lane.shift,
        **{name: int(value) for name, value in datapath_formals(datapath).items()},
        **{table.generic: table.rows() for table in datapath_tables(datapath)},
    }
    counted = cells(verilog("adder_graph", values, tmp_path))
    estimated, _ = estimated_cells(datapath)
    luts = sum(n for kind, n in counted.items() if kind.startswith("LUT"))
    assert 0.97 * estimated < luts <= estimated


def test_signed_digits_are_the_fewest() -> None:
    """By the definition: a number, or one digit more or less than a smaller one."""
    fewest = {0: 0}
    for _ in range(6):
        more = {n + s * 2**k: d + 1 for n, d in fewest.items() for k in range(9) for s in (1, -1)}
        fewest = {**{n: d for n, d in more.items() if abs(n) < 512}, **fewest}
    numbers = np.arange(-127, 128)
    assert signed_digits(numbers).tolist() == [fewest[int(n)] for n in numbers]


def test_only_fully_parallel_layers_have_adders() -> None:
    parallel = replace(element_of(LAYERS["adders"], 1), datapath=None, adder_levels=0)
    (chosen,) = in_adders(parallel)
    assert chosen.adder_levels == 1
    assert chosen.multipliers == 0
    assert list(in_adders(replace(parallel, simd=4))) == []
    assert list(in_adders(replace(parallel, pe=3))) == []
    function = parallel.requantization
    assert isinstance(function, ScaleRequantization)
    factors = function.multipliers.copy()
    factors[0] = 2**24 + 1
    too_long = replace(parallel, requantization=replace(function, multipliers=factors))
    assert list(in_adders(too_long)) == []
    factors[0] = 2**30  # a shift
    assert list(in_adders(replace(parallel, requantization=replace(function, multipliers=factors))))


@pytest.mark.parametrize("most", [1, 100])
def test_the_fastest_folding_has_adders(most: int) -> None:
    element = element_of(replace(LAYERS["dense"], pe=1, simd=1), 1)
    assert isinstance(element.source, Input)
    sink = Output("sink", "", element, element.output, "m")
    graph = StreamGraph("core", (element.source,), (sink,), {})
    scheduled = schedule(graph, Goal(limits=EVERYTHING, adder_levels=most))
    (found,) = (e for e in scheduled if isinstance(e, AdderChain))
    assert found.datapath is not None
    assert longest_row(found.datapath) <= most
    assert estimate(found).dsp == 0
    assert predict(scheduled).cycles_per_frame == 1
