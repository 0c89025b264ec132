"""Products of two streams' matrices: exact, snapped where the scale is free, refused by name."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from frontend.activation_scales import range_scale
from frontend.exactness import Quantized
from frontend.quantize import quantize
from frontend.snap_product import product_golden, snap_product
from ir.elements import DotProduct, ProcessingElement, Reorder
from ir.errors import CompileError
from ir.proof import solve
from ir.requantize import ScaleRequantization, ThresholdRequantization
from rewrite.lower import lower
from rewrite.onnx import fuse
from tests.branching_networks import Network, compiled
from tests.lowering import kinds, lowered
from tests.qdq import QdqChain


def two_matrices(
    rows: tuple[int, ...], columns: tuple[int, ...], codes: str = "uint8", scale: float = 0.1
) -> QdqChain:
    """Two matrices of one vector's dense layers."""
    chain = QdqChain((6,), codes)
    x = chain.here
    left = chain.gemm(int(np.prod(rows))).reshape(*rows).here
    right = chain.back_to(x).gemm(int(np.prod(columns))).reshape(*columns).here
    return chain.back_to(left).join("MatMul", right, scale=scale)


SHAPES: dict[str, tuple[tuple[int, ...], tuple[int, ...]]] = {
    "matrices": ((4, 5), (5, 3)),
    "a row and a column": ((1, 5), (5, 1)),
    "a column and a row": ((3, 1), (1, 4)),
    "matrices side by side": ((2, 3, 4), (2, 4, 2)),
    "one matrix for all": ((2, 3, 4), (1, 4, 2)),
}


@pytest.mark.parametrize("case", SHAPES)
@pytest.mark.parametrize("scale", [0.003, 0.1, 1.7])
def test_equals_onnxruntime(case: str, scale: float) -> None:
    result = lowered(two_matrices(*SHAPES[case], scale=scale).model())
    (element,) = (e for e in result.graph if isinstance(e, DotProduct))
    assert element.macs == np.prod(SHAPES[case][0]) * SHAPES[case][1][-1]


def test_columns_are_put_together_so_that_beats_can_carry_several() -> None:
    result = lowered(two_matrices((4, 6), (6, 3)).model())
    (element,) = (e for e in result.graph if isinstance(e, DotProduct))
    assert kinds(result).count(Reorder) == 3
    assert all(isinstance(s, Reorder) and s.most_lanes == 6 for s in element.sources)


def test_thresholds_where_no_multiplier_is_exact() -> None:
    """Sums of 26 bits: float32 rounds them, and their products near some steps."""
    result = lowered(two_matrices((1, 1000), (1000, 1), scale=9.0).model())
    (element,) = (e for e in result.graph if isinstance(e, DotProduct))
    assert isinstance(element.requantization, ThresholdRequantization)


def test_a_matrix_times_itself() -> None:
    chain = QdqChain((4, 4))
    result = lowered(chain.join("MatMul", chain.here, scale=0.1).model())
    assert kinds(result).count(DotProduct) == 1


def test_too_many_products_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rewrite.lower.matrices.MOST_PRODUCTS", 59)
    with pytest.raises(CompileError) as refusal:
        lower(fuse(two_matrices(*SHAPES["matrices"]).model()))
    assert str(refusal.value) == (
        "matmul_20: must multiply at most 59 pairs of values per frame, not 60; use smaller "
        "matrices"
    )


def test_scales_of_products_are_snapped() -> None:
    net = Network((4, 6, 5))
    rows = net.add("Reshape", net.conv("x", 6), net.constant(np.array([-1, 6, 30])))
    flat = net.add("Reshape", net.conv("x", 6), net.constant(np.array([-1, 6, 30])))
    columns = net.add("Transpose", flat, perm=[0, 2, 1])
    product = net.add("Relu", net.add("MatMul", rows, columns))
    _, result = compiled(net, product)
    (element,) = (e for e in result.graph if isinstance(e, DotProduct))
    assert isinstance(element.requantization, ScaleRequantization)
    assert element.requantization.multiplier_bits <= 14
    assert kinds(result).count(ProcessingElement) == 2
    assert kinds(result)[-1] == DotProduct  # the result's codes end where the ReLU clamps


scales = st.floats(1e-3, 10.0)
codes = st.integers(0, 255)


@given(scales, scales, codes, codes, st.integers(1, 300), st.floats(0.5, 100), st.floats(-100, 0))
@settings(max_examples=60, deadline=None)
def test_snapping_is_exact_and_costs_little(
    first: float, second: float, za: int, zb: int, depth: int, high: float, low: float
) -> None:
    a, b = Quantized(np.float32(first), za), Quantized(np.float32(second), zb)
    spread = first * second * np.sqrt(depth) * 128
    values = low * spread, high * spread

    def grown(least: float) -> Quantized:
        return range_scale(values, least)

    chosen = snap_product(depth, a, b, grown)
    assert 1 <= chosen.scale / grown(0.0).scale <= 1.1
    form = solve(product_golden(depth, a, b, chosen))
    assert isinstance(form, ScaleRequantization)
    assert form.multiplier_bits <= 14


def test_a_constant_first_operand_is_refused() -> None:
    net = Network((3, 6, 5))
    weights = net.constant(np.ones((2, 6), np.float32))
    model = net.model(net.add("MatMul", weights, net.conv("x", 3), channels=3))
    with pytest.raises(CompileError) as refusal:
        quantize(model, net.frames())
    assert str(refusal.value) == (
        "matmul_1: MatMul with a constant must multiply vectors by a matrix; replace the layer"
    )
