"""Hostile and broken model files: each is refused in one line, without TensorFlow."""

from __future__ import annotations

import io
import json
import os
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from frontend import limits
from frontend.guard import try_to_read
from frontend.layers import SUPPORTED
from frontend.layers.base import ACTIVATION
from frontend.layers.wrapping import AT_EACH_POSITION
from frontend.network import Network, read_network
from ir.errors import CompileError

KERNEL = np.arange(12, dtype=np.float32).reshape(4, 3)
BIAS = np.ones(3, np.float32)
ALL = ", ".join(sorted(SUPPORTED))
RESAVE = "save the model again with Keras"
REFIT = "give the weights that were saved with this architecture"


def layer(kind: str, name: str = "bad", **config: Any) -> dict[str, Any]:
    return {"class_name": kind, "config": {"name": name, **config}}


def entry(shape: Any, name: str = "in") -> dict[str, Any]:
    return layer("InputLayer", name, batch_input_shape=shape)


DENSE = layer("Dense", "fc", units=3)


def model_of(*layers: dict[str, Any]) -> dict[str, Any]:
    return {"class_name": "Sequential", "config": {"name": "net", "layers": list(layers)}}


GOOD = model_of(entry([None, 4]), DENSE)


def write_h5(
    path: Path | io.BytesIO, config: Any = GOOD, weights: dict[str, Any] | None = None
) -> Any:
    """Write a model as Keras 2 does; ``weights`` are those of the layer ``fc``."""
    with h5py.File(path, "w") as file:
        text = config if isinstance(config, bytes) else json.dumps(config).encode()
        file.attrs["model_config"] = text
        group = file.create_group("model_weights")
        group.attrs["layer_names"] = [b"fc"]
        fc = group.create_group("fc")
        weights = {"kernel:0": KERNEL, "bias:0": BIAS} if weights is None else weights
        fc.attrs["weight_names"] = [name.encode() for name in weights]
        for name, values in weights.items():
            fc[name] = values
    return path


def refusal(path: Path, *more: Path) -> str:
    """Return the one line with which ``path`` is refused, the folder cut off."""
    with pytest.raises(CompileError) as caught:
        read_network(path, *more)
    message = str(caught.value)
    assert "\n" not in message
    assert message.isprintable()
    return message.replace(f"{path.parent}/", "")


def test_the_good_one_is_loaded(tmp_path: Path) -> None:
    network = read_network(write_h5(tmp_path / "m.h5"))
    assert isinstance(network, Network)
    assert np.array_equal(network.steps[0].weights["kernel"], KERNEL)


# The file


def truncated(path: Path) -> None:
    write_h5(path)
    path.write_bytes(path.read_bytes()[:1500])


def scrambled(path: Path) -> None:
    write_h5(path)
    data = bytearray(path.read_bytes())
    data[96:600] = bytes(504)
    path.write_bytes(data)


