"""Calibration data from arrays and images, the stand-in without data, and every refusal."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from frontend import calibration_files
from frontend.calibration import CalibrationSet, Preprocessing, load_calibration
from frontend.compiler import CompileOptions, compile_model
from frontend.export import export_network
from frontend.layers import Layer, TrainingOnly
from frontend.layers.convolutions import Conv2D, Dense
from frontend.layers.pointwise import BatchNormalization, Normalization, Rescaling
from frontend.network import Input, Network, Step
from frontend.reference import onnx_predict
from frontend.stand_in import PIXELS, STANDARDIZED, UNIT, input_range, stand_in_frames
from ir.errors import CompileError
from zoo import MODELS

RANDOM = np.random.default_rng(1)
IMAGES = RANDOM.integers(0, 256, (5, 4, 3, 2)).astype(np.uint8)


def load_images(path: Path | None, shape: tuple[int, ...], **options: Any) -> CalibrationSet:
    """Load frames of a model with one input."""
    if "stand_in" in options:
        options["stand_in"] = {"image": options["stand_in"]}
    return load_calibration(path, {"image": shape}, **options)


def images(found: CalibrationSet) -> Any:
    (frames,) = found.inputs.values()
    return frames


def saved(path: Path, values: Any) -> Path:
    np.save(path, values)
    return path


def refusal(path: Path, shape: tuple[int, ...], **options: Any) -> str:
    with pytest.raises(CompileError) as caught:
        load_images(path, shape, **options)
    message = str(caught.value)
    assert message.isprintable()
    return message.replace(f"{path.parent}/", "")


def test_npy(tmp_path: Path) -> None:
    found = load_images(saved(tmp_path / "x.npy", IMAGES), (4, 3, 2))
    assert images(found).dtype == np.float32
    assert np.array_equal(images(found), IMAGES)
    assert not images(found).flags.writeable
    assert found.labels is None
    assert found.source == str(tmp_path / "x.npy")
    assert not found.is_stand_in


@pytest.mark.parametrize(
    ("have", "want"),
    [
        ((5, 24), (4, 3, 2)),
        ((5, 4, 3, 2), (24,)),
        ((5, 4, 6), (4, 6, 1)),
        ((5, 4, 6, 1), (4, 6)),
        ((5, 4, 6), (24,)),
    ],
)
def test_shapes_that_mean_the_same(
    have: tuple[int, ...], want: tuple[int, ...], tmp_path: Path
) -> None:
    found = load_images(saved(tmp_path / "x.npy", IMAGES.reshape(have)), want)
    assert np.array_equal(images(found), IMAGES.reshape(5, *want))


def test_preprocessing_is_scale_then_offset(tmp_path: Path) -> None:
    path = saved(tmp_path / "x.npy", IMAGES)
    found = load_images(path, (4, 3, 2), preprocessing=Preprocessing(1 / 128, -1.0))
    assert np.array_equal(images(found), IMAGES.astype(np.float32) / 128 - 1)


@pytest.mark.parametrize("key", calibration_files.IMAGE_KEYS)
@pytest.mark.parametrize("label_key", [None, *calibration_files.LABEL_KEYS])
def test_npz_names(key: str, label_key: str | None, tmp_path: Path) -> None:
    labels = np.array([2, 0, 1, 1, 0], np.uint8)
    arrays = {key: IMAGES} | ({label_key: labels} if label_key else {})
    np.savez_compressed(tmp_path / "d.npz", other=np.zeros(3), **arrays)
    found = load_images(tmp_path / "d.npz", (4, 3, 2), classes=3)
    assert np.array_equal(images(found), IMAGES)
    if label_key is None:
        assert found.labels is None
    else:
        assert found.labels is not None
        assert found.labels.dtype == np.int64
        assert found.labels.tolist() == labels.tolist()


@pytest.mark.parametrize(
    "labels", [np.eye(3)[[2, 0, 1, 1, 0]], [[2], [0], [1], [1], [0]], [2.0, 0.0, 1.0, 1.0, 0.0]]
)
def test_forms_of_labels(labels: Any, tmp_path: Path) -> None:
    np.savez(tmp_path / "d.npz", x=IMAGES, y=labels)
    found = load_images(tmp_path / "d.npz", (4, 3, 2))
    assert found.labels is not None
    assert found.labels.tolist() == [2, 0, 1, 1, 0]


def test_a_lone_array_needs_no_name(tmp_path: Path) -> None:
    np.savez(tmp_path / "d.npz", IMAGES)
    assert np.array_equal(images(load_images(tmp_path / "d.npz", (4, 3, 2))), IMAGES)


# Folders of images


def grey(path: Path, value: int, size: tuple[int, int] = (3, 4), mode: str = "L") -> None:
    path.parent.mkdir(exist_ok=True)
    Image.new(mode, size, value).save(path)


def test_a_folder_of_images_in_the_order_of_names(tmp_path: Path) -> None:
    for name, value in (("b.png", 20), ("a.bmp", 10), ("c.PNG", 30)):
        grey(tmp_path / "d" / name, value)
    (tmp_path / "d" / "notes.txt").write_text("no image")
    found = load_images(tmp_path / "d", (4, 3, 1))
    assert images(found).shape == (3, 4, 3, 1)
    assert images(found)[:, 0, 0, 0].tolist() == [10, 20, 30]
    assert found.labels is None


def test_sub_folders_are_classes(tmp_path: Path) -> None:
    for name, value in (("dog/1.png", 1), ("cat/1.png", 2), ("cat/2.png", 3)):
        (tmp_path / "d").mkdir(exist_ok=True)
        grey(tmp_path / "d" / name, value)
    (tmp_path / "d" / "empty").mkdir()
    found = load_images(tmp_path / "d", (4, 3, 1), classes=2)
    assert found.class_names == ("cat", "dog")
    assert images(found)[:, 0, 0, 0].tolist() == [2, 3, 1]
    assert found.labels is not None
    assert found.labels.tolist() == [0, 0, 1]


def test_colours_and_sizes_are_converted(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    Image.new("RGB", (30, 40), (10, 20, 30)).save(tmp_path / "d" / "a.png")
    Image.new("L", (3, 4), 7).save(tmp_path / "d" / "b.png")
    colour = images(load_images(tmp_path / "d", (4, 3, 3)))
    assert colour.shape == (2, 4, 3, 3)
    assert colour[0, 3, 2].tolist() == [10, 20, 30]
    assert colour[1, 0, 0].tolist() == [7, 7, 7]
    assert images(load_images(tmp_path / "d", (4, 3))).shape == (2, 4, 3)
    scaled = images(load_images(tmp_path / "d", (4, 3, 3), preprocessing=Preprocessing(0.5)))
    assert np.array_equal(scaled, colour / 2)


def test_images_for_a_model_with_its_channels_first(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    Image.new("RGB", (7, 5), (10, 20, 30)).save(tmp_path / "d" / "a.png")
    found = images(load_images(tmp_path / "d", (3, 5, 7)))
    assert found.shape == (1, 3, 5, 7)
    assert found[0, :, 2, 2].tolist() == [10, 20, 30]
    np.save(tmp_path / "x.npy", np.zeros((2, 5, 7), np.float32))
    assert images(load_images(tmp_path / "x.npy", (1, 5, 7))).shape == (2, 1, 5, 7)
    np.save(tmp_path / "y.npy", np.zeros((2, 5, 7, 3), np.float32))
    assert refusal(tmp_path / "y.npy", (3, 5, 7)).endswith(
        "move the channels to the first axis (NCHW)"
    )


def test_refused_folders(tmp_path: Path) -> None:
    folder = tmp_path / "d"
    folder.mkdir()
    endings = ", ".join(calibration_files.IMAGE_ENDINGS)
    assert refusal(folder, (4, 3, 1)) == f"d: holds no images; give a folder of {endings} files"
    assert refusal(folder, (12,)) == (
        "d: is a folder of images, but the model's input is [12]; give the frames as .npy or .npz"
    )
    assert refusal(folder, (4, 3, 2)) == (
        "d: is a folder of images, but the model's input is [4, 3, 2]; "
        "give the frames as .npy or .npz"
    )
    (folder / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n but no more")
    damaged = "d/a.png: is no image or a damaged one; take it out or save it again"
    assert refusal(folder, (4, 3, 1)) == damaged
    grey(folder / "a.png", 1, (300, 400))
    data = (folder / "a.png").read_bytes()
    (folder / "a.png").write_bytes(data[: len(data) // 2])
    assert refusal(folder, (4, 3, 1)) == damaged
    grey(folder / "a.png", 1, mode="I;16")
    assert refusal(folder, (4, 3, 1)) == (
        "d/a.png: has more than 8 bits per channel; save it with 8 bits"
    )
    grey(folder / "a.png", 1)
    grey(folder / "cat" / "b.png", 1)
    assert refusal(folder, (4, 3, 1)) == (
        f"d: holds images beside folders of images; give a folder of {endings} files"
    )


def test_an_image_bomb_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    grey(tmp_path / "d" / "a.png", 1, (300, 400))
    monkeypatch.setattr(calibration_files, "MAX_PIXELS", 119_999)
    assert refusal(tmp_path / "d", (4, 3, 1)) == (
        "d/a.png: has 300 x 400 pixels, more than 119999; give smaller images"
    )


# Refused arrays


def test_wrong_shapes(tmp_path: Path) -> None:
    def refused(have: tuple[int, ...], want: tuple[int, ...]) -> str:
        return refusal(saved(tmp_path / "x.npy", np.zeros(have, np.float32)), want)

    shape = "give frames of the model's input shape"
    assert refused((5, 4, 3), (4, 3, 2)) == (
        f"x.npy: its shape must be [frames, 4, 3, 2], not [5, 4, 3]; {shape}"
    )
    assert refused((5, 3, 4, 2), (4, 3, 2)) == (
        f"x.npy: its shape must be [frames, 4, 3, 2], not [5, 3, 4, 2]; {shape}"
    )
    assert refused((5, 2, 4, 3), (4, 3, 2)) == (
        "x.npy: its shape must be [frames, 4, 3, 2], not [5, 2, 4, 3]; "
        "move the channels to the last axis (NHWC)"
    )
    assert refused((24,), (24,)) == f"x.npy: its shape must be [frames, 24], not [24]; {shape}"
    assert refused((5, 23), (24,)) == (
        f"x.npy: its shape must be [frames, 24], not [5, 23]; {shape}"
    )
    assert refused((0, 24), (24,)) == "x.npy: holds no frames; give a few hundred frames"


def test_values_that_are_no_numbers(tmp_path: Path) -> None:
    values = np.zeros((4, 3), np.float32)
    values[1, 2], values[3, 0] = np.nan, -np.inf
    assert refusal(saved(tmp_path / "x.npy", values), (3,)) == (
        "x.npy: 2 of 4 frames hold NaN or infinity; take them out"
    )
    assert refusal(saved(tmp_path / "x.npy", np.full((1, 3), 1e300)), (3,)) == (
        "x.npy: 1 of 1 frames hold NaN or infinity; take them out"
    )
    for kind, name in ((np.complex64, "complex64"), ("U3", "<U3")):
        assert refusal(saved(tmp_path / "x.npy", np.zeros((4, 3), kind)), (3,)) == (
            f"x.npy: holds values of type {name}, not numbers; save it as float32"
        )
    for scale, offset in ((0.0, 0.0), (float("inf"), 0.0), (1.0, float("nan"))):
        path = saved(tmp_path / "x.npy", np.zeros((4, 3)))
        assert refusal(path, (3,), preprocessing=Preprocessing(scale, offset)) == (
            f"x.npy: scale {scale} and offset {offset} must be finite, the scale not 0; "
            "give for example a scale of 1/255"
        )


class Bomb:
    """Touches a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


