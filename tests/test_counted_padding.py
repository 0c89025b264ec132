"""Average pools of quantized files: padding that counts, windows that reach beyond the padding."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from frontend.compiler import compile_model
from ir.elements import AveragePool
from sim import simulate_netlist
from tests.code_chain import CodeChain
from tests.lowering import kinds, lowered
from tests.qdq import QdqChain
from tests.third_party import check_interpreter
from tests.verdicts import compare_cycles, run_hardware

SAME = [1, 1, 1, 1]


def averaged(codes: str = "uint8", growth: float = 257 / 256, **attributes: Any) -> QdqChain:
    chain = QdqChain((2, 7, 6), codes)
    y = chain.node("AveragePool", [chain.dequantize()], **attributes)
    return chain.requantize(y, float(chain.scale) * growth)


CASES: dict[str, dict[str, Any]] = {
    "all around": {"pads": SAME},
    "strides": {"pads": SAME, "strides": [2, 2]},
    "one side": {"pads": [0, 0, 2, 1], "strides": [2, 1]},
    "same": {"auto_pad": "SAME_UPPER", "strides": [2, 2]},
}


@pytest.mark.parametrize("codes", ["uint8", "int8"])
@pytest.mark.parametrize("name", CASES)
def test_counted(name: str, codes: str) -> None:
    chain = averaged(codes, kernel_shape=[3, 3], count_include_pad=1, **CASES[name])
    assert kinds(lowered(chain.model())) == [AveragePool]


def test_counted_and_not_counted_differ() -> None:
    counted, plain = (
        lowered(averaged(kernel_shape=[3, 3], pads=SAME, count_include_pad=n).model())
        for n in (1, 0)
    )
    (one,), (other,) = (
        [e for e in r.graph if isinstance(e, AveragePool)] for r in (counted, plain)
    )
    assert len(set(one.requantization.multipliers.tolist())) == 1
    assert len(set(other.requantization.multipliers.tolist())) > 1


@pytest.mark.parametrize("pads", [[0, 0, 0, 0], SAME])
def test_windows_beyond_the_padding(pads: list[int]) -> None:
    chain = averaged(kernel_shape=[3, 3], strides=[2, 3], pads=pads, ceil_mode=1)
    assert kinds(lowered(chain.model())) == [AveragePool]


def operators(codes: str) -> onnx.ModelProto:
    chain = CodeChain((2, 7, 6), codes)
    chain.constants[chain.parameters[0]] = np.asarray(2.0**-5, np.float32)
    attributes = {"kernel_shape": [3, 3], "pads": SAME, "count_include_pad": 1}
    return chain.unary("QLinearAveragePool", 2.0**-5 * 0.9, **attributes).model()


@pytest.mark.parametrize("codes", ["uint8", "int8"])
def test_on_codes(codes: str) -> None:
    check_interpreter(operators(codes))


def test_in_hardware(tmp_path: Path) -> None:
    path = tmp_path / "average.onnx"
    model = averaged(kernel_shape=[3, 3], pads=SAME, strides=[2, 2], count_include_pad=1).model()
    onnx.save(model, path)
    compilation = compile_model(path)
    (frames,) = compilation.test.inputs.values()
    result = run_hardware(
        compilation, frames, tmp_path, stalled_frames=2, seed=3, simulator=simulate_netlist
    )
    assert result.fault is None
    assert compare_cycles(compilation, result) is None