def weights_only(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file["x"] = BIAS


FILES: dict[str, tuple[str, Callable[[Path], Any], str]] = {
    "text": ("m.h5", lambda p: p.write_text("hello\n"), "is not an HDF5 file (its content is "
             "text)"),
    "png": ("m.h5", lambda p: p.write_bytes(b"\x89PNG\r\n\x1a\n00"), "is not an HDF5 file (its "
            "content is PNG)"),
    "zip": ("m.h5", lambda p: zipfile.ZipFile(p, "w").writestr("a", "b"), "is not an HDF5 file "
            "(its content is ZIP)"),
}  # fmt: skip


@pytest.mark.parametrize("case", FILES)
def test_files_of_another_kind(case: str, tmp_path: Path) -> None:
    name, write, problem = FILES[case]
    write(tmp_path / name)
    remedy = "save the model with Keras, or give the file its right ending"
    assert refusal(tmp_path / name) == f"{name}: {problem}; {remedy}"


def test_paths_that_are_no_files(tmp_path: Path) -> None:
    (tmp_path / "folder.h5").mkdir()
    os.mkfifo(tmp_path / "pipe.h5")
    (tmp_path / "empty.h5").touch()
    write_h5(tmp_path / "model.onnx")
    write_h5(tmp_path / "whole.h5")
    big = tmp_path / "big.h5"
    with big.open("wb") as stream:
        stream.truncate(limits.MAX_FILE_BYTES + 1)  # a sparse file: takes no space
    assert refusal(tmp_path / "none.h5") == "none.h5: does not exist; check the path"
    assert refusal(tmp_path / "empty.h5") == ("empty.h5: is empty (0 bytes); save or copy it again")
    assert refusal(tmp_path / "folder.h5") == ("folder.h5: is a directory, not a file; name a file")
    assert refusal(tmp_path / "pipe.h5") == "pipe.h5: is a device or pipe, not a file; name a file"
    assert refusal(tmp_path / "model.onnx") == (
        "model.onnx: is not named as a Keras model; name one of .h5, .hdf5, .keras, .json"
    )
    assert refusal(tmp_path / "whole.h5", tmp_path / "w.h5") == (
        "whole.h5: holds its own weights; name a .json file, or give no weights file"
    )
    assert refusal(big) == (
        "big.h5: has 1073741825 bytes, more than the limit of 1073741824; "
        "save the model without the optimizer's state (include_optimizer=False)"
    )
    assert refusal(tmp_path / "a\nb\x1b[31m.h5") == (
        "a\\nb\\x1b[31m.h5: does not exist; check the path"
    )


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_read_permission(tmp_path: Path) -> None:
    write_h5(tmp_path / "m.h5").chmod(0)
    assert refusal(tmp_path / "m.h5") == (
        "m.h5: may not be read by this user; change its permissions"
    )


def test_a_file_that_may_not_be_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise PermissionError(13, "Permission denied")

    write_h5(tmp_path / "m.h5")
    monkeypatch.setattr(Path, "open", refuse)
    assert refusal(tmp_path / "m.h5") == (
        "m.h5: may not be read by this user; change its permissions"
    )


@pytest.mark.parametrize("write", [truncated, scrambled])
def test_damaged_hdf5(write: Callable[[Path], None], tmp_path: Path) -> None:
    write(tmp_path / "m.h5")
    message = refusal(tmp_path / "m.h5")
    assert message.startswith("m.h5: is truncated or damaged (")
    assert message.endswith("); copy or save it again")


@pytest.mark.parametrize("cut", range(8, 4096, 97))
def test_no_truncation_gets_through(cut: int, tmp_path: Path) -> None:
    data = write_h5(tmp_path / "m.h5").read_bytes()
    (tmp_path / "m.h5").write_bytes(data[:cut])
    refusal(tmp_path / "m.h5")


def test_single_damaged_bytes_never_escape_as_other_errors(tmp_path: Path) -> None:
    data = write_h5(tmp_path / "m.h5").read_bytes()
    random = np.random.default_rng(5)
    refused = 0
    for position in random.integers(0, 2000, 16):
        broken = bytearray(data)
        broken[position] ^= int(random.integers(1, 256))
        (tmp_path / "m.h5").write_bytes(broken)
        try:
            try_to_read(tmp_path / "m.h5", seconds=5)
        except CompileError:
            refused += 1
    assert refused > 0


def test_weights_without_an_architecture(tmp_path: Path) -> None:
    weights_only(tmp_path / "m.h5")
    assert refusal(tmp_path / "m.h5") == (
        "m.h5: holds weights only; name the .json of the architecture"
    )


@pytest.mark.parametrize(
    ("config", "problem"),
    [
        (b"{", "Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"),
        (b"[" * 200_000, "maximum recursion depth exceeded while decoding a JSON array from a "
         "unicode string"),
        (b'{"a": NaN}', "NaN is no JSON value"),
    ],
)  # fmt: skip
def test_configurations_that_are_no_json(config: bytes, problem: str, tmp_path: Path) -> None:
    (tmp_path / "m.json").write_bytes(config)
    assert (
        refusal(tmp_path / "m.json") == f"m.json: has a damaged configuration ({problem}); {RESAVE}"
    )


@pytest.mark.parametrize(
    "config", [[], 3, {}, {"class_name": "Dense", "config": {}}, {"config": 1}]
)
def test_json_that_is_no_model(config: Any, tmp_path: Path) -> None:
    (tmp_path / "m.json").write_text(json.dumps(config))
    write_h5(tmp_path / "m_weights.h5")
    message = refusal(tmp_path / "m.json")
    assert message.startswith("m.json: ")


def write_folder(folder: Path) -> Path:
    """Write what Keras 3 does with ``zipped=False``."""
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(GOOD))
    (folder / "metadata.json").write_text('{"keras_version": "3.10.0"}')
    with h5py.File(folder / "model.weights.h5", "w") as file:
        file["x"] = BIAS
    return folder


def test_folders_of_keras_3(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "m")
    (folder / "metadata.json").write_text("[" + " " * 2**20 + "]")
    assert refusal(folder) == ("m/metadata.json: has more than 1048576 bytes; save the model again")
    (folder / "metadata.json").write_text("{")
    assert refusal(folder).startswith("m/metadata.json: has a damaged configuration (Expecting ")
    (folder / "metadata.json").unlink()
    (folder / "model.weights.h5").rename(tmp_path / "elsewhere.h5")
    assert refusal(folder) == "m/model.weights.h5: does not exist; check the path"
    (folder / "model.weights.h5").symlink_to(tmp_path / "elsewhere.h5")
    assert refusal(folder) == (
        "m/model.weights.h5: is a link that leads out of the model's folder; copy the file itself"
    )
    (folder / "model.weights.h5").unlink()
    (folder / "model.weights.h5").write_text("hello")
    assert refusal(folder).startswith("m/model.weights.h5: is not an HDF5 file (its content is ")
    assert refusal(folder, tmp_path / "w.h5") == (
        "m: holds its own weights; name a .json file, or give no weights file"
    )


def test_a_json_without_weights(tmp_path: Path) -> None:
    (tmp_path / "m.json").write_text(json.dumps(GOOD))
    assert refusal(tmp_path / "m.json") == (
        "m.json: has no weights m_weights.h5 beside it; name the weights file with --weights"
    )


def test_the_child_that_reads_first_is_held_to_its_limits(tmp_path: Path) -> None:
    path = write_h5(tmp_path / "m.h5")
    try_to_read(path)
    late = r"m\.h5: is damaged \(reading it took more than 0\.001 seconds\); copy or save it again$"
    with pytest.raises(CompileError, match=late):
        try_to_read(path, seconds=0.001)
    dead = r"m\.h5: is damaged \(reading it ended with status -?\d+\); copy or save it again$"
    with pytest.raises(CompileError, match=dead):
        try_to_read(path, memory_bytes=1)


