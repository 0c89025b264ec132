"""Quantization of whole graphs: integer execution, tables, scales, errors, and refusals."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, numpy_helper
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

from frontend.quantization_error import quantization_error
from frontend.quantize import QuantizeOptions, check_integer_execution, quantize
from frontend.ranges import Calibration
from frontend.regions import find_regions
from ir.errors import CompileError
from rewrite.onnx.float import canonicalize
from tests.float_rewrite_cases import (
    TO_NCHW,
    TO_NHWC,
    Array,
    Node,
    build,
    conv,
    integers,
    node,
    scalar,
)

IMAGE = (10, 9, 3)


def normal(seed: int, *shape: int) -> Array:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def frames(count: int = 48, shape: tuple[int, ...] = IMAGE) -> Array:
    return normal(99, count, *shape)


def constants() -> dict[str, Array]:
    return {
        "w": normal(1, 4, 3, 3, 3),
        "b": normal(2, 4),
        "w2": normal(3, 5, 4, 3, 3),
        "b2": normal(4, 5),
        "shape": integers(-1, 5),
        "wd": normal(5, 5, 6),
        "bd": normal(6, 6),
        "zero": scalar(0),
        "low": scalar(-1.25),
        "six": scalar(6),
        "one": scalar(1),
        "half": scalar(0.5),
        "gamma": normal(7, 4, 1, 1),
    }


THRESHOLD: list[Node] = [
    node("Greater", "c half", "g"),
    node("Not", "g", "n"),
    node("Cast", "g", "gf", to=1),
    node("Cast", "n", "nf", to=1),
    node("Mul", "gf c", "above"),
    node("Mul", "nf zero", "below"),
    node("Add", "above below", "picked"),
    node("Min", "picked six", "capped"),
    node("Neg", "c", "minus"),
    node("Relu", "minus", "under"),
    node("Mul", "under half", "scaled"),
    node("Sub", "capped scaled", "a"),
]

ACTIVATIONS: dict[str, list[Node]] = {
    "relu": [node("Relu", "c", "a")],
    "relu6": [node("Clip", "c zero six", "a")],
    "clip": [node("Clip", "c low one", "a")],
    "clip_above_0": [node("Clip", "c half six", "a")],
    "leaky_relu": [node("LeakyRelu", "c", "a", alpha=0.125)],
    "sigmoid": [node("Sigmoid", "c", "a")],
    "silu": [node("Sigmoid", "c", "s"), node("Mul", "c s", "a")],
    "threshold": THRESHOLD,
    "affine": [node("Relu", "c", "r"), node("Mul", "r gamma", "q"), node("Add", "q half", "a")],
    "residual": [node("Relu", "c", "r"), node("Sigmoid", "r", "s"), node("Neg", "r", "m"),
                 node("Add", "m s", "a")],
}  # fmt: skip
TABLES = {"clip_above_0", "leaky_relu", "sigmoid", "silu", "threshold", "residual"}


def network(activation: str) -> onnx.ModelProto:
    """Conv, activation, max pool, padded Conv, Relu, global average, Gemm, Softmax."""
    model = build(
        IMAGE,
        [
            node("Transpose", "x", "nchw", perm=TO_NCHW),
            conv("nchw", "c", pads=[1, 0, 0, 2]),
            *ACTIVATIONS[activation],
            node("MaxPool", "a", "p", kernel_shape=[2, 2], strides=[2, 2]),
            node("Conv", "p w2 b2", "c2", pads=[1, 1, 1, 1]),
            node("Relu", "c2", "r2"),
            node("GlobalAveragePool", "r2", "mean"),
            node("Reshape", "mean shape", "flat"),
            node("Gemm", "flat wd bd", "dense"),
            node("Softmax", "dense", "y", axis=-1),
        ],
        constants(),
    )
    return canonicalize(model)


def run(model: onnx.ModelProto, x: Array) -> Array:
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    result: Array = session.run(None, {model.graph.input[0].name: x})[0]
    return result


def initializers(model: onnx.ModelProto) -> dict[str, Array]:
    return {i.name: numpy_helper.to_array(i) for i in model.graph.initializer}


def signal_to_noise(expected: Array, got: Array) -> float:
    noise = np.square(expected.astype(np.float64) - got).sum()
    return float(10 * np.log10(np.square(expected.astype(np.float64)).sum() / noise))


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_networks(activation: str) -> None:
    model, x = network(activation), frames()
    result = quantize(model, x)
    quantized = result.model
    assert quantized.ir_version <= 10
    assert max(o.version for o in quantized.opset_import) <= 21
    assert all(layer.exact_channels == layer.channels for layer in result.snapping)
    convolutions = 3 if activation == "affine" else 2
    assert len(result.snapping) == convolutions + 2
    errors = quantization_error(model, quantized, x)
    assert min(e.sqnr_db for e in errors) > 25
    assert np.mean(run(model, x).argmax(1) == run(quantized, x).argmax(1)) > 0.9
    _check_graph(quantized)
    regions = _regions(quantized)
    assert len(regions) == (1 if activation in TABLES else 0)
    again = quantize(model, x).model
    assert again.SerializeToString() == quantized.SerializeToString()


def _check_graph(model: onnx.ModelProto) -> None:
    """Types as promised: uint8 activations, int8 and int32 constants with f32(sx * sw)."""
    values = initializers(model)
    producers = {o: n for n in model.graph.node for o in n.output}
    for layer in model.graph.node:
        if layer.op_type not in ("Conv", "Gemm"):
            continue
        source, weight, bias = (producers[name] for name in layer.input)
        assert {source.op_type, weight.op_type, bias.op_type} == {"DequantizeLinear"}
        assert values[source.input[2]].dtype == np.uint8
        codes, scales = values[weight.input[0]], values[weight.input[1]]
        assert codes.dtype == np.int8
        assert codes.min() >= -127
        channels = codes.shape[0 if layer.op_type == "Conv" else 1]
        assert scales.shape == (channels,)
        assert np.all(values[weight.input[2]] == 0)
        assert values[bias.input[0]].dtype == np.int32
        assert np.array_equal(values[bias.input[1]], values[source.input[1]] * scales)


def _regions(model: onnx.ModelProto) -> list[list[str]]:
    """Return the operators of each elementwise part between DequantizeLinear and QuantizeLinear."""
    regions = find_regions(model.graph, ())
    producers = {o: n for n in model.graph.node for o in n.output}
    names = {n.name: n.op_type for n in model.graph.node}
    for region in regions:
        assert producers[region.source].op_type == "DequantizeLinear"
        readers = [n for n in model.graph.node if region.output in n.input]
        assert [n.op_type for n in readers] == ["QuantizeLinear"]
        outside = [n for n in model.graph.node if region.source in n.input]
        assert {n.name for n in outside} <= set(region.nodes)
    return [[names[n] for n in region.nodes] for region in regions]


def test_clamps_need_no_node() -> None:
    """Relu, ReLU6 and a Clip around 0 behind a layer become its output's saturation."""
    for activation, low, high in (("relu", 0, np.inf), ("relu6", 0, 6), ("clip", -1.25, 1)):
        quantized = quantize(network(activation), 4 * frames()).model
        assert not {"Relu", "Clip"} & {n.op_type for n in quantized.graph.node}
        values = initializers(quantized)
        scale, zero_point = float(values["a_scale"]), int(values["a_zero_point"])
        assert -zero_point * scale >= low
        assert (255 - zero_point) * scale <= high
        assert (255 - zero_point) * scale > 0.98 * min(high, 4)


