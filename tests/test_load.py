"""Model files in, float ONNX out: every layer, parameter, file format and generation of Keras."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import onnx
import pytest

from frontend.export import export_network
from frontend.layers import SUPPORTED, TRAINING_ONLY
from frontend.load import LoadedModel, load_float_onnx
from frontend.network import read_network
from frontend.open_model import open_model
from frontend.reference import keras_run, onnx_predict, onnx_run, start_tensorflow, verify_export
from ir.errors import CompileError
from tests.keras_models import layer_models, nested
from tests.keras_weights import sequential

TOLERANCE = 1e-4
NAMES = sorted(layer_models())


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models")


def frames_for(shape: tuple[int, ...], seed: int = 3) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-2, 2, (7, *shape)).astype(np.float32)


def assert_same(model: onnx.ModelProto, keras_model: Any) -> None:
    """Compare all outputs; several inputs have Keras's names and different frames."""
    frames = {
        source.name: frames_for(tuple(source.shape[1:]), 3 + number)
        for number, source in enumerate(keras_model.inputs)
    }
    named = isinstance(getattr(keras_model, "_inputs_struct", None), dict)
    outputs = keras_model(frames if named else list(frames.values()), training=False)
    expected = [np.asarray(output) for output in start_tensorflow().tree.flatten(outputs)]
    got = onnx_run(model)(frames)
    assert len(got) == len(expected) == len(model.graph.output)
    for computed, wanted in zip(got, expected, strict=True):
        assert computed.shape == wanted.shape
        assert np.max(np.abs(computed - wanted)) <= TOLERANCE * np.max(np.abs(wanted))


@pytest.mark.parametrize("name", NAMES)
def test_h5_and_keras_files_give_what_keras_computes(name: str, folder: Path) -> None:
    keras_model = layer_models()[name]()
    graphs = []
    for ending in (".h5", ".keras"):
        path = folder / f"{name}{ending}"
        keras_model.save(path)
        network = read_network(path)
        model, layers = export_network(network)
        assert_same(model, keras_model)
        assert network.keras_version.startswith("3.")
        assert set(layers) == {node.name for node in model.graph.node}
        assert model.ir_version <= 10
        assert model.opset_import[0].version == 21
        graphs.append(model.SerializeToString(deterministic=True))
    assert graphs[0] == graphs[1]
    assert verify_export(network, model, keras_run(network)) <= TOLERANCE


def test_inner_layers_of_one_name_are_kept_apart(folder: Path) -> None:
    keras_model = nested(one_name=True)
    keras_model.save(folder / "one_name.keras")
    model, layers = export_network(read_network(folder / "one_name.keras"))
    assert_same(model, keras_model)
    assert {"pair/one/conv", "pair/two/conv"} <= set(layers.values())


def test_input_and_output_may_stand_in_dictionaries(folder: Path) -> None:
    keras = start_tensorflow()
    source = keras.Input((6,), name="features")
    scores = keras.layers.Dense(2)(source)
    keras.Model({"features": source}, {"scores": scores}).save(folder / "named.keras")
    loaded = load_float_onnx(folder / "named.keras")
    assert_same(loaded.model, keras.Model(source, scores))


def test_every_supported_class_is_tried() -> None:
    used: set[str] = set()
    for build in layer_models().values():
        pending = [build()]
        while pending:
            layer = pending.pop()
            used.add(type(layer).__name__)
            pending.extend(getattr(layer, "layers", []))
    assert set(SUPPORTED) - used - set(TRAINING_ONLY) == {"ThresholdedReLU"}  # not of Keras 3


@pytest.fixture(scope="module")
def loaded(folder: Path) -> tuple[Any, LoadedModel]:
    keras_model = layer_models()["nested"]()
    keras_model.save(folder / "nested_whole.h5")
    return keras_model, load_float_onnx(folder / "nested_whole.h5")


