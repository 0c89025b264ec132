"""Adder graphs multiply with the very matrix, whatever it looks like, in values of exact width."""

from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np
import pytest

from ir.adders import AdderGraph, signed_digits
from ir.cycles import predict
from ir.elements import Input, Output, ProcessingElement, Shape
from ir.errors import CompileError
from ir.goal import Goal
from ir.graph import StreamGraph
from ir.numbers import IntArray, IntegerType
from ir.requantize import ScaleRequantization
from ir.resources import estimate
from rewrite.stream import adders, schedule
from rewrite.stream.adders import adder_graph, blocks, in_adders
from rewrite.stream.stages import adder_levels, staged
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
    return replace(element, weights=matrix.T.reshape(1, 1, inputs, outputs), adders=None)


def values(graph: AdderGraph, inputs: IntArray) -> IntArray:
    """Return all values of a graph, (frames, values), by whole numbers as its additions say."""
    found = list(inputs.T)
    for addition in graph.additions:
        right = found[addition.right] << addition.shift
        found.append(found[addition.left] + (-right if addition.subtracts else right))
    return np.stack(found, axis=1)


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
    x = np.random.default_rng(1).integers(number.minimum, number.maximum + 1, (40, graph.inputs))
    forms = graph.coefficients()
    ends = [np.where(side * forms > 0, number.maximum, number.minimum) for side in (1, -1)]
    x = np.concatenate([x, *ends])
    found, types = values(graph, x), graph.numbers(number)
    assert np.array_equal(found, x @ forms.T)
    # Just wide enough: the rows of extremes reach the ends of each value.
    for value, of in zip(found.T, types, strict=True):
        assert of == IntegerType.spanning(int(value.min()), int(value.max()))


def test_thresholds_get_sums_that_are_not_negated() -> None:
    layer = replace(LAYERS["adders, thresholds and table"], channels=6, pe=6)
    element = element_of(layer, 3)
    assert element.adders is not None
    assert not any(of.negative for of in element.adders.sums)
    assert np.array_equal(element.adders.matrix(), element.lane_matrix)


def test_a_wrong_solution_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the solver read its matrix the wrong way round."""
    element = with_weights(RANDOM.integers(-128, 128, (5, 5)), UINT8)
    solve = adders.solve
    monkeypatch.setattr(
        adders, "solve", lambda kernel, **options: solve(kernel.T.copy(), **options)
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
    graph = adder_graph(replace(element, adders=None))
    assert graph == element.adders
    assert np.array_equal(graph.matrix(), element.adder_matrix)
    found = [columns.tolist() for _, columns in blocks(element.lane_matrix, element.reads)]
    assert found == element.reads.tolist()


def test_stages_have_so_many_adders_in_a_row_and_hold_little() -> None:
    element = with_weights(RANDOM.integers(-128, 128, (10, 24)), UINT8)
    bare = adder_graph(element)
    deepest = max(adder_levels(bare))
    for levels in (1, 2, 5, 40):
        graph = staged(bare, UINT8, levels)
        assert graph.stages == -(-deepest // levels)
        in_a_row = [0] * graph.inputs
        for addition in graph.additions:
            before = 0
            for operand in (addition.left, addition.right):
                stage = 0
                if operand >= graph.inputs:
                    stage = graph.additions[operand - graph.inputs].stage
                assert stage <= addition.stage
                if stage == addition.stage:
                    before = max(before, in_a_row[operand])
            in_a_row.append(before + 1)
        assert max(in_a_row) <= levels
    early = [(level - 1) for level in adder_levels(bare)[bare.inputs :]]
    earliest = replace(
        bare,
        additions=tuple(
            replace(a, stage=stage) for a, stage in zip(bare.additions, early, strict=True)
        ),
    )
    assert held_bits(staged(bare, UINT8, 1)) < held_bits(earliest)


def held_bits(graph: AdderGraph) -> int:
    first, last = graph.lifetimes()
    numbers = graph.numbers(UINT8)
    return sum(n.bits * (b - a) for n, a, b in zip(numbers, first, last, strict=True))


def test_signed_digits_are_the_fewest() -> None:
    """By the definition: a number, or one digit more or less than a smaller one."""
    fewest = {0: 0}
    for _ in range(6):
        more = {n + s * 2**k: d + 1 for n, d in fewest.items() for k in range(9) for s in (1, -1)}
        fewest = {**{n: d for n, d in more.items() if abs(n) < 512}, **fewest}
    numbers = np.arange(-127, 128)
    assert signed_digits(numbers).tolist() == [fewest[int(n)] for n in numbers]


def test_only_fully_parallel_layers_have_adders() -> None:
    parallel = replace(element_of(LAYERS["adders"], 1), adders=None, adder_levels=0)
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


@pytest.mark.parametrize("levels", [1, 100])
def test_the_fastest_folding_has_adders(levels: int) -> None:
    element = element_of(replace(LAYERS["dense"], pe=1, simd=1), 1)
    assert isinstance(element.source, Input)
    sink = Output("sink", "", element, element.output, "m")
    graph = StreamGraph("core", (element.source,), (sink,), {})
    scheduled = schedule(graph, Goal(limits=EVERYTHING, adder_levels=levels))
    (found,) = (e for e in scheduled if isinstance(e, ProcessingElement))
    assert found.adders is not None
    assert found.adders.stages == -(-max(adder_levels(found.adders)) // levels)
    assert (found.multipliers, estimate(found).dsp) == (0, 0)
    assert predict(scheduled).cycles_per_frame == 1