def test_moves_keep_scales() -> None:
    quantized = quantize(network("relu"), frames()).model
    used = {n.input[0]: n.input[1:] for n in quantized.graph.node if n.op_type == "QuantizeLinear"}
    assert used["p"] == used["a"]
    assert used["nchw"] == used["x"]
    assert used["flat"] == used["mean"]
    assert used["a"] != used["r2"]


def test_golden_arithmetic() -> None:
    """Integers of the graph, computed by hand, are what onnxruntime computes."""
    model = canonicalize(
        build(
            (7,),
            [node("Gemm", "x w b", "h"), node("Relu", "h", "r"), node("Gemm", "r w2 b2", "y")],
            {"w": normal(1, 7, 9), "b": normal(2, 9), "w2": normal(3, 9, 4), "b2": normal(4, 4)},
        )
    )
    x = frames(500, (7,))
    quantized = quantize(model, x).model
    values = initializers(quantized)
    codes = np.rint(x / values["x_scale"]) + values["x_zero_point"]
    codes = np.clip(codes, 0, 255).astype(np.int64)
    names = {n.op_type: n for n in quantized.graph.node if n.op_type == "Gemm"}
    assert names
    for source, layer, target in (("x", "layer_h", "r"), ("r", "layer_y", "y")):
        weight = values[f"{layer}.weight_quantized"].astype(np.int64)
        sums = (codes - int(values[f"{source}_zero_point"])) @ weight
        sums = sums + values[f"{layer}.bias_quantized"]
        products = values[f"{source}_scale"] * values[f"{layer}.weight_scale"]
        factors = products / values[f"{target}_scale"]
        scaled = np.rint(sums.astype(np.float32) * factors).astype(np.int64)
        codes = np.clip(scaled + int(values[f"{target}_zero_point"]), 0, 255)
    real = (codes - int(values["y_zero_point"])).astype(np.float32) * values["y_scale"]
    assert np.array_equal(real, run(quantized, x))