def test_loaded_model_says_what_it_is(loaded: tuple[Any, LoadedModel]) -> None:
    keras_model, model = loaded
    frames = frames_for((8, 8, 3))
    assert model.input_names == ("camera",)
    assert model.output_names == ("last/output",)
    assert model.input_shape == (8, 8, 3)
    assert model.format == "HDF5"
    assert 0 <= model.tensorflow_seconds <= model.seconds
    assert model.export_error < TOLERANCE
    expected = np.asarray(keras_model(frames))
    assert np.allclose(model.predict(frames), expected, rtol=1e-5, atol=1e-5)
    labels = expected.argmax(axis=1)
    labels[:2] = (labels[:2] + 1) % 3
    assert model.float_accuracy(frames, labels) == pytest.approx(5 / 7)


def test_several_inputs_go_by_name(folder: Path) -> None:
    layer_models()["two_inputs"]().save(folder / "two.h5")
    model = load_float_onnx(folder / "two.h5")
    assert model.input_names == ("angles", "camera")
    assert model.output_names == ("c/output", "d/output")
    assert model.input_shapes == {"angles": (5,), "camera": (8, 8, 3)}
    frames = {name: frames_for(shape) for name, shape in model.input_shapes.items()}
    assert [output.shape for output in model.run(frames)] == [(7, 6, 6, 4), (7, 3)]
    several = r"^functional.*: has 2 inputs \('angles', 'camera'\), where one is needed; make a"
    with pytest.raises(CompileError, match=several):
        _ = model.input_shape


def test_every_node_has_its_layer(loaded: tuple[Any, LoadedModel]) -> None:
    model = loaded[1]
    assert [(n.op_type, n.name, model.layers[n.name]) for n in model.model.graph.node] == [
        ("Transpose", "camera/to_nchw", "camera"),
        ("Conv", "first", "first"),
        ("Conv", "pair/one/conv_one", "pair/one/conv_one"),
        ("BatchNormalization", "pair/one/norm_one", "pair/one/norm_one"),
        ("Relu", "pair/one/relu_one", "pair/one/relu_one"),
        ("Conv", "pair/two/conv_two", "pair/two/conv_two"),
        ("BatchNormalization", "pair/two/norm_two", "pair/two/norm_two"),
        ("Relu", "pair/two/relu_two", "pair/two/relu_two"),
        ("GlobalAveragePool", "mean", "mean"),
        ("Reshape", "mean/flatten", "mean"),
        ("Gemm", "last", "last"),
    ]


def test_hostile_names_reach_onnx_unchanged(folder: Path) -> None:
    layer_models()["hostile_names"]().save(folder / "hostile.keras")
    before = set(folder.rglob("*"))
    network = read_network(folder / "hostile.keras")
    model, layers = export_network(network)
    names = ["a b", "a_b", '"; rm -rf', "entity", "Größe\n😀", "pixels:0", "..\\..\\x", "{{7*7}}"]
    assert [layers[node.name] for node in model.graph.node] == names
    assert set(folder.rglob("*")) == before


def test_shared_layers_share_their_constants(folder: Path) -> None:
    layer_models()["shared"]().save(folder / "shared_once.h5")
    model, layers = export_network(read_network(folder / "shared_once.h5"))
    assert sum(name == "again" for name in layers.values()) == 4  # two calls, each with its ReLU
    assert len(model.graph.initializer) == 6


def test_a_wrong_export_is_refused(loaded: tuple[Any, LoadedModel]) -> None:
    model = onnx.ModelProto()
    model.CopyFrom(loaded[1].model)
    bias = next(c for c in model.graph.initializer if c.name == "last/bias")
    values = np.array(onnx.numpy_helper.to_array(bias))
    values[0] += 0.01 * np.abs(values).max()
    bias.CopyFrom(onnx.numpy_helper.from_array(values, bias.name))
    with pytest.raises(CompileError, match=r"^last: the exported graph differs from Keras by "):
        verify_export(loaded[1].network, model, loaded[1].run)


# Files of Keras 1 and 2, written by hand as those versions wrote them.

RANDOM = np.random.default_rng(11)
KERNEL = RANDOM.uniform(-1, 1, (3, 3, 2, 4)).astype(np.float32)
BIAS = RANDOM.uniform(-1, 1, 4).astype(np.float32)
NORM = [RANDOM.uniform(0.5, 1, 4).astype(np.float32) for _ in range(4)]
DENSE = [RANDOM.uniform(-1, 1, s).astype(np.float32) for s in ((64, 3), (3,))]