@pytest.mark.parametrize("name", ["none.h5", "new\nline.h5", "nul\0.h5"])
def test_the_child_refuses_as_the_parent_does(name: str, tmp_path: Path) -> None:
    with pytest.raises(CompileError) as caught:
        try_to_read(tmp_path / name)
    shown = name.replace("\n", "\\n").replace("\0", "\\x00")
    assert str(caught.value) == f"{tmp_path}/{shown}: does not exist; check the path"


# Archives


def archive(path: Path, config: Any = GOOD, weights: bytes | None = None, **more: Any) -> Path:
    with zipfile.ZipFile(path, "w", **more) as file:
        file.writestr("config.json", json.dumps(config))
        if weights is not None:
            file.writestr("model.weights.h5", weights)
    return path


def test_archives(tmp_path: Path) -> None:
    (tmp_path / "text.keras").write_text("hello")
    archive(tmp_path / "half.keras", weights=bytes(5000))
    (tmp_path / "half.keras").write_bytes((tmp_path / "half.keras").read_bytes()[:2000])
    with zipfile.ZipFile(tmp_path / "other.keras", "w") as file:
        file.writestr("readme", "x")
    archive(tmp_path / "bare.keras")
    archive(tmp_path / "zeros.keras", weights=bytes(5000))
    assert refusal(tmp_path / "text.keras") == (
        "text.keras: is not a Keras archive (its content is text); copy or save it again"
    )
    assert refusal(tmp_path / "half.keras") == (
        "half.keras: is truncated or damaged (File is not a zip file); copy or save it again"
    )
    assert refusal(tmp_path / "other.keras") == (
        "other.keras: is an archive but no Keras model; save the model with Keras"
    )
    assert refusal(tmp_path / "bare.keras") == (
        "bare.keras: holds no model.weights.h5; save the model with its weights"
    )
    assert refusal(tmp_path / "zeros.keras") == (
        "zeros.keras: is not an HDF5 file (its content is unknown); "
        "save the model with Keras, or give the file its right ending"
    )


def test_a_zip_bomb_is_not_unpacked(tmp_path: Path) -> None:
    bomb = archive(tmp_path / "bomb.keras", weights=bytes(2**27), compression=zipfile.ZIP_DEFLATED)
    packed = zipfile.ZipFile(bomb).getinfo("model.weights.h5").compress_size
    assert refusal(bomb) == (
        f"bomb.keras: its model.weights.h5 unpacks from {packed} to 134217728 bytes; {RESAVE}"
    )


# Sizes


def test_absurd_sizes(tmp_path: Path) -> None:
    def refused(*layers: dict[str, Any]) -> str:
        return refusal(write_h5(tmp_path / "m.h5", model_of(*layers)))

    image = [None, 8, 8, 3]
    assert refused(entry([None, 1000]), layer("Dense", "fc", units=2**20)) == (
        "fc: brings the model to 1049624576 parameters, more than the limit of 67108864; "
        "use a smaller layer"
    )
    assert refused(entry([None, 4]), layer("Dense", "fc", units=10**12)) == (
        "fc: units of Dense must be a whole number from 1 up, not 1000000000000; "
        "change the layer and train the model again"
    )
    assert refused(entry([None, 2**20, 2**20, 1]), layer("Flatten", "f")) == (
        "in: its output [1048576, 1048576, 1] has 1099511627776 elements, more than the limit of "
        "67108864; use a smaller input or a larger stride"
    )
    assert refused(entry(image), layer("ZeroPadding2D", "pad", padding=[9000, 9000])) == (
        "pad: its output [18008, 18008, 3] has 972864192 elements, more than the limit of "
        "67108864; use a smaller input or a larger stride"
    )
    assert refused(entry(image), layer("Conv2D", "c", filters=1, kernel_size=9)) == (
        "c: its output [0, 0, 1] has no elements; "
        "enlarge the input or shrink kernels, pools and strides"
    )
    assert refused(entry([None, 0]), DENSE) == (
        "in: its output [0] has no elements; enlarge the input or shrink kernels, pools and strides"
    )
    assert refused(entry([None, None, None, 3]), DENSE) == (
        "in: dimension 1 of its input [None, None, None, 3] is unknown (None); "
        "build the model with a fixed input size"
    )
    assert refused(entry([None, 4, 4, 4, 3]), DENSE) == (
        "in: its input shape must be [batch, features] or [batch, height, width, channels], not "
        "[None, 4, 4, 4, 3]; use a supported input"
    )
    assert refused(DENSE) == (
        "m.h5: does not say its input shape; start the model with keras.Input(shape)"
    )
    assert read_network(write_h5(tmp_path / "m.h5", model_of(entry([1, 4]), DENSE)))


def test_nesting_without_end(tmp_path: Path) -> None:
    inner: dict[str, Any] = model_of(entry([None, 4]), DENSE)
    for depth in range(40):
        inner = model_of(entry([None, 4]), inner)
        inner["config"]["name"] = f"n{depth}"
    assert refusal(write_h5(tmp_path / "m.h5", inner)) == (
        f"m.h5: nests models deeper than 16; {RESAVE}"
    )


