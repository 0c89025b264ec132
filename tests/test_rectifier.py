"""PRelu with several slopes: two lines for each, proved on every code, or tables, or one line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from frontend.compiler import SimulationRequest, compile_model, simulate_compilation
from frontend.reference import start_tensorflow
from ir.elements import Lookup, Rectifier, Reorder, Reshape
from ir.errors import CompileError
from ir.numbers import IntegerType
from ir.rectifier_proof import fit_two_lines
from rewrite.lower import lower
from rewrite.lower.by_channel import MOST_FUNCTIONS
from rewrite.onnx import fuse
from tests.keras_weights import sequential
from tests.lowering import kinds, lowered
from tests.qdq import QdqChain

INT8 = IntegerType(8, True)
CODES = np.arange(-128, 128)


def sloped(chain: QdqChain, slopes: np.ndarray, scale: float, zero_point: int) -> QdqChain:
    constant = chain.constant("slope", slopes.astype(np.float32))
    value = chain.node("PRelu", [chain.dequantize(), constant])
    return chain.requantize(value, scale, zero_point)


@pytest.mark.parametrize("codes", ["uint8", "int8"])
@pytest.mark.parametrize("shape", [(3, 1, 1), (5,), (4, 1), (3, 4, 5)])
def test_equal_to_onnxruntime(shape: tuple[int, ...], codes: str) -> None:
    chain = QdqChain((3, 4, 5), codes, seed=len(shape))
    slopes = chain.random.uniform(-1.0, 1.5, shape)
    result = lowered(sloped(chain, slopes, 0.037, chain.zero()).model())
    assert kinds(result) == [Rectifier]
    (proof,) = result.proofs
    assert proof.covered == proof.evaluated >= 256 * 3


def test_slopes_tell_apart_what_was_one_value() -> None:
    chain = QdqChain((1, 4))
    chain.same("Tile", chain.constant("repeats", np.array([1, 3, 1], np.int64)))
    result = lowered(sloped(chain, chain.random.uniform(-1.0, 1.5, (3, 4)), 0.037, 9).model())
    assert kinds(result) == [Reorder, Rectifier]


def test_ties_make_tables_for_each_channel() -> None:
    """Halves round to even, which no line does."""
    chain = QdqChain((3, 4, 5))
    model = sloped(chain, np.array([0.5, 0.25, 1.0]).reshape(3, 1, 1), float(chain.scale), 9)
    result = lowered(model.model())
    assert kinds(result) == [Lookup]
    (element,) = (e for e in result.graph if isinstance(e, Lookup))
    assert element.table.shape == (3, 256)


def test_ties_make_tables_for_each_position() -> None:
    chain = QdqChain((3, 4, 5))
    slopes = np.full((3, 4, 5), 0.5) + np.arange(60).reshape(3, 4, 5)
    result = lowered(sloped(chain, slopes, float(chain.scale), 9).model())
    assert kinds(result) == [Reshape, Lookup, Reshape]
    (element,) = (e for e in result.graph if isinstance(e, Lookup))
    assert element.table.shape == (60, 256)


def test_ties_for_too_many_positions_are_refused() -> None:
    chain = QdqChain((3, 20, 20))
    slopes = np.full((3, 20, 20), 0.5) + np.arange(1200).reshape(3, 20, 20)
    with pytest.raises(CompileError) as caught:
        lower(fuse(sloped(chain, slopes, float(chain.scale), 9).model()))
    assert str(caught.value) == (
        "prelu_3: no two lines per slope give onnxruntime's result for every code, and there are "
        "at most 1024 tables, not one for each of 1200 slopes; share its slopes along rows and "
        "columns, or use other scales"
    )


def test_too_many_slopes_are_refused() -> None:
    chain = QdqChain((2, 128, 128))
    with pytest.raises(CompileError) as caught:
        lower(fuse(sloped(chain, np.ones((2, 128, 128)), 0.04, 9).model()))
    assert str(caught.value) == (
        f"prelu_3: a function must have at most {MOST_FUNCTIONS} constants, not 32768; share its "
        "constants "
        "along rows and columns"
    )


def test_wide_codes_are_refused() -> None:
    chain = QdqChain((3, 4, 5), "uint16")
    with pytest.raises(CompileError) as caught:
        lower(fuse(sloped(chain, np.ones((3, 1, 1)), 0.04, 9).model()))
    assert str(caught.value) == (
        "prelu_3: the input of a PRelu with several slopes must have at most 8 bits, not 16; "
        "quantize it to 8 bits, or use one slope"
    )


@pytest.mark.parametrize("codes", ["uint16", "int16"])
def test_wide_codes_get_lines_instead_of_a_large_table(codes: str) -> None:
    chain = QdqChain((3, 4, 5), codes)
    chain.zero_point = 777
    chain.nodes.clear()
    chain.tensor = chain.quantize("x")
    value = chain.node("LeakyRelu", [chain.dequantize()], alpha=0.1)
    result = lowered(chain.requantize(value, float(chain.scale) * 1.01, 99).model())
    assert kinds(result) == [Rectifier]
    curved = QdqChain((3, 4, 5), codes).unary("Tanh", 1 / 32768)
    assert kinds(lowered(curved.model())) == [Lookup]


def test_lines_that_rise_fall_and_stay() -> None:
    slopes = np.array([[1.3, -0.7, 0.0, 0.01], [0.2, -1.9, 1.0, 0.0]])
    values = np.where(CODES[:, None] < 11, (CODES[:, None] - 11) * slopes[0], 0.0)
    values += np.where(CODES[:, None] >= 11, (CODES[:, None] - 11) * slopes[1], 0.0)
    codes = np.clip(np.floor(values + 0.41), -100, 90).astype(np.int64)
    lines = fit_two_lines(codes, INT8, 11)
    assert lines is not None
    side = (CODES >= 11).astype(np.int64)
    got = (CODES[:, None] * lines.multipliers[side] + lines.offsets[side]) >> lines.shift
    assert np.array_equal(np.clip(got, lines.low, lines.high), codes)


@pytest.mark.parametrize("knee", [-128, 127])
def test_knee_at_the_ends(knee: int) -> None:
    codes = np.clip(CODES * 3 // 2, -128, 127)[:, None]
    lines = fit_two_lines(codes, INT8, knee)
    assert lines is not None


def test_no_lines() -> None:
    """A side that rises and falls, and one whose steps lie on no line."""
    assert fit_two_lines(np.abs(CODES + 60)[:, None], INT8, 0) is None
    crooked = np.where(CODES < -50, CODES // 4, CODES // 2)[:, None]
    assert fit_two_lines(crooked, INT8, 0) is None


@pytest.mark.parametrize("axes", [[1, 2], None], ids=["channels", "positions"])
def test_keras_to_ghdl(axes: list[int] | None, tmp_path: Path) -> None:
    L = start_tensorflow().layers
    shape = (4, 5, 3)
    layers = [L.Conv2D(4, 2), L.PReLU(shared_axes=axes), L.Flatten(), L.Dense(2)]
    sequential(shape, *layers).save(tmp_path / "m.h5")
    compilation = compile_model(tmp_path / "m.h5")
    (element,) = (e for e in compilation.graph if isinstance(e, Rectifier))
    assert element.multipliers.shape == (2, 4 if axes else 48)
    result = simulate_compilation(compilation, SimulationRequest(4), tmp_path / "sim")
    assert result.fault is None
