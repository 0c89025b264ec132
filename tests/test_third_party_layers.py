"""Each kind of layer in files that onnxruntime's own quantizer wrote, with its default options."""

from __future__ import annotations

import re
from pathlib import Path

import onnx
import pytest

from frontend.compiler import compile_model
from ir.errors import CompileError
from tests.third_party import check_interpreter, quantized_by_onnxruntime
from tests.third_party_graphs import LAYERS
from tests.verdicts import compare_cycles, run_hardware

FORMS = ["uint8", "uint8 per channel", "uint8 operators"]
FIRST_PER_CHANNEL = 13
"""Operator set in which DequantizeLinear has an axis; the quantizer ignores that."""


def means_in_order(bits: int) -> str:
    """Return what is said of a ReduceMean whose result depends on the order of its additions."""
    return (
        r"\w+: each sum must give one code, in whatever order onnxruntime adds in float32, but "
        r"\d+ of \d+ may give two; use GlobalAveragePool for a whole map, which onnxruntime adds "
        rf"in integers, or an input scale of {bits} significant bits"
    )


ORDERED = {
    "mean": means_in_order(10),
    "mean that keeps its axes": means_in_order(10),
    "statistics of a sequence": means_in_order(12),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", LAYERS)
def test_interpreter_equals_onnxruntime(name: str, form: str, tmp_path: Path) -> None:
    entry = LAYERS[name]
    if form == "uint8 per channel" and entry.opset < FIRST_PER_CHANNEL:
        pytest.skip("the quantizer writes no valid file")
    model = quantized_by_onnxruntime(entry.model(), form, tmp_path)
    if name in ORDERED:
        with pytest.raises(CompileError) as refusal:
            check_interpreter(model, 8)
        assert re.fullmatch(ORDERED[name], str(refusal.value))
    else:
        check_interpreter(model, 8)


@pytest.mark.parametrize(
    ("name", "form"),
    [("hard gate", "uint8 per channel"), ("slices", "uint8 operators")],
)
def test_hardware_equals_onnxruntime(name: str, form: str, tmp_path: Path) -> None:
    path = tmp_path / "layers.onnx"
    onnx.save(quantized_by_onnxruntime(LAYERS[name].model(), form, tmp_path), path)
    compilation = compile_model(path)
    (frames,) = compilation.test.inputs.values()
    result = run_hardware(compilation, frames, tmp_path / "sim", stalled_frames=2, seed=2)
    assert result.fault is None
    assert compare_cycles(compilation, result) is None