def test_models_without_layers(tmp_path: Path) -> None:
    empty = model_of(entry([None, 4]))
    outer = model_of(entry([None, 4]), empty)
    assert refusal(write_h5(tmp_path / "m.h5", empty)) == (
        "m.h5: has no layers but its input; add layers"
    )
    assert refusal(write_h5(tmp_path / "m.h5", outer)) == (
        "net: has no layers but its input; add layers"
    )


def test_calls_that_multiply(tmp_path: Path) -> None:
    """Each model calls the one inside it ten times: 10**8 layers from a few kilobytes."""
    inner = model_of(entry([None, 4]), layer("ReLU", "r"))
    for _ in range(8):
        source = entry([None, 4]) | {"name": "in", "inbound_nodes": []}
        calls = [[["in", 0, 0, {}]], *([["net", call, 0, {}]] for call in range(1, 10))]
        members = [source, inner | {"name": "net", "inbound_nodes": calls}]
        wires = {"input_layers": [["in", 0, 0]], "output_layers": [["net", 10, 0]]}
        inner = {"class_name": "Model", "config": {"name": "net", "layers": members, **wires}}
    assert refusal(write_h5(tmp_path / "m.h5", inner)) == (
        "m.h5: calls more than 4096 layers; use a smaller model"
    )


# Layers


UNSUPPORTED: list[tuple[dict[str, Any], str]] = [
    (layer("LSTM", units=2), "layers of class 'LSTM' are not supported"),
    (layer("Conv3D"), "layers of class 'Conv3D' are not supported"),
    (layer("Merge", mode="sum"), "layers of class 'Merge' are not supported"),
    (layer("RandomCrop"), "layers of class 'RandomCrop' are not supported"),
    (layer("Average") | {"module": "keras.src.ops.numpy"}, "layers of class 'Average' are not "
     "supported"),
    (layer("Concatenate", axis=1) | {"module": "keras.src.ops.numpy"}, "layers of class "
     "'Concatenate' are not supported"),
    (layer("os.system"), "layers of class 'system' are not supported"),
]  # fmt: skip


@pytest.mark.parametrize(("bad", "problem"), UNSUPPORTED)
def test_unsupported_layers(bad: dict[str, Any], problem: str, tmp_path: Path) -> None:
    path = write_h5(tmp_path / "m.h5", model_of(entry([None, 4, 4, 2]), bad))
    assert refusal(path) == f"bad: {problem}; supported are {ALL} and nested models"