def write_weights(group: h5py.Group, layers: dict[str, dict[str, np.ndarray]]) -> None:
    group.attrs["layer_names"] = [name.encode() for name in layers]
    group.attrs["backend"] = b"tensorflow"
    group.attrs["keras_version"] = b"2.1.6"
    for name, weights in layers.items():
        layer = group.create_group(name)
        layer.attrs["weight_names"] = [weight.encode() for weight in weights]
        for weight, values in weights.items():
            layer[weight] = values


def reference_network() -> np.ndarray:
    """Return what the hand-written models below compute, by numpy alone."""
    frames = frames_for((6, 6, 2)).astype(np.float64)
    out = np.zeros((7, 4, 4, 4))
    for row in range(3):
        for column in range(3):
            out += frames[:, row : row + 4, column : column + 4] @ KERNEL[row, column]
    gamma, beta, mean, variance = (value.astype(np.float64) for value in NORM)
    out = (out + BIAS - mean) / np.sqrt(variance + 0.001) * gamma + beta
    out = np.where(out > 0, out, out * 0.125)
    return np.asarray(out.reshape(7, -1) @ DENSE[0] + DENSE[1])


def assert_reference(path: Path, version: str) -> None:
    network = read_network(path)
    got = onnx_predict(export_network(network)[0])(frames_for((6, 6, 2)))
    expected = reference_network()
    assert np.max(np.abs(got - expected)) <= TOLERANCE * np.max(np.abs(expected))
    assert network.keras_version == version
    assert load_float_onnx(path).export_error < TOLERANCE


def test_keras_1_sequential(tmp_path: Path) -> None:
    conv = {
        "name": "c", "trainable": True, "batch_input_shape": [None, 6, 6, 2], "nb_filter": 4,
        "nb_row": 3, "nb_col": 3, "border_mode": "valid", "subsample": [1, 1], "bias": True,
        "dim_ordering": "tf", "activation": "linear", "init": "glorot_uniform",
        "input_dtype": "float32", "W_regularizer": None, "b_constraint": None,
    }  # fmt: skip
    layers = [
        {"class_name": "Convolution2D", "config": conv},
        {
            "class_name": "BatchNormalization",
            "config": {"name": "n", "axis": -1, "epsilon": 0.001, "mode": 0, "momentum": 0.99},
        },
        {
            "class_name": "LeakyReLU",
            "config": {"name": "r", "alpha": {"type": "ndarray", "value": 0.125}},
        },
        {"class_name": "Dropout", "config": {"name": "o", "p": 0.5}},
        {"class_name": "Flatten", "config": {"name": "f"}},
        {
            "class_name": "Dense",
            "config": {"name": "d", "output_dim": 3, "bias": True, "input_dim": None},
        },
    ]
    config = {"class_name": "Sequential", "keras_version": "1.2.2", "config": layers}
    (tmp_path / "old.json").write_text(json.dumps(config))
    with h5py.File(tmp_path / "old_weights.h5", "w") as file:
        norm = dict(
            zip(["n_gamma", "n_beta", "n_running_mean", "n_running_std"], NORM, strict=True)
        )
        weights = {"c": {"c_W": KERNEL, "c_b": BIAS}, "n": norm, "r": {}, "o": {}, "f": {}}
        write_weights(file, weights | {"d": {"d_W": DENSE[0], "d_b": DENSE[1]}})
    assert_reference(tmp_path / "old.json", "1.2.2")


