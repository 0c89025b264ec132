"""Average pools of any QDQ file: exact where onnxruntime's float32 sums are known, else refused."""

from __future__ import annotations

import numpy as np
import pytest

from ir.average_proof import GoldenMean, prove_mean
from ir.elements import AveragePool
from ir.errors import CompileError
from ir.numbers import IntegerType
from rewrite.lower import lower
from rewrite.onnx import fuse
from tests.lowering import kinds, lowered
from tests.qdq import QdqChain

UINT8 = IntegerType(8, False)


def chain(
    scale: float, ratio: float, codes: str = "uint8", seed: int = 0, **attributes: object
) -> QdqChain:
    start = QdqChain((3, 6, 5), codes, seed)
    start.nodes.clear()
    start.scale = np.float32(scale)
    start.tensor = start.quantize("x")
    return start.unary("AveragePool", float(np.float32(scale * ratio)), **attributes)


SAME = {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]}


@pytest.mark.parametrize("codes", ["uint8", "int8"])
@pytest.mark.parametrize(
    ("scale", "ratio", "attributes"),
    [
        (181 / 2**12, 257 / 256, SAME),
        (1.0, 0.7301, {"kernel_shape": [2, 4], "strides": [1, 2], "auto_pad": "SAME_LOWER"}),
        (0.037219, 1.0137, {"kernel_shape": [2, 2], "strides": [2, 1]}),
    ],
)
def test_equals_onnxruntime(
    codes: str, scale: float, ratio: float, attributes: dict[str, object]
) -> None:
    result = lowered(chain(scale, ratio, codes, **attributes).model())
    assert kinds(result) == [AveragePool]
    (proof,) = result.proofs
    assert proof.evaluated >= proof.covered > 0


def test_sums_in_any_order_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it is not known that onnxruntime adds one value after another."""
    monkeypatch.setattr("rewrite.lower.averages_of_codes", lambda model: {})
    with pytest.raises(CompileError) as refusal:
        lower(fuse(chain(0.037219, 1.0, **SAME).model()))
    assert str(refusal.value) == (
        "averagepool_4: each sum must give one code, in whatever order onnxruntime adds in "
        "float32, but 388 of 4848 may give two; use GlobalAveragePool for a whole map, which "
        "onnxruntime adds in integers, or an input scale of 13 significant bits"
    )


def test_means_half_way_between_codes_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rewrite.lower.averages_of_codes", lambda model: {})
    with pytest.raises(CompileError) as refusal:
        lower(fuse(chain(0.5, 1.0, **SAME).model()))
    assert str(refusal.value) == (
        "averagepool_4: its requantization must be a multiplier, not a table of thresholds; "
        "quantize its output with a scale a little larger than that of its input: then no mean "
        "lies half-way between two codes"
    )


def golden(scale: float, ratio: float, counts: list[int]) -> GoldenMean:
    narrow = np.float32(scale)
    return GoldenMean(
        narrow, 9, np.float32(narrow * ratio), 9, UINT8, 9, np.array(counts), 0, 255
    )  # fmt: skip


def test_certain_and_uncertain_sums() -> None:
    assert golden(0.75, 1.0, [4]).uncertain_sums == 0
    assert golden(0.7, 1.0, [4]).uncertain_sums == 255  # S / 4 lies half-way
    assert golden(0.7, 1.0, [1]).uncertain_sums == 0
    assert not golden(2.0**-9 + 2.0**-24, 1.0, [2]).sums_are_exact


def test_proof_covers_every_sum_of_every_count() -> None:
    function = golden(0.75, 257 / 256, [4, 6, 9])
    requantization, proof = prove_mean("layer", function)
    assert proof.covered == 255 * (4 + 6 + 9) + 3
    assert proof.form == "scale"
    sums = np.array([[9 * 5 + 4 * 255, 9 * 3 + 6 * 10, 9 * 9]])
    assert np.array_equal(requantization(sums), [[254, 10, 9]])
