"""Linear Resize between quantizations: exact where float32 can be proved to be, else refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ir.elements import ProcessingElement, Reorder
from ir.errors import CompileError
from ir.interpolation_proof import GoldenInterpolation, prove_interpolation
from ir.numbers import IntArray, IntegerType
from rewrite.lower import lower
from rewrite.lower.interpolation import phase_weights
from rewrite.onnx import fuse
from tests.lowering import kinds, lowered
from tests.qdq import QdqChain

BYTE = IntegerType(8, False)


def enlarged(
    factors: tuple[float, float],
    *,
    scale: float = 0.0173,
    growth: float = 1.0,
    codes: str = "uint8",
    **attributes: Any,
) -> QdqChain:
    """An image, a Resize of it whose result has ``growth`` times the scale, a convolution."""
    chain = QdqChain((2, 5, 4), codes).conv(3, scale=scale, pads=[1, 1, 1, 1])
    operands = [
        chain.constant("region", np.zeros(0, np.float32)),
        chain.constant("scales", np.array([1, 1, *factors], np.float32)),
    ]
    y = chain.node("Resize", [chain.dequantize(), *operands], mode="linear", **attributes)
    return chain.requantize(y, float(chain.scale) * growth, chain.zero_point).conv(2)


CASES: dict[str, QdqChain] = {
    "few digits": enlarged((2, 2), scale=181 * 2.0**-13),
    "few digits, int8": enlarged((2, 2), scale=0.0625, codes="int8"),
    "few digits by 4 and 2": enlarged((4, 2), scale=0.0625),
    "few digits, asymmetric": enlarged(
        (2, 2), scale=0.0625, coordinate_transformation_mode="asymmetric"
    ),
    "rows only": enlarged((2, 1), scale=0.0625),
    "odd factors, any scale": enlarged((3, 3)),
    "odd factors, PyTorch": enlarged(
        (3, 5), coordinate_transformation_mode="pytorch_half_pixel", codes="int8"
    ),
    "another scale behind it": enlarged((2, 2), growth=257 / 256),
}


@pytest.mark.parametrize("name", CASES)
def test_equals_onnxruntime(name: str) -> None:
    result = lowered(CASES[name].model())
    expected = [ProcessingElement, Reorder, ProcessingElement, Reorder, ProcessingElement]
    assert kinds(result) == expected


REFUSED: dict[str, tuple[QdqChain, str]] = {
    "halves that rounding decides": (
        enlarged((2, 2)),
        "resize_8: its input scale must be a number of few digits in base 2, so that onnxruntime "
        "interpolates in float32 without rounding, not 0.0173000004; round the scale to 8 "
        "significant bits when quantizing, or quantize the result with 257/256 of it",
    ),
    "corners on corners": (
        enlarged((3, 3), coordinate_transformation_mode="align_corners"),
        "resize_8: the coordinates of a linear Resize must be half_pixel or asymmetric, not "
        "align_corners; change the Resize",
    ),
    "broken factor": (
        enlarged((1.5, 2)),
        "resize_8: a linear Resize must enlarge the rows and columns of an image by whole "
        "factors; change the Resize",
    ),
    "factor of 17": (
        enlarged((17, 1)),
        "resize_8: a linear Resize must enlarge by at most 16, not 17; change the Resize",
    ),
    "smoothed": (
        enlarged((3, 3), antialias=1),
        "resize_8: a linear Resize must not smooth, or leave out what lies outside of the image; "
        "change the Resize",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_by_what_is_wrong(name: str) -> None:
    chain, message = REFUSED[name]
    with pytest.raises(CompileError) as refusal:
        lower(fuse(chain.model()))
    assert str(refusal.value) == message


def golden(scale: float, output_scale: float, denominator: int) -> GoldenInterpolation:
    return GoldenInterpolation(
        np.float32(scale), 30, np.float32(output_scale), 31, BYTE, denominator, 0, 255, 64
    )


@pytest.mark.parametrize(
    ("case", "certain"),
    [
        (golden(181 * 2.0**-13, 181 * 2.0**-13, 16), True),
        (golden(0.0173, 0.0173, 16), False),
        (golden(0.0173, 0.0173, 9), True),
        (golden(0.0173, 0.0173, 18), False),
    ],
)
def test_certainty(case: GoldenInterpolation, certain: bool) -> None:
    """No odd denominator has halves; those of an even one are safe where nothing is rounded."""
    assert case.is_certain == certain
    requantization, record = prove_interpolation("layer", case)
    sums = np.arange(case.first, case.last + 1)
    assert record.covered == record.evaluated == sums.size
    assert np.array_equal(requantization(sums[:, None])[:, 0], case(sums))


def in_float32(case: GoldenInterpolation, codes: IntArray, weights: IntArray) -> IntArray:
    """Return codes (n,) that four neighbours (n, 4) make, in any order of the additions."""
    numbers = case.scale * (codes - case.zero_point).astype(np.float32)
    terms = numbers * (weights.astype(np.float32) / np.float32(case.denominator))
    orders = [[0, 1, 2, 3], [3, 1, 0, 2], [2, 3, 1, 0]]
    totals = [((terms[:, a] + terms[:, b]) + terms[:, c]) + terms[:, d] for a, b, c, d in orders]
    results = [np.rint(t / case.output_scale) + case.output_zero_point for t in totals]
    assert all(np.array_equal(r, results[0]) for r in results)
    clipped: IntArray = np.clip(results[0], 0, 255).astype(np.int64)
    return clipped


@pytest.mark.parametrize(
    "case",
    [
        golden(0.0173, 0.0173, 9),
        golden(0.0173, 0.0173 * 257 / 256, 16),
        golden(0.09375, 0.0937, 16),
    ],
)
def test_certain_results_do_not_depend_on_the_order(case: GoldenInterpolation) -> None:
    assert case.is_certain
    random = np.random.default_rng(0)
    weights = np.array([4, 2, 2, 1] if case.denominator == 9 else [9, 3, 3, 1])
    codes = random.integers(0, 255, (200_000, 4), endpoint=True)
    assert np.array_equal(in_float32(case, codes, weights), case(codes @ weights))


def test_what_roundings_decide_is_not_certain() -> None:
    """Some sums of codes get another code in float32 than in real numbers."""
    case = golden(0.0173, 0.0173 * 1.25, 16)
    assert not case.is_certain
    codes = np.random.default_rng(0).integers(0, 255, (100_000, 4), endpoint=True)
    weights = np.array([9, 3, 3, 1])
    terms = case.scale * (codes - case.zero_point).astype(np.float32) * np.float32(weights / 16)
    total = ((terms[:, 0] + terms[:, 1]) + terms[:, 2]) + terms[:, 3]
    rounded = np.clip(np.rint(total / case.output_scale) + case.output_zero_point, 0, 255)
    assert np.any(rounded != case(codes @ weights))


@pytest.mark.parametrize("factor", [2, 3, 4, 5])
@pytest.mark.parametrize("asymmetric", [False, True])
def test_weights_of_a_phase_have_one_sum(factor: int, asymmetric: bool) -> None:
    weights = phase_weights(factor, asymmetric=asymmetric)
    assert len(set(weights.sum(axis=1))) == 1
    places = weights @ [-1, 0, 1] / weights[0].sum()
    wanted = np.arange(factor) / factor if asymmetric else (np.arange(factor) + 0.5) / factor - 0.5
    assert np.allclose(places, wanted)
