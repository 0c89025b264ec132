"""Means that onnxruntime adds in float32, value after value: rounded alike, on whatever codes."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import onnx
import pytest

from frontend.compiler import compile_model
from ir.average_proof import GoldenMean
from ir.cycles import own_cycles, predict
from ir.elements import AveragePool, Border, FloatMean, GlobalAverage, Kernel, Reorder, Shape
from ir.errors import CompileError
from ir.float_mean import accumulator_of, can_be_added, float_sums, prove_float_mean, rounded
from ir.interpreter import evaluate
from ir.interpreter.windows import windows
from ir.numbers import IntegerType
from rewrite.lower import float_means, lower
from rewrite.lower.float_means import without_overlap
from rewrite.onnx import fuse
from rewrite.onnx.average_execution import AverageKey, averages_of_codes
from sim import SimulationOptions, simulate
from tests.code_chain import MICROSOFT, CodeChain
from tests.lowering import kinds, lowered
from tests.qdq import QdqChain
from tests.stream_graphs import Chain
from tests.test_average_proof import chain
from tests.third_party import check_interpreter
from tests.verdicts import compare_cycles, run_hardware

UINT8, INT8 = IntegerType(8, False), IntegerType(8, True)
APART = {"kernel_shape": [2, 2], "strides": [2, 2]}
"""On a map of 6x5; the last column is left out."""
FRAMES = 3
INTERPRETER = sys.modules[windows.__module__]
SCALES = [(0.037219, 1.0), (0.5, 1.0), (3.1e-6, 0.5)]


def golden(
    scale: float, zero_point: int, number: IntegerType, taps: int, ratio: float, shift: int = 0
) -> GoldenMean:
    narrow = np.float32(scale)
    return GoldenMean(
        narrow,
        zero_point,
        np.float32(narrow * ratio),
        number.maximum - 5 if zero_point == number.maximum else number.minimum + 5,
        number,
        taps,
        np.array([taps]),
        number.minimum,
        number.maximum,
        shift=shift,
    )


def test_rounding_keeps_24_bits_and_ties_to_even() -> None:
    one = 1 << 24
    sums = np.array([one - 1, one + 1, one + 3, -one - 1, -one - 3, 5 * one + 4, 5 * one + 12])
    kept = [one - 1, one, one + 4, -one, -one - 4, 5 * one, 5 * one + 16]
    assert rounded(sums).tolist() == kept


@pytest.mark.parametrize("scale", [0.037219, 1.0, 2.0**-120 * 1.1, 1e-40])
@pytest.mark.parametrize(("number", "zero_point"), [(UINT8, 0), (UINT8, 255), (INT8, -7)])
def test_sums_are_those_of_float32(scale: float, number: IntegerType, zero_point: int) -> None:
    taps = 75
    function = golden(scale, zero_point, number, taps, 0.9)
    sums = float_sums(function, number)
    requantization, proof = prove_float_mean("layer", function, sums)
    random = np.random.default_rng(0)
    codes = random.integers(number.minimum, number.maximum, (500, taps), endpoint=True)
    codes[:2] = [[number.minimum], [number.maximum]]
    total, integer = np.zeros(len(codes), np.float32), np.zeros(len(codes), np.int64)
    accumulator = accumulator_of(sums, requantization)
    for column in codes.T:
        total = total + (column - zero_point).astype(np.float32) * np.float32(scale)
        integer = rounded(integer + sums.addends[column & 255])
        assert np.array_equal(integer * sums.unit, total)
        assert integer.min() >= accumulator.minimum
        assert integer.max() <= accumulator.maximum
    expected = function.codes(total, function.counts)
    assert np.array_equal(requantization(integer[:, None])[:, 0], expected)
    assert len(np.unique(expected)) > 20
    assert proof.form == "thresholds"
    assert proof.covered == sums.most - sums.least + 1


def test_a_mean_of_one_code_has_one_threshold() -> None:
    function = golden(0.01, 3, UINT8, 4, 1e6)
    sums = float_sums(function, UINT8)
    requantization, _ = prove_float_mean("layer", function, sums)
    assert requantization.levels == 1
    assert requantization(np.array([[sums.least], [sums.most]])).tolist() == [[5], [5]]


def test_zero_points_are_added_in_float32() -> None:
    """So uint8 codes and int8 codes, whose zero points are others, are rounded otherwise."""
    means = [golden(0.037219, 0, INT8, 4, 1.0, shift) for shift in (0, 128)]
    thresholds = [prove_float_mean("layer", m, float_sums(m, INT8))[0].thresholds for m in means]
    assert thresholds[0].shape == thresholds[1].shape
    assert not np.array_equal(*thresholds)


def test_what_cannot_be_added() -> None:
    assert can_be_added(golden(1e30, 0, UINT8, 2**14, 1.0))
    assert not can_be_added(golden(1e34, 0, UINT8, 2**14, 1.0))
    assert not can_be_added(golden(1.0, 0, UINT8, 2**14 + 1, 1.0))


def test_windows_that_do_not_overlap() -> None:
    shape = Shape(25, 5, 2)
    assert without_overlap(Kernel(24, 5), shape) is None  # two windows, a row apart
    assert without_overlap(Kernel(24, 5, 24), shape) == Kernel(24, 5, 24, 5)
    assert without_overlap(Kernel(2, 2, 3, 2), shape) == Kernel(2, 2, 3, 2)
    assert without_overlap(Kernel(2, 2, 2, 1), shape) is None
    assert without_overlap(Kernel(2, 2, 2, 2, pad_right=1), shape) is None


@pytest.mark.parametrize("codes", ["uint8", "int8"])
@pytest.mark.parametrize(("scale", "ratio"), SCALES)
def test_equals_onnxruntime(codes: str, scale: float, ratio: float) -> None:
    result = lowered(chain(scale, ratio, codes, **APART).model())
    assert kinds(result) == [FloatMean]
    (proof,), (record,) = result.proofs, result.samples
    assert proof.form == "thresholds"
    assert record.values == record.frames * 3 * 3 * 2


ALL = {"count_include_pad": 1}
OVERLAPPING = {
    "rows and columns": {"kernel_shape": [3, 2]},
    "columns": {"kernel_shape": [2, 3], "strides": [2, 1]},
    "nearly all rows": {"kernel_shape": [5, 4]},
    "one dimension of padding that counts": {"kernel_shape": [2, 2], "pads": [1, 0, 1, 0], **ALL},
    "padding that counts, apart": {
        "kernel_shape": [2, 3], "strides": [2, 3], "pads": [0, 1, 0, 0], **ALL
    },
    "padding that does not count": {"kernel_shape": [3, 2], "pads": [1, 1, 1, 0]},
    "padding that does not count, apart": {
        "kernel_shape": [4, 2], "strides": [4, 2], "pads": [2, 1, 0, 0]
    },
}  # fmt: skip


@pytest.mark.parametrize("codes", ["uint8", "int8"])
@pytest.mark.parametrize("name", OVERLAPPING)
def test_windows_that_overlap_come_one_after_another(name: str, codes: str) -> None:
    """Padding adds the number of the zero point, which is 0."""
    attributes = OVERLAPPING[name]
    result = lowered(chain(0.037219, 1.0, codes, **attributes).model())
    assert kinds(result) == [*([Border] if "pads" in attributes else []), Reorder, FloatMean]


@pytest.mark.parametrize("seed", range(16))
def test_random_pools(seed: int) -> None:
    """Of any scales, and of those with which means lie half-way between codes."""
    random = np.random.default_rng(seed)
    rows, columns = int(random.integers(1, 7)), int(random.integers(1, 6))
    scale = float(np.float32(10.0 ** random.uniform(-6, 3)))
    ratios = [1.0, 0.5, 2 / rows, 1 / columns, float(random.uniform(0.3, 1.5))]
    pads = [int(random.integers(0, size)) for size in (rows, columns, rows, columns)]
    attributes = {
        "kernel_shape": [rows, columns],
        "strides": [int(random.integers(1, rows + 2)), int(random.integers(1, columns + 2))],
        **({"pads": pads} if random.random() < 0.6 else {}),
        "count_include_pad": int(random.integers(2)),
    }
    codes = str(random.choice(["uint8", "int8"]))
    lowered(chain(scale, float(random.choice(ratios)), codes, seed, **attributes).model())


@pytest.mark.parametrize("codes", ["uint8", "int8"])
def test_operators_on_codes(codes: str) -> None:
    """int8 codes stay such: their zero points are 128 below those of codes between numbers."""
    model = averaged_codes(codes).model()
    (signed,) = averages_of_codes(model).values()
    assert signed == {codes == "int8"}
    assert FloatMean in kinds(check_interpreter(model))


def averaged_codes(codes: str) -> CodeChain:
    start = CodeChain((3, 6, 5), codes)
    inputs = [start.tensor, *start.parameters, *start.parameters]
    start.tensor = start.node("QLinearAveragePool", inputs, MICROSOFT, **APART)
    return start


def test_pools_between_quantizations_run_on_uint8() -> None:
    model = chain(0.5, 1.0, "int8", **APART).model()
    ((key, signed),) = averages_of_codes(model).items()
    assert key.taps == 4
    assert key.scales == (0.5, 0.5)
    assert signed == {False}
    assert averages_of_codes(QdqChain((3, 6, 5)).same("Relu").model()) == {}


def test_pools_that_are_run_otherwise_are_not_taken_for_known(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Alike in all that they are known by, one on uint8 and one on int8 codes."""
    model = chain(0.037219, 1.0, **APART).model()
    ((key, _),) = averages_of_codes(model).items()
    both: dict[AverageKey, frozenset[bool]] = {key: frozenset({True, False})}
    monkeypatch.setattr("rewrite.lower.averages_of_codes", lambda model: both)
    with pytest.raises(CompileError, match="each sum must give one code, in whatever order"):
        lower(fuse(model))


