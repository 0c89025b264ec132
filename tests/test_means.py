"""Means over any axes of a QDQ file: exact where float32 is known, else within one code."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnx_ir
import pytest

from frontend.compiler import compile_model
from ir.average_proof import NEAR, GoldenMean, near_mean
from ir.elements import GlobalAverage, tolerance
from ir.errors import CompileError
from ir.numbers import IntegerType
from rewrite.lower import lower
from rewrite.lower.alone import run_alone
from rewrite.lower.reading import stages
from rewrite.onnx import fuse
from tests.lowering import lowered
from tests.qdq import QdqChain
from tests.verdicts import compare_cycles, run_hardware

SHORT, LONG = 181 / 2**12, 0.037219
"""An input scale of 8 significant bits, with exact sums, and one of 24."""


def averaged(
    shape: tuple[int, ...],
    axes: tuple[int, ...],
    *,
    scale: float = SHORT,
    ratio: float = 1.0137,
    keepdims: int = 1,
    codes: str = "uint8",
) -> QdqChain:
    chain = QdqChain(shape, codes)
    chain.nodes.clear()
    chain.scale = np.float32(scale)
    chain.tensor = chain.quantize("x")
    operands = [chain.dequantize(), chain.constant("axes", np.array(axes, np.int64))]
    mean = chain.node("ReduceMean", operands, keepdims=keepdims)
    chain.requantize(mean, scale * ratio)
    inside = [a % (len(shape) + 1) - 1 for a in axes]
    sizes = [1 if a in inside else size for a, size in enumerate(shape)]
    left = [size for a, size in enumerate(shape) if a not in inside]
    chain.shape = tuple(sizes if keepdims else left)
    return chain


CASES: dict[str, tuple[tuple[int, ...], tuple[int, ...]]] = {
    "pixels": ((3, 4, 5), (2, 3)),
    "pixels, counted from the end": ((3, 4, 5), (-1, -2)),
    "channels": ((3, 4, 5), (1,)),
    "rows": ((3, 4, 5), (2,)),
    "channels and columns": ((3, 4, 5), (1, 3)),
    "positions of a sequence": ((6, 4), (1,)),
    "features of a vector": ((8,), (1,)),
}


@pytest.mark.parametrize("codes", ["uint8", "int8"])
@pytest.mark.parametrize("keepdims", [0, 1])
@pytest.mark.parametrize("case", CASES)
def test_exact_sums(case: str, keepdims: int, codes: str) -> None:
    shape, axes = CASES[case]
    if keepdims == 0 and len(axes) == len(shape):
        axes, shape = axes, (*shape, 3)
    result = lowered(averaged(shape, axes, keepdims=keepdims, codes=codes).model())
    (element,) = (e for e in result.graph if isinstance(e, GlobalAverage))
    assert tolerance(element) == 0
    assert len(result.proofs) == 1


EXACT = {((2, 2), 0.4137), ((7, 7), 1.0), ((7, 7), 3.7)}
"""No sum of these comes so near to the middle between two codes that a rounding shows."""


@pytest.mark.parametrize("ratio", [1.0, 0.4137, 3.7])
@pytest.mark.parametrize("pixels", [(2, 2), (4, 4), (7, 7)])
def test_within_one_code(pixels: tuple[int, int], ratio: float) -> None:
    """Codes that are alike, and codes whose mean is near the middle between two."""
    model = averaged((5, *pixels), (2, 3), scale=LONG, ratio=ratio).model()
    fused = fuse(model)
    result = lower(fused)
    (element,) = (e for e in result.graph if isinstance(e, GlobalAverage))
    graph = onnx_ir.from_proto(onnx.shape_inference.infer_shapes(fused.proto))
    call = next(n for n in graph.graph if n.op_type == "Mean")
    random = np.random.default_rng(0)
    codes = random.integers(0, 255, (400, 5, *pixels), endpoint=True)
    codes[100:200] = codes[100:200, :, :1, :1]
    codes[200:300] = np.clip(codes[200:300] // 64 + 100, 0, 255)
    expected = run_alone(stages(graph, call), codes)
    sums = codes.sum(axis=(2, 3))[:, None, None, :]
    differences = np.abs(element.requantization(sums)[:, 0, 0] - expected.reshape(400, 5))
    assert differences.max() <= tolerance(element)
    assert tolerance(element) == ((pixels, ratio) not in EXACT)


def test_near_mean_is_near() -> None:
    number = IntegerType(8, True)
    golden = GoldenMean(
        np.float32(0.03), 17, np.float32(0.011), -5, number, 49, np.array([49]), -90, 100, True
    )
    form = near_mean(golden)
    sums = np.arange(golden.firsts[0], golden.lasts[0] + 1)
    real = (sums - 49 * 17) * (float(np.float32(0.03)) / float(np.float32(0.011)) / 49) - 5
    before = (sums * int(form.multipliers[0]) + int(form.offsets[0])) / 2**form.shift - 0.5
    assert np.abs(before - real).max() <= NEAR
    assert np.abs(form(sums[:, None])[:, 0] - np.clip(real, -128, 127)).max() <= 0.5 + NEAR


def test_long_sums_are_refused() -> None:
    with pytest.raises(CompileError) as refusal:
        lower(fuse(averaged((1, 400, 400), (2, 3), scale=LONG, ratio=0.9).model()))
    assert str(refusal.value) == (
        "reducemean_4: the mean of 160000 values must be known within 0.5 codes, but onnxruntime's "
        "float32 may be 0.69 away; use GlobalAveragePool, which onnxruntime computes in integers"
    )


@pytest.mark.parametrize("scale", [SHORT, LONG])
def test_hardware(scale: float, tmp_path: Path) -> None:
    """What stands behind is exact."""
    chain = averaged((4, 3, 4), (2, 3), scale=scale, ratio=0.4137, keepdims=0)
    onnx.save(chain.gemm(3).model(), tmp_path / "m.onnx")
    compilation = compile_model(tmp_path / "m.onnx")
    assert len(compilation.approximations) == (scale == LONG)
    (frames,) = compilation.test.inputs.values()
    result = run_hardware(compilation, frames, tmp_path / "sim", stalled_frames=3, seed=1)
    assert result.fault is None
    assert compare_cycles(compilation, result) is None