TRAIN = "change the layer and train the model again"
AGAIN = "change the model and train it again"
CONV: dict[str, Any] = {"filters": 2, "kernel_size": [3, 3]}
PARAMETERS = [
    (layer("Conv2D", **CONV, groups=0), "groups of Conv2D must be a whole number from 1 up, not "
     f"0; {TRAIN}"),
    (layer("Conv2D", filters=3, kernel_size=1, groups=3), "groups must divide its 2 input "
     "channels, not 3; change the model and train it again"),
    (layer("Conv2D", filters=3, kernel_size=1, groups=2), "groups must divide its 3 filters, not "
     "2; change the model and train it again"),
    (layer("Conv2D", **CONV, data_format="channels_first"), "data_format of Conv2D must be "
     f"'channels_last', not 'channels_first'; {TRAIN}"),
    (layer("Convolution2D", nb_filter=2, nb_row=3, nb_col=3, dim_ordering="th"), "data_format of "
     f"Conv2D must be 'channels_last', not 'channels_first'; {TRAIN}"),
    (layer("Conv2D", **CONV, padding="causal"), "padding of Conv2D must be 'valid' or 'same', not "
     f"'causal'; {TRAIN}"),
    (layer("Conv2D", **CONV, strides=[2, 2], dilation_rate=[2, 2]), "strides and dilation_rate "
     "must not both be above 1; change the model and train it again"),
    (layer("Conv2D", filters=0, kernel_size=3), "filters of Conv2D must be a whole number from 1 "
     f"up, not 0; {TRAIN}"),
    (layer("Conv2D", filters=2), "kernel_size of Conv2D is missing; save the model again"),
    (layer("Conv2D", **CONV, activation="glu"), f"activation of Conv2D must be {ACTIVATION.text}, "
     f"not 'glu'; {TRAIN}"),
    (layer("Conv2D", **CONV, activation={"module": "os", "class_name": "function"}), "activation "
     f"of Conv2D must be {ACTIVATION.text}, not a custom object; {TRAIN}"),
    (layer("Conv2D", **CONV, lora_rank=4), "parameter 'lora_rank' of Conv2D is not supported; "
     "supported are kernel_size, strides, padding, dilation_rate, filters, groups, activation, "
     "use_bias, data_format"),
    (layer("Conv2D", **CONV, dtype="mixed_float16"), "computes in 'mixed_float16', not in float32; "
     "rebuild the model with dtype float32 and load the weights into it"),
    (layer("BatchNormalization", axis=[1]), "axis must be -1 (the channels), not 1; "
     "change the model and train it again"),
    (layer("BatchNormalization", renorm=True), "parameter 'renorm' of BatchNormalization is not "
     "supported; supported are axis, epsilon, center, scale"),
    (layer("Normalization", invert=True), "invert of Normalization must be False, not "
     f"True; {TRAIN}"),
    (layer("Rescaling", scale=[1, 2, 3]), "scale must have 1 or 2 values, not 3; "
     "change the model and train it again"),
    (layer("ReLU", negative_slope=-1), "negative_slope of ReLU must be a finite number from 0 up, "
     f"not -1; {TRAIN}"),
    (layer("ReLU", threshold=1e39), "threshold of ReLU must be a finite number from 0 up, not "
     f"1e+39; {TRAIN}"),
    (layer("TimeDistributed", layer=layer("Conv1D", filters=2, kernel_size=1)), "layer of "
     f"TimeDistributed must be {' or '.join(map(repr, AT_EACH_POSITION))}, not 'Conv1D'; "
     "use a layer that takes all steps at once"),
    (layer("TimeDistributed"), "layer of TimeDistributed is missing; save the model again"),
    (layer("Softmax", axis=4), "axis must be of the axes 1 to 3, each once, not 4; "
     "change the model and train it again"),
    (layer("Softmax", axis=[1, -3]), "axis must be of the axes 1 to 3, each once, not [1, -3]; "
     "change the model and train it again"),
    (layer("Softmax", axis=0), "axis of Softmax must be one or more axes but the batch, not 0; "
     f"{TRAIN}"),
    (layer("DepthwiseConv2D", kernel_size=3, groups=2), "parameter 'groups' of DepthwiseConv2D is "
     "not supported; supported are kernel_size, strides, padding, dilation_rate, depth_multiplier, "
     "activation, use_bias, data_format"),
    (layer("DepthwiseConv2D", kernel_size=3, strides=[1, 2]), "strides must be equal, not [1, 2]; "
     f"{AGAIN}"),
    (layer("DepthwiseConv2D", kernel_size=3, depth_multiplier=0), "depth_multiplier of "
     f"DepthwiseConv2D must be a whole number from 1 up, not 0; {TRAIN}"),
    (layer("SeparableConv2D", **CONV, strides=2, dilation_rate=2), "strides and dilation_rate must "
     f"not both be above 1; {AGAIN}"),
    (layer("Conv1D", filters=2, kernel_size=3), "its input must be [steps, channels], not "
     f"[4, 4, 2]; {AGAIN}"),
    (layer("Conv1D", filters=2, kernel_size=[3, 3]), "kernel_size of Conv1D must be a whole number "
     f"from 1 up, not [3, 3]; {TRAIN}"),
    (layer("SeparableConv1D", filters=2, kernel_size=3, padding="causal"), "padding of "
     f"SeparableConv1D must be 'valid' or 'same', not 'causal'; {TRAIN}"),
    (layer("Conv2DTranspose", **CONV, dilation_rate=2), "dilation_rate must be 1, not [2, 2]; "
     f"{AGAIN}"),
    (layer("Conv2DTranspose", **CONV, output_padding=1), "output_padding must be below strides, "
     f"not 1; {AGAIN}"),
    (layer("Conv2DTranspose", filters=2, kernel_size=2, strides=2, padding="same",
           output_padding=0), "output_padding must not be 0 with an even kernel_size and 'same'; "
     f"{AGAIN}"),
    (layer("AveragePooling2D", pool_size=0), "pool_size of AveragePooling2D must be one or two "
     f"whole numbers from 1 up, not 0; {TRAIN}"),
    (layer("UpSampling2D", interpolation="bicubic"), "interpolation of UpSampling2D must be "
     f"'nearest' or 'bilinear', not 'bicubic'; {TRAIN}"),
    (layer("UpSampling2D", size=2**20), "its output [4194304, 4194304, 2] has 35184372088832 "
     "elements, more than the limit of 67108864; use a smaller input or a larger stride"),
    (layer("Cropping2D", cropping=3), "its output [0, 0, 2] has no elements; enlarge the input or "
     "shrink kernels, pools and strides"),
    (layer("Reshape", target_shape=[5, -1]), "target_shape must hold its 32 elements, not "
     f"[5, -1]; {AGAIN}"),
    (layer("Reshape", target_shape=[8, 2]), f"target_shape must hold its 32 elements, not [8, 2]; "
     f"{AGAIN}"),
    (layer("Reshape", target_shape=[-1, -1]), "target_shape of Reshape must be 1 to 4 whole "
     f"numbers from 1 up, one may be -1, not [-1, -1]; {TRAIN}"),
    (layer("Permute", dims=[1, 1, 2]), f"dims must be the axes 1 to 3, not [1, 1, 2]; {AGAIN}"),
    (layer("RepeatVector", n=3), f"its input must be a vector, not [4, 4, 2]; {AGAIN}"),
    (layer("PReLU", shared_axes=[4]), f"shared_axes must be of the axes 1 to 3, not [4]; {AGAIN}"),
    (layer("LayerNormalization", axis=-4), "axis must be of the axes 1 to 3, each once, not -4; "
     f"{AGAIN}"),
    (layer("LayerNormalization", rms_scaling=True), "parameter 'rms_scaling' of "
     "LayerNormalization is not supported; supported are axis, epsilon, center, scale"),
    (layer("Concatenate", axis=0), f"axis must be -1 or 1 to 3, not 0; {AGAIN}"),
    (layer("Subtract"), f"takes 2 tensors, not 1; {AGAIN}"),
]  # fmt: skip


