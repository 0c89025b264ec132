"""ONNX files as sources: what is taken, and one line for what is not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from frontend.compiler import compile_model, write_output
from frontend.guard import try_to_read
from frontend.onnx_files import read_onnx
from frontend.onnx_reference import onnx_run
from frontend.onnx_source import load_onnx
from frontend.open_model import open_model
from frontend.source import Shape, SourceModel
from ir.errors import CompileError
from rewrite.lower import lower
from rewrite.onnx import fuse
from rewrite.onnx.float import canonicalize
from tests.onnx_models import Graph


def opened(path: Path) -> SourceModel:
    """Open a file in this process, without the trial run in another."""
    return load_onnx(read_onnx(path), name=str(path))


def plain(**attributes: int) -> onnx.ModelProto:
    g = Graph()
    y = g("Conv", "x", g.weights(4, 3, 3, 3), kernel_shape=[3, 3], pads=[1, 1, 1, 1])
    return g.model(g("Relu", y), **attributes)


@pytest.mark.parametrize("opset", [8, 9, 10, 11, 12, 13, 14, 15, 17, 19, 21])
@pytest.mark.parametrize("listed", [True, False])
def test_every_opset(tmp_path: Path, opset: int, listed: bool) -> None:
    model = plain(opset=opset, ir_version=3 if listed else 4, listed=listed)
    onnx.save(model, tmp_path / "m.onnx")
    source = opened(tmp_path / "m.onnx")
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
    assert [n.name for n in opened(tmp_path / "m.onnx").model.graph.node] == [
        "Conv_1", "Relu_1"
    ]  # fmt: skip
    for node in model.graph.node:
        node.name = "twin"
    onnx.save(model, tmp_path / "m.onnx")
    assert [n.name for n in opened(tmp_path / "m.onnx").model.graph.node] == ["twin", "twin_1"]


def custom() -> onnx.ModelProto:
    g = Graph()
    return g.model(g("BipolarQuant", "x", g.constant(1.0), domain="onnx.brevitas"))


def unknown() -> onnx.ModelProto:
    g = Graph()
    return g.model(g("Frobnicate", "x"))


def recurrent() -> onnx.ModelProto:
    g = Graph()
    weights = g.weights(1, 16, 3), g.weights(1, 16, 4)
    y = g("LSTM", g("Transpose", "x", perm=[1, 0, 2]), *weights, hidden_size=4)
    return g.model(y, inputs={"x": ["N", 5, 3]})


def random_numbers() -> onnx.ModelProto:
    g = Graph()
    return g.model(g("Add", "x", g("RandomNormalLike", "x")))


def training() -> onnx.ModelProto:
    g = Graph()
    return g.model(g("Dropout", "x", g.constant(0.5), g.constant(True, np.bool_)))


def of_frames() -> onnx.ModelProto:
    g = Graph()
    return g.model(g("Sub", "x", g("ReduceMean", "x", axes=[0])))


def scalar_output() -> onnx.ModelProto:
    g = Graph()
    return g.model(g("ReduceMean", "x", keepdims=0))


def sequence_of_numbers() -> onnx.ModelProto:
    g = Graph()
    return g.model(g("Relu", "x"), inputs={"x": ["N"]})


def later() -> onnx.ModelProto:
    g = Graph()
    codes = g("QuantizeLinear", "x", g.constant(0.1), g.constant(0, np.uint8))
    return g.model(codes, opset=9)


REFUSED: dict[str, tuple[Callable[[], onnx.ModelProto], str]] = {
    "recurrent layer": (
        recurrent,
        "t1_0: operator LSTM goes through a sequence step by step, and recurrent layers are not "
        "supported; use causal convolutions or attention in its place",
    ),
    "random numbers": (
        random_numbers,
        "t0_0: operator RandomNormalLike draws random numbers; export the model for inference",
    ),
    "dropout in training": (
        training,
        "t0_0: its values differ from run to run, for the same frames; export the model for "
        "inference: without dropout or random numbers",
    ),
    "frames that are mixed": (
        of_frames,
        "t1_0: the frames of a batch must be computed apart, and here they are not; keep the batch "
        "the first axis of every layer, and reduce or mix no frames",
    ),
    "an output without a batch": (
        scalar_output,
        "t0_0: its first axis must be the batch, but its shape is [] for a batch of 1; export the "
        "model with the batch as the first axis of each output",
    ),
    "an input without a batch": (
        sequence_of_numbers,
        "x: its shape must be a batch and more axes, not [N]; give the input a batch axis",
    ),
    "custom domain": (
        custom,
        "t0_0: operator onnx.brevitas.BipolarQuant is not supported; export it quantized to 8 bits "
        "with QuantizeLinear and DequantizeLinear",
    ),
    "unknown operator": (
        unknown,
        "t0_0: operator Frobnicate is not supported; export the model with standard ONNX operators",
    ),
    "operator of a later set": (
        later,
        "t0_0: operator QuantizeLinear comes with operator set 10, but the file imports 9; "
        "export the model with opset 10 or later",
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
        opened(path)
    newest = onnx.defs.onnx_opset_version()
    assert str(caught.value) == message.format(path=path, newest=newest)


def test_a_graph_that_computes_something_else_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A rewrite that loses the bias, if there were one."""

    def lossy(model: onnx.ModelProto) -> onnx.ModelProto:
        result = canonicalize(model)
        bias = next(i for i in result.graph.initializer if i.name == "Conv_1.bias")
        bias.CopyFrom(onnx.numpy_helper.from_array(np.zeros(4, np.float32), bias.name))
        return result

    g = Graph()
    y = g("Conv", "x", g.weights(4, 3, 3, 3), g.weights(4), kernel_shape=[3, 3])
    onnx.save(g.model(y), tmp_path / "m.onnx")
    monkeypatch.setattr("frontend.compiler.canonicalize", lossy)
    with pytest.raises(CompileError) as caught:
        compile_model(tmp_path / "m.onnx")
    assert str(caught.value) == (
        "t0_0: the graph that was made of the model computes something else; report the model, "
        "this is a defect of the compiler"
    )


