"""SavedModel folders: read without running what is in them, equal to what wrote them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from frontend.compiler import compile_model
from frontend.onnx_reference import onnx_run
from frontend.open_model import open_model
from frontend.saved_model import read_saved_model
from tests.keras_models import layer_models
from tests.saved_models import IMAGE, save_as_tensorflow_1, save_as_tensorflow_2_3, tf
from zoo.catalogue import MODELS

keras: Any = tf.keras

WRITERS = {
    "export": lambda model, folder: model.export(str(folder), verbose=False),
    "save": lambda model, folder: tf.saved_model.save(model, str(folder)),
}


def images(shape: tuple[int, ...], count: int = 3) -> np.ndarray[Any, Any]:
    return np.random.default_rng(0).normal(size=(count, *shape)).astype(np.float32)


@pytest.mark.parametrize(
    ("name", "writer"),
    [
        ("batchnorm", "export"),
        ("batchnorm", "save"),
        ("residual", "export"),
        ("residual", "save"),
        ("nested", "export"),
        ("gate", "export"),
        ("two_outputs", "export"),
        ("conv_groups", "export"),
        ("depthwise_multiplier", "export"),
        ("conv1d_causal_dilated", "export"),
        ("dense", "export"),
        ("each_step_dense", "export"),
        ("dot_normalized", "export"),
        ("cropping", "export"),
        ("image_chain", "export"),
        ("transposed_strides", "export"),
        ("transposed_gaps", "export"),
        ("transposed_output_valid", "export"),
    ],
)
def test_equal_to_keras(name: str, writer: str, tmp_path: Path) -> None:
    model = layer_models()[name]()
    WRITERS[writer](model, tmp_path / "m")
    read = read_saved_model(tmp_path / "m")
    frames = {
        source.name: np.roll(images(tuple(source.shape[1:])), number, axis=-1)
        for number, source in enumerate(model.inputs)
    }
    given = dict(zip(read.reference.inputs, frames.values(), strict=True))
    if set(read.reference.inputs) == set(frames):
        given = frames
    expected = model(frames if len(frames) > 1 else frames[model.inputs[0].name])
    expected = [np.asarray(e) for e in (expected if isinstance(expected, list) else [expected])]
    for outputs in (onnx_run(read.model)(given), read.reference.run(given)):
        assert len(outputs) == len(expected)
        for output, wanted in zip(outputs, expected, strict=True):
            assert np.allclose(output, wanted, atol=1e-5, rtol=1e-5)
            assert np.ptp(wanted) > 1e-3


def test_a_folder_of_tensorflow_2_3_with_slots(tmp_path: Path) -> None:
    network = save_as_tensorflow_2_3(tmp_path / "m")
    with pytest.raises(AttributeError, match="'_UserObject' object has no attribute 'add_slot'"):
        tf.saved_model.load(str(tmp_path / "m"))
    with pytest.raises(AttributeError, match="'_UserObject' object has no attribute 'add_slot'"):
        keras.layers.TFSMLayer(str(tmp_path / "m"), call_endpoint="serving_default")
    source = open_model(tmp_path / "m")
    frames = images(IMAGE)
    wanted = network.serve(tf.constant(frames))["dense"].numpy()
    assert source.input_shapes == {"conv2d_input": IMAGE}
    assert [value.name for value in source.model.graph.output] == ["dense"]
    assert np.allclose(source.run({"conv2d_input": frames})[0], wanted, atol=1e-6)
    assert source.format == "SavedModel"
    assert not source.is_quantized
    assert read_saved_model(tmp_path / "m").version == "2.3.0"


@pytest.mark.parametrize("resource", [True, False])
def test_a_folder_of_tensorflow_1(resource: bool, tmp_path: Path) -> None:
    wanted = save_as_tensorflow_1(tmp_path / "m", resource=resource)
    read = read_saved_model(tmp_path / "m")
    given = {"x": np.ones((1, 4), np.float32)}
    assert np.allclose(onnx_run(read.model)(given)[0], wanted, atol=1e-6)
    assert [node.op_type for node in read.model.graph.node] == ["MatMul", "Add", "Relu", "Identity"]


def test_a_fixed_batch(tmp_path: Path) -> None:
    inputs = keras.Input(batch_shape=(2, *IMAGE))
    outputs = keras.layers.Dense(3)(keras.layers.Flatten()(inputs))
    model = keras.Model(inputs, outputs)
    model.export(str(tmp_path / "m"), verbose=False)
    source = open_model(tmp_path / "m")
    frames = images(IMAGE, 5)
    wanted = np.concatenate([np.asarray(model(frames[i : i + 2])) for i in (0, 2, 3)])
    got = source.run({source.input_name: frames})[0]
    assert np.allclose(got, wanted[[0, 1, 2, 3, 5]], atol=1e-5)


def test_names_are_those_of_the_layers_and_do_not_depend_on_history(tmp_path: Path) -> None:
    save_as_tensorflow_2_3(tmp_path / "m")
    first, second = (read_saved_model(tmp_path / "m").model for _ in range(2))
    assert first.SerializeToString() == second.SerializeToString()
    names = {
        node.name
        for node in first.graph.node
        if node.op_type not in ("Cast", "Transpose", "Identity")
    }
    assert names == {
        "conv2d/BiasAdd", "conv2d/Relu", "batch_normalization/FusedBatchNormV3",
        "max_pooling2d/MaxPool", "flatten/Reshape", "dense/MatMul", "BiasAdd", "dense/Softmax",
    }  # fmt: skip


def test_a_zoo_model_compiles_to_the_same_hardware_as_its_h5(tmp_path: Path) -> None:
    keras.models.load_model(MODELS / "digits_cnn.h5").export(str(tmp_path / "m"), verbose=False)
    folder = compile_model(tmp_path / "m")
    file = compile_model(MODELS / "digits_cnn.h5")
    assert folder.comparison.mismatches == 0
    assert [type(e) for e in folder.graph] == [type(e) for e in file.graph]
    assert folder.cycles.cycles_per_frame == file.cycles.cycles_per_frame
    weights = [
        [
            onnx.numpy_helper.to_array(i)
            for i in c.quantized.model.graph.initializer
            if i.data_type == onnx.TensorProto.INT8 and len(i.dims) > 1
        ]
        for c in (folder, file)
    ]
    for first, second in zip(*(sorted(w, key=lambda a: a.shape) for w in weights), strict=True):
        assert np.array_equal(first, second)


@pytest.mark.parametrize(
    "name",
    [
        "image_chain", "conv1d_causal", "prelu_shared", "residual", "dense1d", "layer_norm_rows",
    ],
)  # fmt: skip
def test_other_models_become_the_same_elements_as_from_h5(name: str, tmp_path: Path) -> None:
    """Which TensorFlow writes as many small operators: repetition, padding, PReLU, means, dense
    layers at each position, LayerNormalization."""
    model = layer_models()[name]()
    model.save(tmp_path / "m.h5")
    model.export(str(tmp_path / "m"), verbose=False)
    kinds = [
        sorted(type(element).__name__ for element in compile_model(path).graph)
        for path in (tmp_path / "m.h5", tmp_path / "m")
    ]
    assert kinds[0] == kinds[1]