@pytest.mark.parametrize(("bad", "problem"), PARAMETERS)
def test_unsupported_parameters(bad: dict[str, Any], problem: str, tmp_path: Path) -> None:
    path = write_h5(tmp_path / "m.h5", model_of(entry([None, 4, 4, 2]), bad))
    assert refusal(path) == f"bad: {problem}"


def test_merges_of_shapes_that_do_not_fit(tmp_path: Path) -> None:
    def refused(kind: str, *shapes: list[int], **config: Any) -> str:
        names = [f"i{n}" for n in range(len(shapes))]
        inputs = [
            entry([None, *shape], name) | {"name": name, "inbound_nodes": []}
            for name, shape in zip(names, shapes, strict=True)
        ]
        wires = [[[name, 0, 0, {}] for name in names]]
        merge = layer(kind, **config) | {"name": "bad", "inbound_nodes": wires}
        ends = {"input_layers": [[name, 0, 0] for name in names], "output_layers": [["bad", 0, 0]]}
        net = {"class_name": "Model", "config": {"name": "net", "layers": [*inputs, merge], **ends}}
        return refusal(write_h5(tmp_path / "m.h5", net))

    assert refused("Add", [4], [5]) == f"bad: its inputs must have one shape, not [4], [5]; {AGAIN}"
    assert refused("Multiply", [4, 4, 2], [2]) == (
        f"bad: its inputs must have as many axes as each other, not [4, 4, 2], [2]; {AGAIN}"
    )
    assert refused("Subtract", [4], [4], [4]) == f"bad: takes 2 tensors, not 3; {AGAIN}"
    assert refused("Concatenate", [4, 2], [3, 3], axis=1) == (
        f"bad: its inputs must differ along axis 1 only: [4, 2], [3, 3]; {AGAIN}"
    )


def test_constants_and_operators(tmp_path: Path) -> None:
    tensor = {"class_name": "__keras_tensor__", "config": {"keras_history": ["in", 0, 0]}}

    def refused(kind: str, *arguments: Any) -> str:
        calls = [{"args": list(arguments), "kwargs": {}}]
        operator = layer(kind) | {"name": "bad", "module": "keras.src.ops.numpy"}
        source = entry([None, 4]) | {"name": "in", "inbound_nodes": []}
        ends = {"input_layers": ["in", 0, 0], "output_layers": ["bad", 0, 0]}
        layers = [source, operator | {"inbound_nodes": calls}]
        net = {"class_name": "Functional", "config": {"name": "net", "layers": layers, **ends}}
        return refusal(write_h5(tmp_path / "m.h5", net))

    assert refused("Maximum", tensor, 2.0) == (
        "bad: is called with the constant 2.0; use a layer instead, such as Rescaling"
    )
    assert refused("Add", tensor, 1e39) == (
        "bad: is called with the constant 1e+39; use a layer instead, such as Rescaling"
    )
    assert refused("TrueDivide", tensor, 0) == (
        f"bad: layers of class 'TrueDivide' are not supported; supported are {ALL} and nested "
        "models"
    )
    assert refused("Add", tensor, {"class_name": "__keras_tensor__"}) == (
        f"m.h5: has a connection that can't be read; {RESAVE}"
    )


def test_bilinear_images_of_tensorflow_1_are_refused(tmp_path: Path) -> None:
    up = layer("UpSampling2D", size=2, interpolation="bilinear")
    path = write_h5(tmp_path / "m.h5", model_of(entry([None, 4, 4, 2]), up))
    with h5py.File(path, "a") as file:
        file.attrs["keras_version"] = b"2.2.4"
    assert refusal(path) == (
        "bad: bilinear interpolation of Keras 2.2.4 depends on the TensorFlow below it; "
        "load the model in a newer Keras, test it there and save it again"
    )


EVIL = "__import__('os').system('touch pwned')"
CODE = f"use one of the supported layers instead: {ALL}"
CUSTOM: list[tuple[dict[str, Any], str]] = [
    (layer("Lambda", function=[EVIL, None, None], function_type="lambda"), "is a Lambda layer: it "
     "holds Python code, which is never run"),
    (layer("Lambda", function={"class_name": "__lambda__", "config": {"code": EVIL}}), "is a "
     "Lambda layer: it holds Python code, which is never run"),
    (layer("Custom>Dense", units=3), "is of the custom class 'Custom>Dense', whose code is never "
     "loaded"),
    (layer("Dense", units=3) | {"module": "tests.evil_module"}, "is of the custom class 'Dense', "
     "whose code is never loaded"),
    (layer("Dense", units=3) | {"module": "keras.layers", "registered_name": "mine>Dense"}, "is of "
     "the custom class 'mine>Dense', whose code is never loaded"),
]  # fmt: skip


@pytest.mark.parametrize("depth", [0, 1, 2])
@pytest.mark.parametrize(("bad", "problem"), CUSTOM)
def test_code_is_refused_and_never_run(
    bad: dict[str, Any], problem: str, depth: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    config = model_of(entry([None, 4]), bad)
    for _ in range(depth):
        config = model_of(entry([None, 4]), config)
    assert refusal(write_h5(tmp_path / "m.h5", config)) == f"{'net/' * depth}bad: {problem}; {CODE}"
    assert not (tmp_path / "pwned").exists()
    assert "tests.evil_module" not in sys.modules


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("", "holds a layer without a name"),
        (7, "holds a layer without a name"),
        (None, "holds a layer without a name"),
        ("\ud800", "holds the layer name '\\ud800', which is not valid text"),
        ("a\0b", "holds the layer name 'a\\x00b', which is not valid text"),
        ("x" * 1001, "holds a layer name of 1001 characters"),
    ],
)
def test_names_that_no_file_can_hold(name: Any, problem: str, tmp_path: Path) -> None:
    config = model_of(entry([None, 4]), layer("Dense", name, units=3))
    assert refusal(write_h5(tmp_path / "m.h5", config)) == (
        f"m.h5: {problem}; give each layer a name of 1 to 1000 characters"
    )