def test_pixels_keep_their_codes() -> None:
    x = np.random.default_rng(1).integers(0, 256, (16, *IMAGE)).astype(np.float32)
    values = initializers(quantize(network("relu"), x).model)
    assert values["x_scale"] == 1
    assert values["x_zero_point"] == 0


def test_argmax() -> None:
    model, x = network("relu"), frames()
    quantized = quantize(model, x, QuantizeOptions(argmax=True)).model
    output = quantized.graph.output[0]
    assert output.type.tensor_type.elem_type == TensorProto.INT64
    assert "Softmax" not in {n.op_type for n in quantized.graph.node}
    soft = run(quantize(model, x).model, x)
    assert np.array_equal(run(quantized, x), soft.argmax(1))


@pytest.mark.parametrize("kind", ["Gemm", "MaxPool", "GlobalAveragePool"])
def test_no_layer_behind_a_log_softmax(kind: str) -> None:
    """It runs on the host, and the core ends in front of it; a Softmax there is in the core."""
    behind = {
        "Gemm": node("Gemm", "soft wd bd", "y"),
        "MaxPool": node("MaxPool", "soft", "y", kernel_shape=[2, 2]),
        "GlobalAveragePool": node("GlobalAveragePool", "soft", "y"),
    }
    shape = (5,) if kind == "Gemm" else (4, 6, 6)
    model = build(shape, [node("Softmax", "x", "soft", axis=1), behind[kind]], constants())
    quantized = quantize(canonicalize(model), frames(4, shape)).model
    nodes = {name: n for n in quantized.graph.node for name in n.output}
    softmax = next(n for n in quantized.graph.node if n.op_type == "Softmax")
    assert nodes[softmax.input[0]].op_type == "DequantizeLinear"
    model = build(shape, [node("LogSoftmax", "x", "soft", axis=1), behind[kind]], constants())
    with pytest.raises(CompileError) as caught:
        quantize(canonicalize(model), frames(4, shape))
    assert str(caught.value) == (
        "layer_y: it stands behind a LogSoftmax, which is supported at the end only; "
        "end the model with the LogSoftmax"
    )


@pytest.mark.parametrize("method", Calibration)
def test_calibration_methods(method: Calibration) -> None:
    model, x = network("relu"), frames()
    quantized = quantize(model, x, QuantizeOptions(calibration=method, percentile=99.9)).model
    assert signal_to_noise(run(model, x), run(quantized, x)) > 15


def test_ranges_come_from_all_frames() -> None:
    """More frames than one run takes, the extreme one last."""
    model, x = network("relu"), frames(200)
    x[-1] *= 10
    scale = initializers(quantize(model, x).model)["x_scale"]
    assert scale == pytest.approx((x.max() - x.min()) / 255, rel=1e-6)


class _Reader(CalibrationDataReader):  # type: ignore[misc]
    def __init__(self, name: str, x: Array) -> None:
        self._feeds = iter([{name: x}])

    def get_next(self) -> dict[str, Array] | None:
        return next(self._feeds, None)