def test_a_batch_that_moves_is_refused(tmp_path: Path) -> None:
    """What PyTorch writes for layers that take sequences first, with a LayerNormalization."""
    g = Graph()
    turned = g("Transpose", "x", perm=[1, 0, 2])
    flat = g("Reshape", turned, g.constant([-1, 4], np.int64))
    y = g("Gemm", flat, g.weights(4, 4), g.weights(4))
    y = g("Reshape", y, g("Shape", turned))
    y = g("LayerNormalization", g("Transpose", y, perm=[1, 0, 2]), g.weights(4))
    onnx.save(g.model(y, inputs={"x": ["N", 3, 4]}, opset=17), tmp_path / "m.onnx")
    with pytest.raises(CompileError) as caught:
        compile_model(tmp_path / "m.onnx")
    assert str(caught.value) == (
        "Transpose_1: a Transpose must leave the batch the first axis, not move it; export layers "
        "that take the batch first"
    )


def test_damaged_files(tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(b"\xff" * 100)
    with pytest.raises(CompileError, match=r"is no ONNX model, or a damaged one; export it again$"):
        opened(path)
    path.write_bytes(b"")
    with pytest.raises(CompileError, match=r"is empty \(0 bytes\); save or copy it again$"):
        opened(path)
    path.write_bytes(onnx.ModelProto(ir_version=8).SerializeToString())
    with pytest.raises(CompileError, match=r"holds no ONNX graph, or one without nodes; export"):
        opened(path)


def test_truncated_and_flipped_bytes_give_one_line(tmp_path: Path) -> None:
    path, whole = tmp_path / "m.onnx", bytearray(plain().SerializeToString())
    random = np.random.default_rng(0)
    for number in range(12):
        damaged = whole[: len(whole) * (number + 1) // 14] if number % 3 == 0 else bytearray(whole)
        if number % 3:
            for place in random.integers(0, len(whole), 6):
                damaged[place] = random.integers(256)
        path.write_bytes(damaged)
        try:
            load_onnx(read_onnx(path), name="m")
        except CompileError as error:
            assert "\n" not in str(error)  # noqa: PT017


def external(folder: Path, location: str) -> Path:
    """Return a model in ``folder`` whose weights are at ``location``, seen from there."""
    path = folder / "m.onnx"
    onnx.save(plain(), path, save_as_external_data=True, location="weights.bin", size_threshold=0)
    model = onnx.load(path, load_external_data=False)
    for tensor in model.graph.initializer:
        for entry in tensor.external_data:
            if entry.key == "location":
                entry.value = location
    path.write_bytes(model.SerializeToString())
    return path


def test_external_data_beside_the_model(tmp_path: Path) -> None:
    assert open_model(external(tmp_path, "weights.bin")).input_shapes == {"x": (3, 8, 8)}


@pytest.mark.parametrize(
    "location", ["../weights.bin", "/etc/hostname", "missing.bin", "folder/../../weights.bin", ""]
)
def test_external_data_elsewhere_are_refused(tmp_path: Path, location: str) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    path = external(folder, location)
    (tmp_path / "weights.bin").write_bytes((folder / "weights.bin").read_bytes())
    with pytest.raises(CompileError) as caught:
        opened(path)
    assert str(caught.value) == (
        f"{path}: its external data {location!r} must be whole files in the folder of the model; "
        "copy them beside it"
    )


def test_links_out_of_the_folder_are_refused(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    path = external(folder, "weights.bin")
    (folder / "weights.bin").rename(tmp_path / "weights.bin")
    (folder / "weights.bin").symlink_to(tmp_path / "weights.bin")
    with pytest.raises(CompileError, match=r"must be whole files in the folder of the model"):
        opened(path)


def test_hostile_names_reach_nothing(tmp_path: Path) -> None:
    g = Graph()
    y = g("Conv", "x", g.weights(2, 3, 3, 3), g.weights(2), kernel_shape=[3, 3])
    model = g.model(g("Relu", y))
    evil = "a\nend; --<script>$(rm -rf)\u202e" * 40
    for node in model.graph.node:
        node.name = evil
    model.graph.input[0].name = model.graph.node[0].input[0] = "x;\n<b>"
    onnx.save(model, tmp_path / "m.onnx")
    compilation = compile_model(tmp_path / "m.onnx")
    write_output(compilation, tmp_path / "out")
    texts = [path.read_text() for path in (tmp_path / "out/vhdl").rglob("*.vhd")]
    texts.append((tmp_path / "out/report.html").read_text())
    assert "<script>$" not in texts[-1]
    for text in texts:
        assert "\nend; --<" not in text
        assert "\u202e" not in text


def test_scales_computed_while_running_are_refused(tmp_path: Path) -> None:
    g = Graph()
    codes, scale, zero = g("DynamicQuantizeLinear", "x", outputs=3)
    onnx.save(g.model(g("DequantizeLinear", codes, scale, zero)), tmp_path / "m.onnx")
    with pytest.raises(CompileError) as caught:
        opened(tmp_path / "m.onnx")
    assert str(caught.value) == (
        "t0_0: scales are computed while the model runs; quantize the model with calibration data "
        "(static quantization)"
    )


def test_weights_of_their_own(tmp_path: Path) -> None:
    onnx.save(plain(), tmp_path / "m.onnx")
    with pytest.raises(CompileError) as caught:
        open_model(tmp_path / "m.onnx", weights=tmp_path / "w.h5")
    assert str(caught.value) == (
        f"{tmp_path / 'w.h5'}: a .onnx file holds its own weights; leave --weights out"
    )


def test_unknown_sizes_are_refused(tmp_path: Path) -> None:
    g = Graph()
    onnx.save(g.model(g("Relu", "x"), inputs={"x": ["N", 3, "height", 8]}), tmp_path / "m.onnx")
    with pytest.raises(CompileError) as caught:
        opened(tmp_path / "m.onnx")
    assert str(caught.value) == (
        "x: axis 2 of its shape [N, 3, height, 8] must have a fixed size; export the model with "
        "that size, or set it with python -m onnxruntime.tools.make_dynamic_shape_fixed"
    )


def quantized(*more: str, batch: int | str = "N", **attributes: Any) -> onnx.ModelProto:
    """A quantized convolution 3 -> 4 channels on 4x4 pixels, and an operator on its numbers."""
    g = Graph()
    x = [g.constant(0.02), g.constant(7, np.uint8)]
    y = [g.constant(0.1), g.constant(90, np.uint8)]
    w = [g.constant(g.random.integers(-127, 127, (4, 3, 3, 3)), np.int8), g.constant(0.01)]
    weights = g("DequantizeLinear", *w, g.constant(0, np.int8))
    codes = g("QuantizeLinear", "x", *x)
    z = g("Conv", g("DequantizeLinear", codes, *x), weights, kernel_shape=[3, 3])
    result = g("DequantizeLinear", g("QuantizeLinear", z, *y), *y)
    if more:
        sizes = [g.constant([int(n) for n in m.split()], np.int64) for m in more[1:]]
        result = g(more[0], result, *sizes, **attributes)
    return g.model(result, inputs={"x": [batch, 3, 6, 6]})


def unwilling() -> onnx.ModelProto:
    """A model that onnxruntime takes, but cannot run: a bias of 3 values for 4 channels."""
    model = quantized()
    conv = next(n for n in model.graph.node if n.op_type == "Conv")
    model.graph.initializer.append(numpy_helper.from_array(np.zeros(3, np.float32), "bias"))
    conv.input.append("bias")
    del model.graph.value_info[:]
    return model


UNRUNNABLE: dict[str, tuple[Callable[[], onnx.ModelProto], str]] = {
    "wrong bias": (
        unwilling,
        "{path}: does not run in onnxruntime (QLinearConv : bias shape invalid. bias must be a 1D "
        "tensor of size output_channels (4)); correct what it says, for the golden model is what "
        "onnxruntime computes",
    ),
    "one frame only": (
        lambda: quantized("Reshape", "1 64"),
        "{path}: runs in onnxruntime on one frame, but not on two (The input tensor cannot be "
        "reshaped to the requested shape. Input shape:{{2,4,4,4}}, requested shape:{{1,64}}); "
        "state the batch size 1 in the shapes of its inputs",
    ),
    "no batch": (
        lambda: quantized("Reshape", "-1"),
        "{path}: the first axis of every output must be the batch; state the batch size 1 in the "
        "shapes of its inputs, or keep the first axis",
    ),
    "a number": (
        lambda: quantized("ReduceSum", keepdims=0),
        "{path}: the first axis of every output must be the batch; state the batch size 1 in the "
        "shapes of its inputs, or keep the first axis",
    ),
}


@pytest.mark.parametrize("name", UNRUNNABLE)
def test_what_keeps_a_model_from_running(tmp_path: Path, name: str) -> None:
    build, message = UNRUNNABLE[name]
    onnx.save(build(), tmp_path / "m.onnx")
    with pytest.raises(CompileError) as caught:
        opened(tmp_path / "m.onnx")
    assert str(caught.value) == message.format(path=tmp_path / "m.onnx")


@pytest.mark.parametrize(
    ("batch", "sizes", "frame"),
    [(1, "1 64", (64,)), (1, "64", (64,)), (3, "3 64", (64,)), ("N", "0 64", (64,))],
)
def test_any_batch_size(tmp_path: Path, batch: int | str, sizes: str, frame: Shape) -> None:
    onnx.save(quantized("Reshape", sizes, batch=batch), tmp_path / "m.onnx")
    assert opened(tmp_path / "m.onnx").output_shapes == (frame,)
    compilation = compile_model(tmp_path / "m.onnx")
    (frames,) = compilation.test.inputs.values()
    whole, parts = (
        compilation.golden.run(frames[:5]),
        [compilation.golden.run(frames[n : n + 1]) for n in range(5)],
    )
    assert whole.shape == (5, *frame)
    assert np.array_equal(whole, np.concatenate(parts))


def test_constants_that_nodes_hold() -> None:
    model = quantized()
    graph = model.graph
    for tensor in graph.initializer:
        node = onnx.helper.make_node("Constant", [], [tensor.name], value=tensor)
        graph.node.insert(0, node)
    scale = next(n for n in graph.node if n.output[0] == graph.node[-1].input[1])
    number = float(numpy_helper.to_array(scale.attribute[0].t))
    scale.CopyFrom(onnx.helper.make_node("Constant", [], scale.output, value_float=number))
    before = load_onnx(quantized(), name="m")
    del graph.initializer[:]
    source = load_onnx(model, name="m")
    assert not [n for n in source.model.graph.node if n.op_type == "Constant"]
    assert source.input_ranges == before.input_ranges
    frames = {"x": np.random.default_rng(0).uniform(0, 5, (4, 3, 6, 6)).astype(np.float32)}
    assert np.array_equal(source.run(frames)[0], before.run(frames)[0])
    assert len(lower(fuse(source.model)).graph.outputs) == 1


def test_control_flow_is_refused(tmp_path: Path) -> None:
    g = Graph()
    branch = onnx.helper.make_graph(
        [onnx.helper.make_node("Relu", ["x"], ["inner"])], "branch", [],
        [onnx.helper.make_tensor_value_info("inner", onnx.TensorProto.FLOAT, None)],
    )  # fmt: skip
    y = g("If", g.constant(True, np.bool_), then_branch=branch, else_branch=branch)
    onnx.save(g.model(y), tmp_path / "m.onnx")
    with pytest.raises(CompileError) as caught:
        opened(tmp_path / "m.onnx")
    assert str(caught.value) == (
        "t0_0: operator If chooses what to compute while it runs; export the model without control "
        "flow"
    )


def test_a_trial_run_comes_first(tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    onnx.save(custom(), path)
    with pytest.raises(CompileError, match=r"^t0_0: operator onnx.brevitas.BipolarQuant is not"):
        try_to_read(path)
    late = r"is damaged \(reading it took more than 0\.001 seconds"
    with pytest.raises(CompileError, match=late):
        try_to_read(path, seconds=0.001)