def test_pickles_are_never_loaded(tmp_path: Path) -> None:
    objects = np.array([Bomb(tmp_path / "pwned")] * 3, object)
    np.save(tmp_path / "x.npy", objects, allow_pickle=True)
    np.savez(tmp_path / "x.npz", x=objects, allow_pickle=True)
    assert refusal(tmp_path / "x.npy", (3,)) == (
        "x.npy: holds values of type object, not numbers; save it as float32"
    )
    assert refusal(tmp_path / "x.npz", (3,)) == (
        "x.npz[x]: holds values of type object, not numbers; save it as float32"
    )
    assert not (tmp_path / "pwned").exists()


def test_damaged_arrays(tmp_path: Path) -> None:
    data = saved(tmp_path / "x.npy", IMAGES).read_bytes()
    for broken in (data[:4], data[:60], data[:-1], data + b"x", b"hello", data[:10] + bytes(90)):
        (tmp_path / "x.npy").write_bytes(broken)
        message = refusal(tmp_path / "x.npy", (4, 3, 2))
        assert message.startswith("x.npy: is truncated, damaged or of another kind (")
        assert message.endswith("); save it again")
    np.savez(tmp_path / "x.npz", x=IMAGES)
    data = (tmp_path / "x.npz").read_bytes()
    middle = len(data) // 2
    for broken in (data[:-30], data[:middle] + b"??" + data[middle + 2 :], b"hello"):
        (tmp_path / "x.npz").write_bytes(broken)
        message = refusal(tmp_path / "x.npz", (4, 3, 2))
        assert message.startswith("x.npz: is truncated, damaged or of another kind (")


