"""ONNX files as sources: what is taken, and one line for what is not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest

from frontend.onnx_reference import onnx_run
from frontend.open_model import open_model
from ir.errors import CompileError
from tests.onnx_models import Graph


def plain(**attributes: int) -> onnx.ModelProto:
    g = Graph()
    y = g("Conv", "x", g.weights(4, 3, 3, 3), kernel_shape=[3, 3], pads=[1, 1, 1, 1])
    return g.model(g("Relu", y), **attributes)


@pytest.mark.parametrize("opset", [8, 9, 10, 11, 12, 13, 14, 15, 17, 19, 21])
@pytest.mark.parametrize("listed", [True, False])
def test_every_opset(tmp_path: Path, opset: int, listed: bool) -> None:
    model = plain(opset=opset, ir_version=3 if listed else 4, listed=listed)
    onnx.save(model, tmp_path / "m.onnx")
    source = open_model(tmp_path / "m.onnx")
    assert not source.is_quantized
    assert source.format == "ONNX"
    assert source.input_shapes == {"x": (3, 8, 8)}
    assert source.output_shapes == ((4, 8, 8),)
    assert [o.version for o in source.model.opset_import if o.domain == ""] == [21]
    assert [i.name for i in source.model.graph.input] == ["x"]
    frames = {"x": np.random.default_rng(0).normal(size=(5, 3, 8, 8)).astype(np.float32)}
    assert np.allclose(onnx_run(source.model)(frames)[0], source.run(frames)[0], atol=1e-5)


def test_unnamed_and_doubled_nodes_get_names(tmp_path: Path) -> None:
    model = plain()
    onnx.save(model, tmp_path / "m.onnx")
    assert [n.name for n in open_model(tmp_path / "m.onnx").model.graph.node] == [
        "Conv_1", "Relu_1"
    ]  # fmt: skip
    for node in model.graph.node:
        node.name = "twin"
    onnx.save(model, tmp_path / "m.onnx")
    assert [n.name for n in open_model(tmp_path / "m.onnx").model.graph.node] == ["twin", "twin_1"]


def custom() -> onnx.ModelProto:
    g = Graph()
    return g.model(g("BipolarQuant", "x", g.constant(1.0), domain="onnx.brevitas"))


def unknown() -> onnx.ModelProto:
    g = Graph()
    return g.model(g("Frobnicate", "x"))


REFUSED: dict[str, tuple[Callable[[], onnx.ModelProto], str]] = {
    "custom domain": (
        custom,
        "t0_0: operator onnx.brevitas.BipolarQuant is not supported; export it quantized to 8 bits "
        "with QuantizeLinear and DequantizeLinear",
    ),
    "unknown operator": (
        unknown,
        "t0_0: operator Frobnicate is not supported; export the model with standard ONNX operators",
    ),
    "old opset": (
        lambda: plain(opset=7),
        "{path}: its operator set must be 8 to {newest}, not 7; export it again with another opset",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_in_one_line(tmp_path: Path, name: str) -> None:
    build, message = REFUSED[name]
    path = tmp_path / "m.onnx"
    onnx.save(build(), path)
    with pytest.raises(CompileError) as caught:
        open_model(path)
    newest = onnx.defs.onnx_opset_version()
    assert str(caught.value) == message.format(path=path, newest=newest)


def test_damaged_files(tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(b"\xff" * 100)
    with pytest.raises(CompileError, match=r"is no ONNX model, or a damaged one; export it again$"):
        open_model(path)
    path.write_bytes(b"")
    with pytest.raises(CompileError, match=r"is empty \(0 bytes\); save or copy it again$"):
        open_model(path)
