"""The zoo through the whole chain: accuracy on real images, and hardware equal to onnxruntime."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest

import zoo
from frontend.compiler import Compilation, CompileOptions, compile_model
from frontend.frames import FloatArray
from sim import simulate_netlist
from tests.verdicts import compare_cycles, compare_interpreter, output_values, run_hardware
from zoo.digits import Split
from zoo.graphs import input_shapes, macs
from zoo.mlperf import MLPERF
from zoo.train import LOADERS

NETWORKS = zoo.networks()
TRAINED = [name for name, entry in NETWORKS.items() if entry.data is not None]
SHAPES = [name for name, entry in NETWORKS.items() if entry.data is None]
DEEP = [entry.name for entry in MLPERF]
SIMULATED = ["digits_batchnorm", "digits_leaky", "digits_rescaling", "pocket_baseline"]
"""Simulated in the short profile, beside the digits CNN."""
MOST_MACS = 100_000
"""More multiplications per frame than this take GHDL minutes."""
TEST_IMAGES = 50


@cache
def samples(name: str) -> Split:
    data = NETWORKS[name].data
    assert data is not None
    return LOADERS[data]()


def frames(name: str, count: int) -> FloatArray:
    if NETWORKS[name].data is not None:
        return samples(name).test_x[:count]
    (shape,) = input_shapes(NETWORKS[name].network)
    return np.random.default_rng(0).uniform(0, 1, (count, *shape)).astype(np.float32)


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("zoo")


def compiled(name: str, folder: Path) -> Compilation:
    source, calibration = folder / f"{name}.h5", folder / f"{name}.npy"
    zoo.save(name, source)
    trained = NETWORKS[name].data is not None
    np.save(calibration, samples(name).train_x[:256] if trained else frames(name, 64))
    return compile_model(source, CompileOptions(calibration=calibration))


def accuracy(outputs: FloatArray, labels: np.ndarray) -> float:
    return float(np.mean(outputs.reshape(len(outputs), -1).argmax(axis=1) == labels))


@pytest.mark.parametrize("name", TRAINED)
def test_quantized_accuracy_is_within_a_point_of_float(name: str, folder: Path) -> None:
    compilation, split = compiled(name, folder), samples(name)
    floating = compilation.loaded.float_accuracy(split.test_x, split.test_y)
    quantized = accuracy(compilation.golden.run(split.test_x), split.test_y)
    assert quantized >= floating - 0.01
    assert compare_interpreter(compilation, split.test_x)[1] == 0
    if name == "digits_cnn":
        assert floating >= 0.97


def check_hardware(name: str, folder: Path, count: int) -> None:
    compilation = compiled(name, folder)
    result = run_hardware(
        compilation, frames(name, count), folder / name, stalled_frames=count, seed=1
    )
    assert result.fault is None
    assert compare_cycles(compilation, result) is None
    size = sum(output.output.shape.size for output in compilation.graph.outputs)
    assert output_values(compilation, result) >= count * size


def test_digits_on_real_images_in_hardware(folder: Path) -> None:
    check_hardware("digits_cnn", folder, TEST_IMAGES)


@pytest.mark.parametrize("name", SIMULATED)
def test_hardware_equals_onnxruntime(name: str, folder: Path) -> None:
    check_hardware(name, folder, 4)


@pytest.mark.long
@pytest.mark.parametrize(
    "name",
    [n for n in NETWORKS if n not in SIMULATED and macs(NETWORKS[n].network) <= MOST_MACS],
)
def test_rest_of_the_zoo_in_hardware(name: str, folder: Path) -> None:
    check_hardware(name, folder, 4)


@pytest.mark.long
@pytest.mark.parametrize("name", DEEP)
def test_mlperf_tiny_in_the_netlist(name: str, folder: Path) -> None:
    compilation = compiled(name, folder)
    result = run_hardware(
        compilation,
        frames(name, 4),
        folder / name,
        stalled_frames=4,
        seed=1,
        simulator=simulate_netlist,
    )
    assert result.fault is None
    assert compare_cycles(compilation, result) is None


@pytest.mark.parametrize("name", SHAPES)
def test_shapes_compile_and_the_interpreter_agrees(name: str, folder: Path) -> None:
    values, wrong = compare_interpreter(compiled(name, folder), frames(name, 8))
    assert values > 0
    assert wrong == 0