def test_snapping_costs_little(tmp_path: Path) -> None:
    """Against onnxruntime's own quantization of the same graph, on frames not calibrated with."""
    model, x = network("relu"), frames(256)
    model.graph.node.pop()  # Softmax
    model.graph.output[0].name = "dense"
    onnx.save(model, tmp_path / "float.onnx")
    quantize_static(
        tmp_path / "float.onnx", tmp_path / "plain.onnx", _Reader("x", x[:128]),
        quant_format=QuantFormat.QDQ, per_channel=True,
        activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8,
    )  # fmt: skip
    plain = onnx.load(tmp_path / "plain.onnx")
    ours = quantize(model, x[:128]).model
    expected = run(model, x[128:])
    loss = signal_to_noise(expected, run(plain, x[128:])) - signal_to_noise(
        expected, run(ours, x[128:])
    )
    assert loss < 1.0  # dB


def test_constant_and_dead_tensors() -> None:
    """Calibration that never leaves one value: still integers, still the value."""
    model = network("relu")
    for value in (0.0, 3.0):
        x = np.full((4, *IMAGE), value, np.float32)
        quantized = quantize(model, x).model
        np.testing.assert_allclose(run(quantized, x), run(model, x), atol=0.05)


def test_regions_between_two_layers() -> None:
    """A value read inside and outside of a region ends one and starts the next."""
    shape = [1, 4]
    nodes = [
        onnx.helper.make_node("Gemm", ["x", "w", "b"], ["c"], "c"),
        onnx.helper.make_node("Sigmoid", ["c"], ["s"], "s"),
        onnx.helper.make_node("Tanh", ["s"], ["t"], "t"),
        onnx.helper.make_node("Neg", ["s"], ["n"], "n"),
        onnx.helper.make_node("Add", ["t", "n"], ["a"], "a"),
        onnx.helper.make_node("Gemm", ["s", "w", "b"], ["y"], "y"),
        onnx.helper.make_node("Gemm", ["a", "w", "b"], ["z"], "z"),
        onnx.helper.make_node("Add", ["y", "z"], ["sum"], "sum"),
    ]
    graph = onnx.helper.make_graph(
        nodes,
        "regions",
        [onnx.helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [onnx.helper.make_tensor_value_info("sum", TensorProto.FLOAT, shape)],
        [numpy_helper.from_array(normal(1, 4, 4), "w"), numpy_helper.from_array(normal(2, 4), "b")],
    )
    regions = find_regions(graph, ())
    assert [(r.source, r.output, r.nodes) for r in regions] == [
        ("c", "s", ("s",)),
        ("s", "a", ("t", "n", "a")),
    ]
    nodes[3].input[0] = "c"
    del graph.node[:]
    graph.node.extend(nodes)
    regions = find_regions(graph, ())  # the sum is one of two tensors now
    assert [(r.source, r.output, r.nodes) for r in regions] == [
        ("c", "s", ("s",)),
        ("s", "t", ("t",)),
        ("c", "n", ("n",)),
    ]


def test_what_two_regions_begin_with_is_one_of_its_own() -> None:
    """Else its nodes would stand in both, and between codes and codes in neither."""
    edge = [onnx.helper.make_tensor_value_info(n, TensorProto.FLOAT, [1, 4]) for n in "xyz"]
    nodes = [
        onnx.helper.make_node("Sigmoid", ["x"], ["s"], "s"),
        onnx.helper.make_node("Mul", ["s", "s"], ["m"], "m"),
        onnx.helper.make_node("Tanh", ["m"], ["y"], "t"),
        onnx.helper.make_node("Neg", ["m"], ["z"], "n"),
    ]
    regions = find_regions(onnx.helper.make_graph(nodes, "regions", edge[:1], edge[1:]), ())
    assert [(r.source, r.output, r.nodes) for r in regions] == [
        ("x", "m", ("s", "m")),
        ("m", "y", ("t",)),
        ("m", "z", ("n",)),
    ]


def test_residual_add_is_no_table() -> None:
    model = build(
        IMAGE,
        [
            node("Transpose", "x", "nchw", perm=TO_NCHW),
            conv("nchw", "c", pads=[1, 1, 1, 1]),
            node("Relu", "c", "r"),
            conv("nchw", "d", pads=[1, 1, 1, 1]),
            node("Add", "r d", "s"),
            node("Relu", "s", "t"),
            node("Transpose", "t", "y", perm=TO_NHWC),
        ],
        constants(),
    )
    quantized = quantize(canonicalize(model), frames()).model
    assert _regions(quantized) == []
    assert [n.op_type for n in quantized.graph.node].count("Add") == 1


REFUSED: dict[str, tuple[Any, str]] = {
    "operator": (
        lambda: build(IMAGE, [node("CumSum", "x axis", "y")], {"axis": integers(1)[0]}),
        "layer_y: operator CumSum is not supported; replace the layer",
    ),
    "power_for_each_channel": (
        lambda: build(IMAGE, [node("Pow", "x s", "y")], {"s": normal(1, 3)}),
        "layer_y: Pow must be a function of one tensor with scalar constants; replace the layer",
    ),
    "weights_that_are_no_numbers": (
        lambda: build(
            (3, 9, 9), [conv("x", "y")], constants() | {"w": np.full((4, 3, 3, 3), np.nan, "f4")}
        ),
        "layer_y: weights must be finite numbers; replace the layer",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    make, message = REFUSED[name]
    model = canonicalize(make())
    shape = [d.dim_value for d in model.graph.input[0].type.tensor_type.shape.dim][1:]
    with pytest.raises(CompileError) as error:
        quantize(model, frames(4, tuple(shape)))
    assert str(error.value) == message


def test_refused_frames() -> None:
    model = network("relu")
    for x in (frames(4, (9, 10, 3)), frames(0), frames(4)[0]):
        with pytest.raises(
            CompileError, match=r"x: calibration frames must be \(frames, 10, 9, 3\)"
        ):
            quantize(model, x)
    x = frames(4)
    x[1, 2, 3, 0] = np.nan
    with pytest.raises(CompileError, match="x: calibration frames must be finite numbers"):
        quantize(model, x)


def test_refused_overflow() -> None:
    """Finite weights and frames whose sums are not."""
    model = build(
        (7,),
        [node("Gemm", "x w b", "y")],
        {"w": np.full((7, 3), 3e38, np.float32), "b": normal(1, 3)},
    )
    with pytest.raises(CompileError, match=r"y: values on the calibration frames must be finite"):
        quantize(canonicalize(model), 1e3 + frames(4, (7,)))


def test_float_execution_is_found() -> None:
    """A function left between a layer and its QuantizeLinear makes onnxruntime use floats."""
    model = quantize(network("relu"), frames()).model
    quantizer = next(
        n for n in model.graph.node if n.op_type == "QuantizeLinear" and n.input[0] == "a"
    )
    quantizer.input[0] = "kept"
    index = list(model.graph.node).index(quantizer)
    model.graph.node.insert(index, onnx.helper.make_node("Sigmoid", ["a"], ["kept"], "kept"))
    with pytest.raises(CompileError, match=r"layer_c: onnxruntime .* must run it in integers"):
        check_integer_execution(model)


def test_quantization_error() -> None:
    model, x = network("relu"), frames()
    quantized = quantize(model, x).model
    errors = {e.tensor: e for e in quantization_error(model, quantized, x)}
    assert list(errors) == ["a", "r2", "mean", "dense"]
    assert next(e.layer for e in errors.values()) == "layer_a"
    assert quantization_error(model, model, x) == ()
    bare = onnx.ModelProto()
    bare.CopyFrom(model)
    bare.graph.output[0].name = "dense"
    onnx_softmax = bare.graph.node.pop()
    assert onnx_softmax.op_type == "Softmax"
    dequantized = onnx.ModelProto()
    dequantized.CopyFrom(quantized)
    dequantized.graph.output[0].name = "dense_DequantizeLinear_Output"
    dequantized.graph.node.pop()
    noise = run(bare, x).astype(np.float64) - run(dequantized, x)
    assert errors["dense"].rmse == pytest.approx(np.sqrt(np.mean(noise**2)), rel=1e-6)
    assert errors["dense"].sqnr_db == pytest.approx(
        signal_to_noise(run(bare, x), run(dequantized, x)), rel=1e-6
    )


def test_shared_weights() -> None:
    """One kernel in two layers has two sets of scales."""
    model = build(
        (4, 8, 8),
        [conv("x", "c", pads=[1, 1, 1, 1]), node("Relu", "c", "r"), conv("r", "y")],
        {"w": normal(1, 4, 4, 3, 3), "b": normal(2, 4)},
    )
    quantized = quantize(canonicalize(model), frames(16, (4, 8, 8))).model
    values = initializers(quantized)
    scales = [n for n in values if n.endswith("weight_scale") or n == "w_scale"]
    assert len(scales) == 2
    _check_graph(quantized)
