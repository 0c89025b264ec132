"""What other compilers are known to get silently wrong, or to die of: right here, or refused.

Each model is saved as .h5 and .keras by Keras 3, loaded, exported and compared with Keras; then it
is compiled, which compares the integers of its elements with onnxruntime's.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from frontend.compiler import compile_model
from frontend.export import export_network
from frontend.network import read_network
from frontend.reference import onnx_run, start_tensorflow
from ir.errors import CompileError
from tests.keras_weights import randomized, sequential

IMAGE = (9, 8, 4)


def shared_layer(L: Any) -> Any:
    source = L.Input((6,))
    dense = L.Dense(6, activation="tanh")
    return randomized(start_tensorflow().Model(source, dense(dense(source))))


def merge_of_three(L: Any) -> Any:
    sources = [L.Input(IMAGE, name=f"in_{n}") for n in range(3)]
    return randomized(start_tensorflow().Model(sources, L.Average()(sources)))


def dot(L: Any) -> Any:
    sources = [L.Input((6,), name=name) for name in "ab"]
    return randomized(start_tensorflow().Model(sources, L.Dot(1)(sources)))


RIGHT: dict[str, Callable[[Any], Any]] = {
    "dilation_dropped": lambda L: sequential(IMAGE, L.Conv2D(3, 3, dilation_rate=2)),
    "dilation_1d_dropped": lambda L: sequential((9, 4), L.Conv1D(3, 3, dilation_rate=3)),
    "groups_wrong": lambda L: sequential(IMAGE, L.Conv2D(6, 3, groups=2)),
    "relu_max_value_ignored": lambda L: sequential((6,), L.ReLU(max_value=0.5)),
    "relu_slope_ignored": lambda L: sequential((6,), L.ReLU(negative_slope=0.25)),
    "relu_threshold_ignored": lambda L: sequential((6,), L.ReLU(threshold=0.5)),
    "bilinear_becomes_nearest": lambda L: sequential(
        IMAGE, L.UpSampling2D(2, interpolation="bilinear", name="bad")
    ),
    "shared_layers_wrong": shared_layer,
    "reshape_only_model_wrong": lambda L: sequential((4, 6), L.Reshape((3, 8))),
    "depth_multiplier_aborts": lambda L: sequential(
        IMAGE, L.DepthwiseConv2D(3, depth_multiplier=2)
    ),
    "padded_pool_aborts": lambda L: sequential(IMAGE, L.AveragePooling2D(3, 2, "same", name="bad")),
    "padded_max_pool_aborts": lambda L: sequential(IMAGE, L.MaxPooling2D(3, 2, "same")),
    "overlapping_pool_aborts": lambda L: sequential(IMAGE, L.MaxPooling2D(3, 1)),
    "merge_of_three_refused": merge_of_three,
    "dot_fails": dot,
    "conv2d_transpose_refused": lambda L: sequential(IMAGE, L.Conv2DTranspose(3, 3, 2, "same")),
    "prelu_of_shared_axes_refused": lambda L: sequential(IMAGE, L.PReLU(shared_axes=[1, 2])),
    "separable_of_keras_3_fails": lambda L: sequential(IMAGE, L.SeparableConv2D(5, 3)),
    "h5_of_keras_3_fails": lambda L: sequential(IMAGE, L.Conv2D(3, 3), L.Flatten(), L.Dense(2)),
    "repeat_vector_missing": lambda L: sequential((6,), L.RepeatVector(4)),
}


@pytest.mark.parametrize("ending", [".h5", ".keras"])
@pytest.mark.parametrize("name", RIGHT)
def test_right(name: str, ending: str, tmp_path: Path) -> None:
    model = RIGHT[name](start_tensorflow().layers)
    model.save(tmp_path / f"m{ending}")
    exported = export_network(read_network(tmp_path / f"m{ending}"))[0]
    random = np.random.default_rng(5)
    frames = {
        source.name: random.uniform(-2, 2, (5, *source.shape[1:])).astype(np.float32)
        for source in model.inputs
    }
    expected = np.asarray(model(list(frames.values()), training=False))
    (got,) = onnx_run(exported)(dict(zip([i.name for i in exported.graph.input],
                                         frames.values(), strict=True)))  # fmt: skip
    assert got.shape == expected.shape
    assert np.max(np.abs(got - expected)) <= 1e-5 * np.max(np.abs(expected))


@pytest.mark.parametrize("name", RIGHT)
def test_compiled(name: str, tmp_path: Path) -> None:
    RIGHT[name](start_tensorflow().layers).save(tmp_path / "m.keras")
    compilation = compile_model(tmp_path / "m.keras")
    assert compilation.comparison.values > 0
    assert compilation.graph.host_operators == ()


def test_default_precision_gives_a_constant(tmp_path: Path) -> None:
    """The jet tagger, nothing chosen by hand: hls4ml agrees in 0.06 % of the classes."""
    L = start_tensorflow().layers
    model = sequential(
        (16,),
        *(L.Dense(units, activation="relu") for units in (64, 32, 32)),
        L.Dense(5, activation="softmax"),
    )
    random = np.random.default_rng(3)
    for variable in model.weights:  # around 0, so that the class depends on the frame
        deviation = np.sqrt(2 / variable.shape[0]) * (variable.name == "kernel")
        variable.assign(random.normal(0, deviation, variable.shape).astype(np.float32))
    model.save(tmp_path / "m.keras")
    compilation = compile_model(tmp_path / "m.keras")
    frames = random.normal(0, 1, (2000, 16)).astype(np.float32)
    wanted = np.argmax(np.asarray(model(frames)), axis=1)
    got = np.argmax(compilation.golden.run({"pixels": frames}), axis=1)
    assert len(np.unique(wanted)) == 5
    assert np.mean(wanted == got) > 0.95


REFUSED: dict[str, tuple[Callable[[Any], Any], str]] = {
    "go_backwards_ignored": (
        lambda L: sequential((5, 3), L.LSTM(2, go_backwards=True, name="bad")), "LSTM"
    ),
    "simple_rnn_uninitialised": (
        lambda L: sequential((5, 3), L.SimpleRNN(2, name="bad")), "SimpleRNN"
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_refused_in_one_line(name: str, tmp_path: Path) -> None:
    build, kind = REFUSED[name]
    build(start_tensorflow().layers).save(tmp_path / "m.h5")
    with pytest.raises(CompileError) as caught:
        read_network(tmp_path / "m.h5")
    message = str(caught.value)
    assert message.startswith(f"bad: layers of class '{kind}' are not supported; supported are ")
    assert "\n" not in message
