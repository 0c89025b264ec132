"""TFLite files: equal to TFLite's interpreter but for rounding, and compiled bit for bit."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from frontend.compiler import compile_model
from frontend.onnx_reference import onnx_run
from frontend.open_model import open_model
from frontend.tflite import read_tflite
from tests.tflite_models import (
    as_unsigned,
    codes,
    convert,
    function_model,
    image_model,
    interpret,
    keras,
    moving_model,
    output_codes,
    sequence_model,
    tf,
)
from zoo.catalogue import MODELS


def frames(model: Any, count: int) -> dict[str, np.ndarray[Any, Any]]:
    random = np.random.default_rng(1)
    return {
        i.name: random.uniform(-1.1, 1.1, (count, *i.shape[1:])).astype(np.float32)
        for i in model.inputs
    }


def computed(path: Path, given: dict[str, np.ndarray[Any, Any]]) -> dict[str, Any]:
    """Return what the ONNX graph computes, by output name."""
    model = read_tflite(path)
    return dict(zip([o.name for o in model.graph.output], onnx_run(model)(given), strict=True))


def zoo_model(name: str) -> Any:
    return keras.models.load_model(MODELS / f"{name}.h5", compile=False)


@pytest.mark.parametrize("build", [image_model, sequence_model, moving_model])
def test_each_operator_differs_by_rounding_only(build: Callable[[], Any], tmp_path: Path) -> None:
    """Two operators in a row may differ by two steps; so do few.

    XNNPACK rounds like onnxruntime but where it averages and in LeakyRelu; TFLite's own kernels
    round halves otherwise, and their MEAN is one step off in a third of all cases.
    """
    model = build()
    data = convert(model)
    (tmp_path / "m.tflite").write_bytes(data)
    given = frames(model, 20)
    got = output_codes(data, computed(tmp_path / "m.tflite", given))
    for kernels, equal, far in (
        ("AUTO", 0.85, 0.06),
        ("BUILTIN_WITHOUT_DEFAULT_DELEGATES", 0.65, 0.003),
    ):
        wanted = interpret(data, given, kernels=kernels)
        assert wanted.keys() == got.keys()
        assert len(got) == len(model.outputs)
        for name, expected in wanted.items():
            assert got[name].shape == expected.shape
            difference = np.abs(expected.astype(np.int64) - got[name].astype(np.int64))
            assert difference.max() <= 2, (kernels, name)
            assert np.mean(difference > 1) < far, (kernels, name)
            assert np.mean(difference == 0) > equal, (kernels, name)


@pytest.mark.parametrize("build", [image_model, sequence_model, moving_model, function_model])
def test_floats_are_equal(build: Callable[[], Any], tmp_path: Path) -> None:
    model = build()
    (tmp_path / "m.tflite").write_bytes(convert(model, quantized=False))
    given = frames(model, 5)
    got = computed(tmp_path / "m.tflite", given)
    single = [model(given["x"][i : i + 1]) for i in range(5)]  # vectors meet images in such only
    for number, parts in enumerate(zip(*single, strict=True)):
        assert np.allclose(got[f"output_{number}"], np.concatenate(parts), atol=1e-5)


@pytest.mark.parametrize(
    ("name", "ends", "equal"),
    [
        ("digits_cnn", tf.int8, 0.99),
        ("digits_cnn", tf.uint8, 0.99),
        ("digits_cnn", tf.float32, 0.99),
        ("digits_leaky", tf.int8, 0.7),  # whose LeakyRelu XNNPACK rounds otherwise
        ("jet_mlp", tf.int8, 0.99),
    ],
)
def test_whole_networks_equal_tflite_on_a_pc(
    name: str, ends: Any, equal: float, tmp_path: Path
) -> None:
    model = zoo_model(name)
    data = convert(model, ends=ends)
    (tmp_path / "m.tflite").write_bytes(data)
    given = frames(model, 100)
    (wanted,) = interpret(data, given, kernels="AUTO").values()
    (got,) = output_codes(data, computed(tmp_path / "m.tflite", given)).values()
    assert np.mean(wanted == got) > equal
    assert np.array_equal(np.argmax(wanted, axis=1), np.argmax(got, axis=1))


def test_unsigned_weights_of_tensorflow_1(tmp_path: Path) -> None:
    model = zoo_model("digits_cnn")
    data = as_unsigned(convert(model, per_channel=False))
    (tmp_path / "m.tflite").write_bytes(data)
    weights = [
        i.data_type
        for i in read_tflite(tmp_path / "m.tflite").graph.initializer
        if i.name.endswith("/weights")
    ]
    assert weights == [onnx.TensorProto.UINT8] * 4
    given = frames(model, 100)
    (wanted,) = interpret(data, given).values()
    (got,) = output_codes(data, computed(tmp_path / "m.tflite", given)).values()
    assert np.mean(wanted == got) > 0.95
    assert np.array_equal(np.argmax(wanted, axis=1), np.argmax(got, axis=1))


def test_weights_in_float16(tmp_path: Path) -> None:
    model = zoo_model("jet_mlp")
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.target_spec.supported_types = [tf.float16]
    (tmp_path / "m.tflite").write_bytes(converter.convert())
    given = frames(model, 5)
    (got,) = computed(tmp_path / "m.tflite", given).values()
    assert np.allclose(got, model(*given.values()), atol=1e-2)


def test_codes_are_those_of_the_file_shifted(tmp_path: Path) -> None:
    """What enters and leaves the core is the file's int8 code plus 128."""
    model = zoo_model("jet_mlp")
    data = convert(model)
    (tmp_path / "m.tflite").write_bytes(data)
    compilation = compile_model(tmp_path / "m.tflite")
    port = compilation.graph.host_tensors[compilation.graph.inputs[0].port]
    details = tf.lite.Interpreter(model_content=data).get_input_details()[0]
    scale, zero_point = details["quantization"]
    assert np.float32(port.scale) == np.float32(scale)
    assert port.zero_point == zero_point + 128
    given = frames(model, 10)
    (sent,) = compilation.golden.input_codes(given).values()
    expected = codes(next(iter(given.values())), details).astype(np.int64) + 128
    assert np.array_equal(sent.reshape(expected.shape), expected)


@pytest.mark.parametrize("name", ["digits_cnn", "digits_relu6"])
def test_a_quantized_file_is_compiled_as_it_is(name: str, tmp_path: Path) -> None:
    data = convert(zoo_model(name))
    (tmp_path / "m.tflite").write_bytes(data)
    source = open_model(tmp_path / "m.tflite")
    assert source.is_quantized
    assert source.format == "TFLite"
    compilation = compile_model(tmp_path / "m.tflite")
    assert compilation.quantized.model.SerializeToString() == source.model.SerializeToString()
    assert compilation.comparison.values > 0
    assert compilation.comparison.mismatches == 0


@pytest.mark.parametrize("build", [moving_model, function_model])
def test_more_operators_are_compiled(build: Callable[[], Any], tmp_path: Path) -> None:
    model = build()
    (tmp_path / "m.tflite").write_bytes(convert(model))
    compilation = compile_model(tmp_path / "m.tflite")
    assert len(compilation.graph.outputs) == len(model.outputs)
    assert compilation.comparison.mismatches == 0


def test_a_file_of_floats_is_quantized(tmp_path: Path) -> None:
    (tmp_path / "m.tflite").write_bytes(convert(zoo_model("digits_cnn"), quantized=False))
    source = open_model(tmp_path / "m.tflite")
    assert not source.is_quantized
    assert compile_model(tmp_path / "m.tflite").comparison.mismatches == 0