def keras_2_nested() -> dict[str, Any]:
    """Return a functional model with a nested functional one, counted from 1 as Keras 2 did."""

    def layer(kind: str, name: str, inbound: list[Any], **config: Any) -> dict[str, Any]:
        nodes = [[[*reference, {}]] for reference in inbound]
        config = {"name": name, "trainable": True, "dtype": "float32", **config}
        return {"class_name": kind, "name": name, "config": config, "inbound_nodes": nodes}

    inner = {
        "name": "block",
        "trainable": True,
        "layers": [
            layer("InputLayer", "in2", [], batch_input_shape=[None, 6, 6, 2], sparse=False),
            layer(
                "Conv2D", "c", [["in2", 0, 0]], filters=4, kernel_size=[3, 3], strides=[1, 1],
                padding="valid", data_format="channels_last", dilation_rate=[1, 1], groups=1,
                activation="linear", use_bias=True, kernel_initializer={"class_name": "Zeros"},
            ),
            layer("BatchNormalization", "n", [["c", 0, 0]], axis=[3], epsilon=0.001),
        ],
        "input_layers": [["in2", 0, 0]],
        "output_layers": [["n", 0, 0]],
    }  # fmt: skip
    nested = layer("Model", "block", [["in1", 0, 0]])
    nested["config"] = inner
    outer = [
        layer("InputLayer", "in1", [], batch_input_shape=[None, 6, 6, 2], ragged=False),
        nested,
        layer("LeakyReLU", "r", [["block", 1, 0]], alpha=0.125),
        layer("Flatten", "f", [["r", 0, 0]], data_format="channels_last"),
        layer("Dense", "d", [["f", 0, 0]], units=3, activation="linear", use_bias=True),
    ]
    settings = {"input_layers": [["in1", 0, 0]], "output_layers": [["d", 0, 0]]}
    return {"class_name": "Model", "config": {"name": "net", "layers": outer, **settings}}


@pytest.mark.parametrize("names", ["as written", "without a meaning"])
def test_keras_2_nested_functional(tmp_path: Path, names: str) -> None:
    block = [KERNEL, BIAS, NORM[0], NORM[1], NORM[2], NORM[3]]
    written = ["c/kernel:0", "c/bias:0", "n/gamma:0", "n/beta:0"]
    written += ["n/moving_mean:0", "n/moving_variance:0"]
    if names == "without a meaning":
        written = [f"weight_{i}" for i in range(6)]
    with h5py.File(tmp_path / "old.h5", "w") as file:
        file.attrs["model_config"] = json.dumps(keras_2_nested()).encode()
        file.attrs["keras_version"] = b"2.2.4-tf"
        weights = {"in1": {}, "block": dict(zip(written, block, strict=True)), "r": {}, "f": {}}
        weights["d"] = {"d/kernel:0": DENSE[0], "d/bias:0": DENSE[1]}
        write_weights(file.create_group("model_weights"), weights)
    assert_reference(tmp_path / "old.h5", "2.2.4-tf")


@pytest.mark.parametrize("name", ["nested", "nested_frozen"])
def test_order_decides_where_names_of_inner_weights_say_nothing(name: str, tmp_path: Path) -> None:
    keras_model = layer_models()[name]()
    keras_model.save(tmp_path / "m.h5")
    with h5py.File(tmp_path / "m.h5", "a") as file:
        group = file["model_weights/pair"]
        names = list(group.attrs["weight_names"])
        assert len(names) == 12
        for i, weight in enumerate(names):
            group.move(weight, f"weight_{i}")
        group.attrs["weight_names"] = [f"weight_{i}" for i in range(12)]
    assert_same(export_network(read_network(tmp_path / "m.h5"))[0], keras_model)


def test_weights_are_matched_in_order_where_layers_were_renamed(tmp_path: Path) -> None:
    config = keras_2_nested()
    (tmp_path / "net.json").write_text(json.dumps(config))
    block = {"x/kernel:0": KERNEL, "x/bias:0": BIAS}
    norm = ["gamma", "beta", "moving_mean", "moving_variance"]
    block |= {f"y/{name}:0": values for name, values in zip(norm, NORM, strict=True)}
    weights = {"block_7": block, "dense_9": {"dense_9/kernel:0": DENSE[0], "b:0": DENSE[1]}}
    with h5py.File(tmp_path / "other.h5", "w") as file:
        write_weights(file, weights)
    network = read_network(tmp_path / "net.json", tmp_path / "other.h5")
    got = onnx_predict(export_network(network)[0])(frames_for((6, 6, 2)))
    assert np.allclose(got, reference_network(), rtol=1e-4, atol=1e-4)


