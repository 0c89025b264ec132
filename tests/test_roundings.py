"""Comparisons of float graphs allow the roundings of float32, however large, and nothing else."""

from __future__ import annotations

import numpy as np
import onnx
import pytest

from frontend.frame_checks import check_same_frames
from frontend.onnx_reference import onnx_run
from frontend.reference import verify_conversion
from frontend.roundings import SPREAD, spread, widened
from frontend.source import Frames, Run
from ir.errors import CompileError
from tests.onnx_models import Graph

SHAPE = ["N", 16]
REFUSED_EXPORT = r"^y: the exported graph differs from numpy by .* of the largest output, more than"
REFUSED_REWRITE = (
    r"^y: the graph that was made of the model computes something else; report the model, this is "
    r"a defect of the compiler$"
)


def shrunk(factor: float = 1.0) -> onnx.ModelProto:
    """Return 1000 (x - factor * tanh(x)): near 0 small beside the roundings of its terms."""
    g = Graph()
    left = g("Sub", "x", g("Mul", g("Tanh", "x"), g.constant(factor)))
    return g.model(g("Mul", left, g.constant(1000.0)), inputs={"x": SHAPE})


def tail(factor: float = 1.0) -> onnx.ModelProto:
    """Return factor * sigmoid(x): onnxruntime's errs by a unit in the last place of 1."""
    g = Graph()
    return g.model(g("Mul", g("Sigmoid", "x"), g.constant(factor)), inputs={"x": SHAPE})


def detour(offset: float) -> onnx.ModelProto:
    """Return sigmoid(x) by way of a large number, which costs most of its bits."""
    g = Graph()
    far = g("Add", g("Sigmoid", "x"), g.constant(offset))
    return g.model(g("Sub", far, g.constant(offset)), inputs={"x": SHAPE})


def in_numpy(model: onnx.ModelProto) -> Run:
    """Return what another program computes, without float32's roundings on the way."""
    wide = onnx.reference.ReferenceEvaluator(widened(model))

    def run(frames: dict[str, Frames]) -> tuple[Frames, ...]:
        exact = wide.run(None, {name: array.astype(np.float64) for name, array in frames.items()})
        return tuple(values.astype(np.float32) for values in exact)

    return run  # type: ignore[return-value]


def near(*limits: float) -> dict[str, Frames]:
    values = np.random.default_rng(1).uniform(*limits, (5, 16))
    return {"x": values.astype(np.float32)}


def test_roundings_are_what_float64_does_not_have() -> None:
    frames = near(-0.01, 0.01)
    (found,) = spread(shrunk(), frames) or [np.zeros(0)]
    x = frames["x"].astype(np.float64)
    (rounded,) = onnx_run(shrunk())(frames)
    least = SPREAD * np.abs(rounded - 1000 * (x - np.tanh(x))).max(axis=1)
    assert np.all(least > 0)
    assert np.all(found >= least * (1 - 1e-12))
    assert np.all(found <= 4 * least)  # moves are by a whole unit, roundings by half of one


def test_casts_and_constants_are_widened() -> None:
    g = Graph()
    one = onnx.numpy_helper.from_array(np.ones(1, np.float32))
    total = g("Add", "x", g("Constant", value=one))
    model = g.model(g("Cast", total, to=onnx.TensorProto.FLOAT), inputs={"x": SHAPE})
    wide = onnx.reference.ReferenceEvaluator(widened(model))
    (values,) = wide.run(None, {"x": np.full((1, 16), 0.1)})
    assert values.dtype == np.float64
    assert np.all(values == 1.1)


def test_roundings_of_what_overflows_are_finite() -> None:
    g = Graph()
    model = g.model(g("Exp", "x"), inputs={"x": SHAPE})
    (found,) = spread(model, {"x": np.array([[0.5] * 16, [100.0] * 16], np.float32)}) or [
        np.zeros(0)
    ]
    assert np.all(np.isfinite(found))
    assert 0 < found[0] < 1e-5


def test_operators_without_float64_have_none_either() -> None:
    g = Graph()
    model = g.model(g("QuickGelu", "x", domain="com.microsoft"), inputs={"x": SHAPE})
    assert spread(model, near(-1, 1)) is None


def test_an_export_may_differ_by_its_roundings() -> None:
    worst = verify_conversion(shrunk(), in_numpy(shrunk()), {"x": (16,)}, ["y"], "numpy")
    assert worst <= 1e-4


@pytest.mark.parametrize("factor", [1.001, 0.999])
def test_a_wrong_export_is_refused_among_roundings(factor: float) -> None:
    with pytest.raises(CompileError, match=REFUSED_EXPORT):
        verify_conversion(shrunk(factor), in_numpy(shrunk()), {"x": (16,)}, ["y"], "numpy")


def test_a_graph_may_differ_by_the_roundings_of_its_source() -> None:
    check_same_frames(in_numpy(tail()), tail(), tail(), near(-17, -16), ["y"])


@pytest.mark.parametrize("wrong", [tail(1.01), detour(100.0)], ids=["factor", "lost bits"])
def test_a_wrong_graph_is_refused_among_roundings(wrong: onnx.ModelProto) -> None:
    """The second computes the same, but its own roundings are no excuse."""
    with pytest.raises(CompileError, match=REFUSED_REWRITE):
        check_same_frames(in_numpy(tail()), tail(), wrong, near(-8, -7), ["y"])


@pytest.mark.parametrize(("error", "allowed"), [(2.0**-24, True), (1e-5, False)])
def test_what_cancels_may_differ_by_the_roundings_of_its_terms(error: float, allowed: bool) -> None:
    """Of saturated values no input's rounding shows in float64; their own are left."""
    g = Graph()
    left = g("Sigmoid", "x")
    model = g.model(g("Sub", left, g("Sigmoid", g("Identity", "x"))), inputs={"x": SHAPE})

    def run(frames: dict[str, Frames]) -> tuple[Frames, ...]:
        return (np.where(frames["x"] > 40, error, 0).astype(np.float32),)

    def check() -> None:
        check_same_frames(run, model, model, near(39, 41), ["y"])  # type: ignore[arg-type]

    if allowed:
        check()
    else:
        with pytest.raises(CompileError, match=REFUSED_REWRITE):
            check()
