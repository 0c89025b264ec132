"""Means over any axes of a QDQ file: exact where float32 sums are known, else refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnx_ir
import pytest

from frontend.compiler import compile_model
from ir.elements import GlobalAverage
from ir.errors import CompileError
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
    assert any(isinstance(element, GlobalAverage) for element in result.graph)
    assert len(result.proofs) == 1


CERTAIN = [((2, 2), 0.4137), ((4, 4), 0.4137), ((7, 7), 3.7)]
"""No sum of these comes so near to the middle between two codes that a rounding shows."""


@pytest.mark.parametrize(("pixels", "ratio"), CERTAIN)
def test_sums_that_are_rounded(pixels: tuple[int, int], ratio: float) -> None:
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
    assert np.array_equal(element.requantization(sums)[:, 0, 0], expected.reshape(400, 5))


def test_sums_that_may_give_two_codes_are_refused() -> None:
    with pytest.raises(CompileError) as refusal:
        lower(fuse(averaged((5, 4, 4), (2, 3), scale=LONG, ratio=1.0).model()))
    assert str(refusal.value) == (
        "reducemean_4: each sum must give one code, in whatever order onnxruntime adds in float32, "
        "but 194 of 4081 may give two; use GlobalAveragePool for a whole map, which onnxruntime "
        "adds in integers, or an input scale of 12 significant bits"
    )


def test_long_sums_are_refused() -> None:
    with pytest.raises(CompileError) as refusal:
        lower(fuse(averaged((1, 400, 400), (2, 3), scale=LONG, ratio=0.9).model()))
    assert str(refusal.value) == (
        "reducemean_4: its mean must be one of 16384 values at most, not of 160000; "
        "use GlobalAveragePool for a whole map, which onnxruntime adds in integers"
    )


@pytest.mark.parametrize("pixels", [(2, 2), (1, 1)])
def test_means_half_way_between_codes_are_thresholds(pixels: tuple[int, int]) -> None:
    result = lowered(averaged((3, *pixels), (2, 3), scale=0.5, ratio=1.0).model())
    assert [p.form for p in result.proofs] == ["thresholds" if pixels == (2, 2) else "scale"]
    assert not any(isinstance(e, GlobalAverage) for e in result.graph) or pixels == (1, 1)


@pytest.mark.parametrize(("scale", "ratio"), [(LONG, 0.4137), (0.5, 1.0)])
def test_hardware(scale: float, ratio: float, tmp_path: Path) -> None:
    """A multiplier, and thresholds."""
    chain = averaged((4, 1, 4), (2, 3), scale=scale, ratio=ratio, keepdims=0)
    onnx.save(chain.gemm(3).model(), tmp_path / "m.onnx")
    compilation = compile_model(tmp_path / "m.onnx")
    assert not compilation.approximations
    (frames,) = compilation.test.inputs.values()
    result = run_hardware(compilation, frames, tmp_path / "sim", stalled_frames=3, seed=1)
    assert result.fault is None
    assert compare_cycles(compilation, result) is None