def test_wiring(tmp_path: Path) -> None:
    def node(name: str, *inbound: list[Any], **keywords: Any) -> dict[str, Any]:
        calls = [[[*reference, keywords] for reference in inbound]]
        return layer("Dense", name, units=4) | {"name": name, "inbound_nodes": calls}

    def refused(*layers: dict[str, Any], inputs: Any = None, outputs: Any = None) -> str:
        source = entry([None, 4]) | {"name": "in", "inbound_nodes": []}
        settings = {
            "input_layers": inputs or [["in", 0, 0]],
            "output_layers": outputs or [["a", 0, 0]],
        }
        config = {"name": "net", "layers": [source, *layers], **settings}
        path = write_h5(tmp_path / "m.h5", {"class_name": "Functional", "config": config})
        return refusal(path)

    first = node("a", ["in", 0, 0])
    assert refused(first, node("b", ["in", 0, 0])) == (
        "b: leads to no output of the model; remove it, or make it an output"
    )
    assert refused(node("a", ["in", 0, 0], ["in", 0, 0])) == (
        "a: takes 1 tensor, not 2; change the model and train it again"
    )
    assert refused(node("a")) == f"m.h5: calls its layer 'a' without a tensor; {RESAVE}"
    assert refused(node("a", ["in", 0, 0], training=True)) == (
        "a: is called with training=True; call it without"
    )
    kept = layer("Dropout", "a", rate=0.5)
    kept |= {"name": "a", "inbound_nodes": [[["in", 0, 0, {"training": True}]]]}
    assert refused(kept) == "a: is called with training=True; call it without"
    assert refused(node("a", ["in", 0, 0], mask=[["in", 0, 0]])) == (
        "a: is called with mask=[['in', 0, 0]]; call it without"
    )
    assert refused(first, inputs=[["in", 0, 0], ["x", 0, 0]]) == (
        f"m.h5: has an input 'x' that is not there; {RESAVE}"
    )
    assert refused(first, inputs=[["a", 0, 0]]) == (
        f"m.h5: has an input 'a' that is not there; {RESAVE}"
    )
    assert refused(first, inputs=[["in", 0, 0], ["in", 0, 0]]) == (
        f"m.h5: has two inputs 'in'; {RESAVE}"
    )
    assert refused(first, inputs=[7]) == (f"m.h5: has a connection that can't be read; {RESAVE}")
    second = entry([None, 4], "in2") | {"name": "in2", "inbound_nodes": []}
    assert refused(node("a", ["in2", 0, 0]), second) == (
        f"m.h5: does not list its input 'in2'; {RESAVE}"
    )
    assert refused(first, outputs=[[]]) == f"m.h5: does not say its inputs and outputs; {RESAVE}"
    assert refused(first, outputs=[["a", 0, 0]] * 300) == (
        "m.h5: connects more than 256 tensors at once; use a smaller model"
    )
    assert refused(node("a", ["nowhere", 0, 0])) == (
        f"m.h5: connects a layer 'nowhere' that is not there; {RESAVE}"
    )
    assert refused(node("a", ["b", 0, 0]), node("b", ["a", 0, 0])) == (
        f"m.h5: connects its layer 'b' wrongly; {RESAVE}"
    )
    assert refused(node("a", ["a", 0, 0])) == f"m.h5: connects its layer 'a' wrongly; {RESAVE}"
    for call, output in ((1, 0), (0, 1)):
        assert refused(first, outputs=[["a", call, output]]) == (
            f"m.h5: connects its layer 'a' wrongly; {RESAVE}"
        )


def test_two_layers_of_one_full_name_are_not_taken_for_one(tmp_path: Path) -> None:
    inner = model_of(entry([None, 4]), layer("Dense", "b", units=4))
    inner["config"]["name"] = "a"
    config = model_of(entry([None, 4]), inner, layer("Dense", "a/b", units=4))
    assert refusal(write_h5(tmp_path / "m.h5", config)) == (
        "a/b: is the name of two layers; give each a name of its own"
    )


