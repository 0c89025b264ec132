"""A network with two inputs and two outputs from its file to GHDL, through the command line."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import keras
import numpy as np
import onnxruntime
import pytest

from tests.test_command_line import millrace

FRAMES = 3
RANDOM = np.random.default_rng(5)


def driver() -> keras.Model:
    """A camera and a speed in, a direction and the probabilities of three ways to brake out."""
    keras.utils.set_random_seed(3)
    camera, speed = keras.Input((6, 6, 2), name="camera"), keras.Input((3,), name="speed")
    seen = keras.layers.Conv2D(4, 3, activation="relu", name="conv")(camera)
    seen = keras.layers.Flatten(name="flat")(keras.layers.MaxPooling2D(name="pool")(seen))
    seen = keras.layers.Dense(4, activation="relu", name="view")(seen)
    moved = keras.layers.Dense(4, activation="relu", name="motion")(speed)
    both = keras.layers.Concatenate(name="both")([seen, moved])
    brake = keras.layers.Dense(3, activation="softmax", name="brake")(both)
    steer = keras.layers.Dense(2, name="steer")(both)
    return keras.Model([camera, speed], [brake, steer], name="driver")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("driver")
    driver().save(folder / "driver.keras")
    np.savez(
        folder / "data.npz",
        speed=RANDOM.normal(size=(20, 3)),
        camera=RANDOM.uniform(size=(20, 6, 6, 2)),
        labels=RANDOM.integers(0, 3, 20),
    )
    np.savez(folder / "half.npz", camera=RANDOM.uniform(size=(20, 6, 6, 2)))
    return folder


@pytest.fixture(scope="module")
def run(place: Path) -> subprocess.CompletedProcess[str]:
    arguments = ["driver.keras", "--calibrate", "data.npz", "--simulate", "--frames", str(FRAMES)]
    return millrace([*arguments, "-o", "out"], place)


def test_the_hardware_equals_onnxruntime_at_both_outputs(
    run: subprocess.CompletedProcess[str],
) -> None:
    assert (run.returncode, run.stderr) == (0, "")
    outputs = 2 * FRAMES * (3 + 2)
    assert f"{outputs} of {outputs} outputs equal onnxruntime" in " ".join(run.stdout.split())


def test_manifest_lists_the_ports(run: subprocess.CompletedProcess[str], place: Path) -> None:
    del run
    contents = json.loads((place / "out" / "manifest.json").read_text())
    inputs = {p["port"]: (p["onnx_input"], p["shape"]) for p in contents["inputs"]}
    assert inputs == {
        "s_axis_camera": ("camera", [6, 6, 2]),
        "s_axis_speed": ("speed", [3]),
    }
    assert [(p["port"], p["shape"]) for p in contents["outputs"]] == [
        ("m_axis_brake_output", [3]),
        ("m_axis_steer_output", [2]),
    ]
    session = onnxruntime.InferenceSession(place / "out" / "quantized.onnx")
    assert [i.name for i in session.get_inputs()] == [p["onnx_input"] for p in contents["inputs"]]
    assert [o.name for o in session.get_outputs()] == [
        p["onnx_output"] for p in contents["outputs"]
    ]


def test_the_top_has_axi_streams_of_these_names(
    run: subprocess.CompletedProcess[str], place: Path
) -> None:
    del run
    contents = json.loads((place / "out" / "manifest.json").read_text())
    top = (place / "out" / "vhdl" / f"{contents['top']}.vhd").read_text()
    ports = dict(re.findall(r"^    (\w+_t\w+) : (in|out) ", top, re.MULTILINE))
    expected = {}
    for direction, listed in (("in", contents["inputs"]), ("out", contents["outputs"])):
        back = "out" if direction == "in" else "in"
        for port in listed:
            name = port["port"]
            expected |= {f"{name}_{signal}": direction for signal in ("tvalid", "tlast", "tdata")}
            expected[f"{name}_tready"] = back
    assert ports == expected


def test_accuracy_is_that_of_the_first_output(
    run: subprocess.CompletedProcess[str], place: Path
) -> None:
    del run
    data, model = np.load(place / "data.npz"), keras.models.load_model(place / "driver.keras")
    answers = model.predict([data["camera"], data["speed"]], verbose=0)[0].argmax(axis=1)
    report = json.loads((place / "out" / "report.json").read_text())
    correct = int(np.count_nonzero(answers == data["labels"]))
    assert report["accuracy"]["float_model"] == {"correct": correct, "frames": 20}
    assert report["accuracy"]["simulated"]["frames"] == FRAMES


def test_a_missing_input_is_one_line(place: Path) -> None:
    refused = millrace(["driver.keras", "--calibrate", "half.npz", "-o", "refused"], place)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr == (
        "error: half.npz: holds no frames of input 'speed' (its arrays are camera); "
        "name each array like its input\n"
    )
    assert not (place / "refused").exists()


def test_without_data_a_stand_in_is_drawn_for_each(place: Path) -> None:
    drawn = millrace(["driver.keras", "-o", "drawn"], place)
    assert (drawn.returncode, drawn.stderr) == (0, "")
    report = json.loads((place / "drawn" / "report.json").read_text())
    assert report["calibration"]["source"] == (
        "stand-in: 64 random frames, pixels of 0 to 1 for camera, standardized features for "
        "speed; no accuracy is claimed"
    )