def test_a_mean_of_the_whole_map_is_added_in_integers() -> None:
    result = lowered(chain(0.037219, 0.31, kernel_shape=[6, 5], strides=[2, 3]).model())
    assert kinds(result) == [GlobalAverage]


def test_sums_that_integers_give_need_no_rounding() -> None:
    assert kinds(lowered(chain(181 / 2**12, 257 / 256, **APART).model())) == [AveragePool]


@pytest.mark.parametrize("wrong", ["unrounded", "backwards"])
def test_another_order_is_found_out(wrong: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The windows on which each compilation compares show in what order values are added."""
    model = chain(0.037219, 0.8, kernel_shape=[5, 4], strides=[5, 4]).model()
    lower(fuse(model))
    if wrong == "unrounded":
        monkeypatch.setattr(INTERPRETER, "rounded", lambda sums: sums)
    else:
        monkeypatch.setattr(
            INTERPRETER, "windows", lambda *given: windows(*given)[:, :, :, ::-1, ::-1]
        )
    with pytest.raises(CompileError, match="onnxruntime must compute what the element computes"):
        lower(fuse(model))


def test_hard_windows_show_the_order() -> None:
    function = golden(0.037219, 3, UINT8, 25, 0.8)
    sums = float_sums(function, UINT8)
    hard = float_means._hard_windows(function, sums, np.random.default_rng(0))
    assert hard.min() >= 0
    assert hard.max() <= 255
    addends = sums.addends[hard[:50]].T
    there, back = (
        float_means._codes_in_order(function, sums, order) for order in (addends, addends[::-1])
    )
    exact = float_means._codes_in_order(function, sums, addends.sum(axis=0)[None])
    assert np.all((there != back) | (there != exact))
    assert np.any(there != back)


@pytest.mark.parametrize(
    ("shape", "lanes", "kernel"),
    [
        (Shape(5, 4, 6), 1, Kernel(2, 2, 2, 2)),
        (Shape(5, 4, 6), 6, Kernel(2, 2, 2, 2)),
        (Shape(7, 3, 4), 2, Kernel(3, 3, 4, 3)),
    ],
)
def test_hardware_in_a_branch(shape: Shape, lanes: int, kernel: Kernel, tmp_path: Path) -> None:
    """Pauses between pixels hold up the stream that both branches read."""
    left, right = Chain(shape, lanes=lanes).fork(3, 40)
    means, maxima = left.float_mean(kernel, lanes=lanes), right.pool(kernel, lanes=lanes)
    chain = means.merge(maxima, lanes=lanes)
    graph = chain.graph()
    inputs = chain.inputs(graph, FRAMES)
    result = simulate(graph, inputs, evaluate(graph, inputs), tmp_path, SimulationOptions(seed=3))
    assert result.passed, result.fault
    predicted = predict(graph, FRAMES)
    assert result.completions == predicted.completions
    mean = next(element for element in graph if isinstance(element, FloatMean))
    assert own_cycles(mean) == max(6, shape.channels // lanes) * shape.pixels


@pytest.mark.parametrize(
    ("codes", "attributes"),
    [
        ("uint8", {"kernel_shape": [5, 4], "strides": [5, 4]}),
        ("int8", {"kernel_shape": [3, 4], "strides": [2, 1], "pads": [0, 0, 0, 1], **ALL}),
        ("uint8", {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]}),
    ],
)
def test_from_the_file_to_hardware(
    codes: str, attributes: dict[str, object], tmp_path: Path
) -> None:
    onnx.save(chain(0.037219, 0.8, codes, **attributes).model(), tmp_path / "m.onnx")
    compilation = compile_model(tmp_path / "m.onnx")
    (frames,) = compilation.test.inputs.values()
    result = run_hardware(compilation, frames, tmp_path / "sim", stalled_frames=3, seed=1)
    assert result.fault is None
    assert compare_cycles(compilation, result) is None