def test_json_with_weights_of_keras_3(folder: Path) -> None:
    keras_model = layer_models()["nested"]()
    (folder / "three.json").write_text(keras_model.to_json())
    keras_model.save_weights(folder / "three.weights.h5")
    network = read_network(folder / "three.json")
    assert_same(export_network(network)[0], keras_model)
    assert network.format == "JSON architecture + HDF5"


def test_folders_of_keras_3(folder: Path) -> None:
    keras_model = layer_models()["nested"]()
    keras_model.save(folder / "unpacked", zipped=False)
    network = read_network(folder / "unpacked")
    assert_same(export_network(network)[0], keras_model)
    assert network.format == "Keras folder"
    assert network.keras_version.startswith("3.")
    source = open_model(folder / "unpacked")
    assert source.format == "Keras folder"
    (folder / "unpacked" / "metadata.json").unlink()
    assert read_network(folder / "unpacked").keras_version == "unknown"


# What Keras 2 wrote otherwise.


def old_model(path: Path, shape: list[int], layer: dict[str, Any], weights: dict[str, Any]) -> Path:
    """Write a model of one layer as Keras 2.4 did."""
    source = {"class_name": "InputLayer", "config": {"name": "in", "batch_input_shape": shape}}
    config = {"class_name": "Sequential", "config": {"name": "net", "layers": [source, layer]}}
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = json.dumps(config)
        file.attrs["keras_version"] = b"2.4.0"
        write_weights(file.create_group("model_weights"), {layer["config"]["name"]: weights})
    return path


def computed(path: Path, frames: np.ndarray) -> np.ndarray:
    return onnx_predict(export_network(read_network(path))[0])(frames)


def test_depthwise_convolution_of_keras_2_has_groups(tmp_path: Path) -> None:
    kernel = RANDOM.uniform(-1, 1, (3, 3, 2, 2)).astype(np.float32)
    config = {
        "name": "d", "dtype": "float32", "kernel_size": [3, 3], "strides": [1, 1], "groups": 1,
        "padding": "valid", "data_format": "channels_last", "dilation_rate": [1, 1],
        "activation": "linear", "use_bias": False, "depth_multiplier": 2,
        "depthwise_initializer": {"class_name": "Zeros"}, "depthwise_constraint": None,
    }  # fmt: skip
    layer = {"class_name": "DepthwiseConv2D", "config": config}
    weights = {"d/depthwise_kernel:0": kernel}
    path = old_model(tmp_path / "m.h5", [None, 6, 6, 2], layer, weights)
    frames = frames_for((6, 6, 2))
    expected = np.zeros((7, 4, 4, 4))
    for row, column in np.ndindex(3, 3):
        part = frames[:, row : row + 4, column : column + 4, :, np.newaxis] * kernel[row, column]
        expected += part.reshape(7, 4, 4, 4)
    assert np.allclose(computed(path, frames), expected, atol=1e-5)
    assert load_float_onnx(path).export_error < TOLERANCE


def test_hard_sigmoid_is_that_of_the_keras_that_wrote_the_file(tmp_path: Path) -> None:
    layer = {"class_name": "Activation", "config": {"name": "a", "activation": "hard_sigmoid"}}
    path = old_model(tmp_path / "m.h5", [None, 6], layer, {})
    frames = frames_for((6,))
    assert np.allclose(computed(path, frames), np.clip(0.2 * frames + 0.5, 0, 1), atol=1e-6)
    assert load_float_onnx(path).export_error < TOLERANCE


def test_thresholded_relu_of_keras_2(tmp_path: Path) -> None:
    layer = {"class_name": "ThresholdedReLU", "config": {"name": "t", "theta": 0.5}}
    path = old_model(tmp_path / "m.h5", [None, 6], layer, {})
    frames = frames_for((6,))
    assert np.array_equal(computed(path, frames), np.where(frames > 0.5, frames, 0))
    assert load_float_onnx(path).export_error < TOLERANCE