def test_headers_that_promise_terabytes(tmp_path: Path) -> None:
    stream = io.BytesIO()
    header = {"descr": "<f4", "fortran_order": False, "shape": (2**40, 3)}
    np.lib.format.write_array_header_1_0(stream, header)
    (tmp_path / "x.npy").write_bytes(stream.getvalue())
    assert refusal(tmp_path / "x.npy", (3,)) == (
        "x.npy: is truncated, damaged or of another kind "
        "(128 bytes are not an array of shape [1099511627776, 3]); save it again"
    )


def test_archives_that_unpack_to_gigabytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    np.savez_compressed(tmp_path / "x.npz", x=np.zeros((10_000, 3)))
    monkeypatch.setattr(calibration_files, "MAX_ELEMENTS", 20_000)
    assert refusal(tmp_path / "x.npz", (3,)) == (
        "x.npz[x]: holds 30016 values, more than the limit of 20000; "
        "give fewer frames: a few hundred are enough"
    )


def test_archives_without_frames(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", a=IMAGES, b=IMAGES)
    names = ", ".join(calibration_files.IMAGE_KEYS)
    assert refusal(tmp_path / "x.npz", (4, 3, 2)) == (
        f"x.npz: holds no frames (its arrays are a, b); name the array one of {names}"
    )
    with zipfile.ZipFile(tmp_path / "x.npz", "w"):
        pass
    assert refusal(tmp_path / "x.npz", (4, 3, 2)) == (
        f"x.npz: holds no frames (its arrays are none); name the array one of {names}"
    )


def test_paths_that_hold_no_calibration_data(tmp_path: Path) -> None:
    what = "name a .npy or .npz file or a folder of images"
    (tmp_path / "x.csv").write_text("1,2,3")
    (tmp_path / "x.npy").touch()
    assert refusal(tmp_path / "x.csv", (3,)) == f"x.csv: is no calibration data; {what}"
    assert refusal(tmp_path / "none", (3,)) == f"none: does not exist; {what}"
    assert refusal(tmp_path / "none.npy", (3,)) == "none.npy: does not exist; check the path"
    assert refusal(tmp_path / "x.npy", (3,)) == "x.npy: is empty (0 bytes); save or copy it again"


def test_wrong_labels(tmp_path: Path) -> None:
    def refused(labels: Any, classes: int | None = None) -> str:
        np.savez(tmp_path / "x.npz", x=IMAGES, y=labels)
        return refusal(tmp_path / "x.npz", (4, 3, 2), classes=classes)

    one = "give one class number for each frame"
    number = "number the classes from 0 in the order of the model's outputs"
    assert refused([0, 1]) == (
        f"x.npz: its labels must have the shape [5] or be one-hot, not [2]; {one}"
    )
    assert refused(np.full((5, 2), 0.5)) == (
        f"x.npz: its labels must have the shape [5] or be one-hot, not [5, 2]; {one}"
    )
    assert refused([0, 1, 2, 3, 4], 4) == (
        f"x.npz: its labels must be whole numbers from 0 to 3, not 0 to 4; {number}"
    )
    assert refused([0, 1, 2, 3, 0.5], 4) == (
        f"x.npz: its labels must be whole numbers from 0 to 3, not 0.0 to 3.0; {number}"
    )


# The stand-in


def network(shape: tuple[int, ...], *layers: Layer) -> Network:
    """Return a network of layers whose weights are not looked at."""
    source = Input("in", shape)
    steps: list[Step] = []
    for layer in layers:
        steps.append(Step(layer, (steps[-1] if steps else source,), shape, {}))
    return Network("net", (source,), tuple(steps), (steps[-1],), "test", "unknown")


IMAGE = (9, 9, 3)
CONV = Conv2D(name="c", filters=1, kernel_size=(1, 1))


@pytest.mark.parametrize(
    ("net", "expected"),
    [
        (network(IMAGE, Rescaling(name="r", scale=(1 / 255,)), CONV), PIXELS),
        (network(IMAGE, TrainingOnly(name="d"), Rescaling(name="r", scale=(1 / 127.5,))), PIXELS),
        (network(IMAGE, Rescaling(name="r", scale=(2.0,), offset=(-1.0,)), CONV), UNIT),
        (network(IMAGE, CONV, Rescaling(name="r", scale=(1 / 255,))), UNIT),
        (network((7,), Dense(name="d", units=1)), STANDARDIZED),
    ],
)
def test_the_stand_in_is_what_the_first_layers_are_made_for(net: Network, expected: Any) -> None:
    assert input_range(net) == expected


def test_the_stand_in_follows_normalization(tmp_path: Path) -> None:
    means, variances = (10.0, -5.0, 0.0), (4.0, 0.25, 100.0)
    layer = Normalization(name="n", mean=means, variance=variances)
    frames = stand_in_frames(IMAGE, input_range(network(IMAGE, layer)))
    assert np.allclose(frames.mean(axis=(0, 1, 2)), means, atol=2)
    weights = {name: np.array(v, np.float32) for name, v in
               (("gamma", (1,) * 3), ("beta", (0,) * 3),
                ("moving_mean", means), ("moving_variance", variances))}  # fmt: skip
    source = Input("in", IMAGE)
    step = Step(BatchNormalization(name="b"), (source,), IMAGE, weights)
    net = Network("net", (source,), (step,), (step,), "test", "unknown")
    assert np.array_equal(stand_in_frames(IMAGE, input_range(net)), frames)
    normalized = onnx_predict(export_network(net)[0])(frames)
    assert np.abs(normalized).max() <= 3.001
    assert 0.7 < normalized.std() < 2


@pytest.mark.parametrize("shape", [(9, 9, 3), (7,), (28, 28), (1, 1, 1), (2, 3, 40)])
def test_the_stand_in_is_deterministic_within_its_range_and_flagged(
    shape: tuple[int, ...],
) -> None:
    found = load_images(None, shape, stand_in=PIXELS)
    assert isinstance(found, CalibrationSet)
    assert found.is_stand_in
    assert found.labels is None
    assert found.source == (
        "stand-in: 64 random frames, pixels of 0 to 255; no accuracy is claimed"
    )
    assert images(found).shape == (64, *shape)
    assert images(found).dtype == np.float32
    assert images(found).min() == 0
    assert images(found).max() == 255
    assert np.array_equal(images(found), images(load_images(None, shape, stand_in=PIXELS)))
    assert len(np.unique(images(found).reshape(64, -1), axis=0)) > 60


def test_the_default_stand_in() -> None:
    assert load_images(None, (4, 4, 1)).source.startswith("stand-in: 64 random frames, pixels")
    vectors = load_images(None, (16,))
    assert vectors.source.startswith("stand-in: 64 random frames, standardized features;")
    assert np.abs(images(vectors)).max() == 3


def test_a_compilation_holds_labels_to_the_models_classes(tmp_path: Path) -> None:
    """The zoo's perceptron tells ten digits apart."""
    frames = np.random.default_rng(0).uniform(size=(4, 64)).astype(np.float32)
    np.savez(tmp_path / "labelled.npz", x=frames, y=np.array([0, 9, 10, 3]))
    with pytest.raises(CompileError) as caught:
        compile_model(
            MODELS / "digits_mlp.h5", CompileOptions(calibration=tmp_path / "labelled.npz")
        )
    assert "labelled.npz: its labels must be whole numbers from 0 to 9, not 0 to 10; " in str(
        caught.value
    )


SHAPES = {"camera": (4, 3, 2), "speed": (3,)}
SPEEDS = RANDOM.normal(size=(5, 3)).astype(np.float32)


def test_several_inputs_have_an_array_each(tmp_path: Path) -> None:
    np.savez(tmp_path / "d.npz", speed=SPEEDS, camera=IMAGES, y=[0, 1, 0, 1, 1], x=np.zeros(2))
    found = load_calibration(tmp_path / "d.npz", SHAPES, classes=2)
    assert list(found.inputs) == ["camera", "speed"]
    assert np.array_equal(found.inputs["camera"], IMAGES)
    assert np.array_equal(found.inputs["speed"], SPEEDS)
    assert found.labels is not None
    assert found.labels.tolist() == [0, 1, 0, 1, 1]
    assert found.frames == 5


def test_an_input_may_be_called_like_labels(tmp_path: Path) -> None:
    np.savez(tmp_path / "d.npz", x=IMAGES, y=SPEEDS)
    found = load_calibration(tmp_path / "d.npz", {"x": (4, 3, 2), "y": (3,)})
    assert found.labels is None
    assert np.array_equal(found.inputs["y"], SPEEDS)


def test_the_name_of_an_only_input_comes_first(tmp_path: Path) -> None:
    np.savez(tmp_path / "d.npz", x=np.zeros((5, 4, 3, 2)), camera=IMAGES)
    found = load_calibration(tmp_path / "d.npz", {"camera": (4, 3, 2)})
    assert np.array_equal(found.inputs["camera"], IMAGES)


def test_what_several_inputs_refuse(tmp_path: Path) -> None:
    def refused(name: str, **options: Any) -> str:
        with pytest.raises(CompileError) as caught:
            load_calibration(tmp_path / name, SHAPES, **options)
        return str(caught.value).replace(f"{tmp_path}/", "")

    np.savez(tmp_path / "one.npz", camera=IMAGES)
    assert refused("one.npz") == (
        "one.npz: holds no frames of input 'speed' (its arrays are camera); "
        "name each array like its input"
    )
    np.savez(tmp_path / "few.npz", camera=IMAGES, speed=SPEEDS[:3])
    assert refused("few.npz") == (
        "camera: there must be as many frames of each input, not 5 of 'camera', 3 of 'speed'; "
        "give the same number of each"
    )
    np.savez(tmp_path / "wide.npz", camera=IMAGES, speed=np.zeros((5, 4)))
    assert refused("wide.npz") == (
        "wide.npz[speed]: its shape must be [frames, 3], not [5, 4]; "
        "give frames of the model's input shape"
    )
    np.save(tmp_path / "x.npy", IMAGES)
    assert refused("x.npy") == (
        "x.npy: must be a .npz file, as the model has 2 inputs; "
        "give an array for each, named 'camera' and 'speed'"
    )
    assert refused("one.npz", preprocessing=Preprocessing(2.0)) == (
        "one.npz: a factor or summand must be left out for a model with 2 inputs; "
        "scale the arrays of the file"
    )


def test_the_stand_in_of_several_inputs() -> None:
    found = load_calibration(None, SHAPES | {"depth": (4, 3, 2)}, stand_in={"camera": PIXELS})
    assert found.source == (
        "stand-in: 64 random frames, pixels of 0 to 255 for camera, standardized features for "
        "speed, pixels of 0 to 1 for depth; no accuracy is claimed"
    )
    assert found.inputs["camera"].shape == (64, 4, 3, 2)
    assert found.inputs["camera"].max() == 255
    assert found.inputs["speed"].shape == (64, 3)
    assert not np.allclose(found.inputs["camera"] / 255, found.inputs["depth"])


def test_stand_in_images_with_their_channels_first_have_blocks_of_pixels() -> None:
    frames = stand_in_frames((3, 8, 8), UNIT)
    assert np.array_equal(frames, stand_in_frames((8, 8, 3), UNIT).transpose(0, 3, 1, 2))