def test_nested_models_are_called_as_they_are_made(tmp_path: Path) -> None:
    def wired(name: str, inputs: int, outputs: int) -> dict[str, Any]:
        sources = [entry([None, 4], f"i{n}") | {"name": f"i{n}"} for n in range(inputs)]
        relus = [
            layer("ReLU", f"r{n}") | {"name": f"r{n}", "inbound_nodes": [[["i0", 0, 0, {}]]]}
            for n in range(outputs)
        ]
        ends = {"input_layers": [[f"i{n}", 0, 0] for n in range(inputs)]}
        ends["output_layers"] = [[f"r{n}", 0, 0] for n in range(outputs)]
        config = {"name": name, "layers": [*sources, *relus], **ends}
        return {"class_name": "Model", "name": name, "config": config}

    two_inputs = wired("net", 2, 1) | {"inbound_nodes": [[["in", 0, 0, {}]]]}
    source = entry([None, 4]) | {"name": "in", "inbound_nodes": []}
    ends = {"input_layers": [["in", 0, 0]], "output_layers": [["net", 1, 0]]}
    outer = {"name": "outer", "layers": [source, two_inputs], **ends}
    path = write_h5(tmp_path / "m.h5", {"class_name": "Model", "config": outer})
    assert refusal(path) == f"net: is called with 1 tensors, but has 2 inputs; {RESAVE}"
    for inputs, outputs in ((2, 1), (1, 2)):
        config = model_of(entry([None, 4]), wired("net", inputs, outputs))
        assert refusal(write_h5(tmp_path / "m.h5", config)) == (
            f"m.h5: has 'net' in a sequence, which has {inputs} inputs and {outputs} outputs; "
            f"{RESAVE}"
        )


# Weights


def test_weights_that_do_not_fit(tmp_path: Path) -> None:
    def refused(**weights: Any) -> str:
        return refusal(write_h5(tmp_path / "m.h5", weights=weights))

    assert refused(kernel=KERNEL.T, bias=BIAS) == (
        "fc: its weights in the file have the shapes [[3, 4], [3]], not [[4, 3], [3]] "
        f"(kernel, bias); {REFIT}"
    )
    assert refused(kernel=KERNEL) == (
        f"fc: its weights in the file have the shapes [[4, 3]], not [[4, 3], [3]] (kernel, bias); "
        f"{REFIT}"
    )
    two = model_of(entry([None, 4]), DENSE, layer("Dense", "second", units=2))
    assert refusal(write_h5(tmp_path / "two.h5", two)) == (
        "two.h5: holds weights of 1 layers (fc), not of the 2 that the architecture has "
        f"(fc, second); {REFIT}"
    )
    poisoned = KERNEL.copy()
    poisoned[1, 1:] = np.nan, np.inf
    assert refused(kernel=poisoned, bias=BIAS) == (
        "fc: 2 of the 12 values of its kernel are NaN or infinite; train the model again"
    )
    assert refused(kernel=KERNEL.astype(np.float64) * 1e40, bias=BIAS) == (
        "fc: 11 of the 12 values of its kernel are NaN or infinite; train the model again"
    )
    assert refused(kernel=KERNEL.astype(np.int32), bias=BIAS) == (
        "fc: its kernel is of type int32, not float; save it as float32"
    )


def test_links_out_of_the_file_are_not_followed(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "secret.h5", "w") as file:
        file["kernel"] = KERNEL
    layout = h5py.VirtualLayout((4, 3), np.float32)
    layout[:] = h5py.VirtualSource(tmp_path / "secret.h5", "kernel", (4, 3))
    external = [(str(tmp_path / "raw"), 0, 48)]
    (tmp_path / "raw").write_bytes(bytes(48))

    def replaced(write: Callable[[h5py.Group], Any]) -> str:
        path = write_h5(tmp_path / "m.h5")
        with h5py.File(path, "a") as file:
            group = file["model_weights/fc"]
            del group["kernel:0"]
            write(group)
        return refusal(path)

    elsewhere = "its weight kernel:0 lies in another file, which is not opened"
    link = "kernel:0: is a link to somewhere else instead of weights"

    def link_to(target: Any) -> Callable[[h5py.Group], None]:
        return lambda group: group.__setitem__("kernel:0", target)

    assert replaced(link_to(h5py.ExternalLink("secret.h5", "kernel"))) == f"{link}; {RESAVE}"
    assert replaced(link_to(h5py.SoftLink("/model_weights/fc/bias:0"))) == f"{link}; {RESAVE}"
    assert replaced(lambda group: group.create_virtual_dataset("kernel:0", layout)) == (
        f"fc: {elsewhere}; save the model in one file"
    )
    assert (
        replaced(
            lambda group: group.create_dataset("kernel:0", (4, 3), np.float32, external=external)
        )
        == f"fc: {elsewhere}; save the model in one file"
    )


def test_a_dataset_that_unpacks_to_terabytes_is_not_read(tmp_path: Path) -> None:
    path = write_h5(tmp_path / "m.h5")
    with h5py.File(path, "a") as file:
        group = file["model_weights/fc"]
        del group["kernel:0"]
        group.create_dataset("kernel:0", (2**20, 2**20), np.float32, chunks=(1024, 1024))
    assert refusal(path) == (
        "fc: its weights in the file have the shapes [[1048576, 1048576], [3]], not [[4, 3], [3]] "
        f"(kernel, bias); {REFIT}"
    )


def test_refusals_do_not_start_tensorflow(tmp_path: Path) -> None:
    import subprocess

    write_h5(tmp_path / "m.h5", model_of(entry([None, 4]), layer("Lambda")))
    code = (
        "import sys, pathlib\n"
        "from frontend.load import load_float_onnx\n"
        "try:\n    load_float_onnx(pathlib.Path(sys.argv[1]))\n"
        "except Exception as error:\n    print(type(error).__name__, 'tensorflow' in sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, tmp_path / "m.h5"],
        cwd=Path(__file__).parent.parent, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout == "CompileError False\n"
    assert done.stderr == ""