@pytest.mark.parametrize("name", ["RandomHeight", "RandomFlip", "GaussianNoise"])
def test_training_only_layers_of_keras_2_vanish(name: str, tmp_path: Path) -> None:
    layer = {"class_name": name, "config": {"name": "r", "factor": 0.2, "seed": 3}}
    weights = {"r/StateVar:0": np.zeros(3, np.int64)}
    path = old_model(tmp_path / "m.h5", [None, 6, 6, 2], layer, weights)
    frames = frames_for((6, 6, 2))
    assert np.array_equal(computed(path, frames), frames)


def test_experimental_preprocessing_of_keras_2_vanishes(tmp_path: Path) -> None:
    """As TensorFlow 2.3 named it: keras.layers.experimental.preprocessing."""
    module = "tensorflow.python.keras.layers.preprocessing.image_preprocessing"
    config = {"name": "flip", "mode": "horizontal", "seed": None, "trainable": True}
    layer = {"class_name": "RandomFlip", "module": module, "config": config}
    path = old_model(tmp_path / "m.h5", [None, 6, 6, 2], layer, {})
    frames = frames_for((6, 6, 2))
    assert np.array_equal(computed(path, frames), frames)


def test_training_only_layers_vanish_in_nested_models(tmp_path: Path) -> None:
    keras = start_tensorflow()
    L = keras.layers
    inner = [L.GaussianNoise(0.1), L.Conv2D(2, 3), L.SpatialDropout2D(0.3), L.AlphaDropout(0.2)]
    block = keras.Sequential([keras.Input((6, 6, 2)), *inner], name="block")
    augment = keras.Sequential([keras.Input((8, 8, 2)), L.RandomFlip(), L.RandomZoom(0.1)])
    ends = [L.ActivityRegularization(0.1), L.Flatten(), L.Dropout(0.5), L.Dense(2)]
    layers = [keras.Input((8, 8, 2), name="pixels"), augment, L.Conv2D(2, 3), block, *ends]
    model = keras.Sequential(layers)
    for ending in ("h5", "keras"):
        model.save(tmp_path / f"m.{ending}")
        assert_same(export_network(read_network(tmp_path / f"m.{ending}"))[0], model)


def test_spatial_dropout_of_volumes_vanishes(tmp_path: Path) -> None:
    L = start_tensorflow().layers
    volume = L.Reshape((2, 3, 4, 2))
    model = sequential((48,), volume, L.SpatialDropout3D(0.5), L.Flatten(), L.Dense(3))
    model.save(tmp_path / "m.keras")
    assert_same(export_network(read_network(tmp_path / "m.keras"))[0], model)


def test_random_image_layers_do_nothing_in_inference(tmp_path: Path) -> None:
    keras = start_tensorflow()
    L = keras.layers
    names = [n for n in TRAINING_ONLY if n.startswith("Rand") and hasattr(L, n)] + ["AugMix"]
    given = {"RandomFlip": {}, "RandomGaussianBlur": {}, "RandomGrayscale": {}, "RandomInvert": {}}
    given |= {"RandomColorJitter": {}, "RandomErasing": {}, "RandomElasticTransform": {}}
    given |= {"RandomPerspective": {}, "RandomShear": {}, "RandomPosterization": {"factor": 4}}
    given["RandomTranslation"] = {"height_factor": 0.2, "width_factor": 0.2}
    given["RandomZoom"] = {"height_factor": 0.2}
    given |= {"AugMix": {}, "RandAugment": {}}
    layers = {name: getattr(L, name)(**given.get(name, {"factor": 0.2})) for name in names}
    assert len(layers) > 15
    frames = 100 * frames_for((8, 8, 3))
    for name, layer in layers.items():
        assert np.array_equal(layer(frames, training=False), frames), name
    kept = [layers[f"Random{what}"] for what in ("Flip", "Rotation", "Zoom", "Contrast")]
    chain = keras.Sequential([keras.Input((8, 8, 3), name="pixels"), *kept, L.Conv2D(2, 3)])
    source = keras.Input((8, 8, 3), name="pixels")
    graph = keras.Model(source, chain.layers[-1](kept[0](source)))  # saved with training=True
    for model in (chain, graph):
        for ending in ("h5", "keras"):
            model.save(tmp_path / f"m.{ending}")
            assert_same(export_network(read_network(tmp_path / f"m.{ending}"))[0], model)
