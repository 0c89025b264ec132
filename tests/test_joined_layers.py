"""Layers that join, move and repeat tensors: from Keras to a written core, and some to GHDL."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from frontend.compiler import CompileOptions, SimulationRequest, compile_model, write_output
from frontend.open_model import open_model
from frontend.quantize import QuantizeOptions
from frontend.reference import onnx_predict, start_tensorflow
from ir.elements import DotProduct, Extremum, Lookup, Merge, PairLookup, Product, Reorder, Softmax
from ir.errors import CompileError
from tests.branch_models import branch_models
from tests.keras_weights import randomized, sequential

IMAGE = (4, 5, 3)

JOINS = (
    "add", "attention", "average", "concatenate", "dot", "gate", "maximum", "merged", "minimum",
    "multiply", "operators", "subtract",
)  # fmt: skip
BRANCHING = [name for name in branch_models() if name.startswith(JOINS)]


def crossed(L: Any) -> Any:
    """Streams of two orders meet twice."""
    source = L.Input((4, 4, 3))
    left, right = (
        L.Conv2D(3, 1)(source),
        L.Permute((2, 1, 3))(L.Conv2D(3, 3, padding="same")(source)),
    )
    joined = L.Concatenate(axis=1)([right, left, right])
    return randomized(start_tensorflow().Model(source, [L.Add()([left, right]), joined]))


def broadcast(L: Any, kind: str, small: Any) -> Any:
    source = L.Input(IMAGE)
    other = small(L.Conv2D(3, 3, padding="same")(source))
    joined = getattr(L, kind)()([L.Conv2D(3, 1)(source), other])
    return randomized(start_tensorflow().Model(source, joined))


MODELS: dict[str, Callable[[Any], Any]] = {
    "crossed": crossed,
    "a row added": lambda L: broadcast(L, "Add", L.MaxPooling2D((4, 1))),
    "a factor for each pixel": lambda L: broadcast(L, "Multiply", L.Conv2D(1, 1)),
    "at most the mean": lambda L: broadcast(L, "Minimum", L.GlobalAveragePooling2D(keepdims=True)),
    "less the mean": lambda L: broadcast(L, "Subtract", L.GlobalAveragePooling2D(keepdims=True)),
    "repeated": lambda L: sequential((6,), L.Dense(4), L.RepeatVector(3), L.Conv1D(5, 2)),
    "repeated softmax": lambda L: sequential(
        (6,), L.Dense(4), L.RepeatVector(3), L.Softmax(), L.Conv1D(5, 2)
    ),
    "repeated normalization": lambda L: sequential(
        (6,), L.Dense(4), L.RepeatVector(3), L.LayerNormalization(), L.Conv1D(5, 2)
    ),
    "repeated output": lambda L: sequential((6,), L.Dense(4), L.RepeatVector(3)),
    "repeated input": lambda L: sequential((6,), L.RepeatVector(3), L.Conv1D(5, 2)),
    "repeated and flattened": lambda L: sequential(
        (6,), L.Dense(4), L.RepeatVector(3), L.Flatten(), L.Dense(2)
    ),
    "permuted": lambda L: sequential(IMAGE, L.Conv2D(3, 2), L.Permute((3, 1, 2)), L.Conv2D(2, 2)),
    "permuted and reshaped": lambda L: sequential(
        IMAGE, L.Conv2D(3, 2), L.Permute((3, 1, 2)), L.Reshape((4, 9))
    ),
    "permuted sequence": lambda L: sequential(
        (5, 4), L.Conv1D(4, 2), L.Permute((2, 1)), L.Conv1D(3, 2), L.Flatten(), L.ReLU()
    ),
    "permuted and flattened": lambda L: sequential(
        IMAGE, L.Conv2D(3, 1), L.Permute((2, 3, 1)), L.Flatten()
    ),
    "channel shuffle": lambda L: sequential(
        (4, 4, 6),
        L.Conv2D(6, 1, groups=3),
        L.Reshape((4, 4, 3, 2)),
        L.Permute((1, 2, 4, 3)),
        L.Reshape((4, 4, 6)),
        L.DepthwiseConv2D(3),
    ),
    "image of a sequence": lambda L: sequential(
        (4, 6, 3), L.Conv2D(3, 1), L.Reshape((12, 6)), L.Conv1D(2, 3), L.Flatten(), L.Dense(3)
    ),
}


def compiled(
    model: Any,
    folder: Path,
    simulation: SimulationRequest | None = None,
    options: CompileOptions | None = None,
) -> list[type]:
    """Compile, which compares with onnxruntime, and write all files; return the elements' kinds."""
    model.save(folder / "model.keras")
    compilation = compile_model(folder / "model.keras", options)
    write_output(compilation, folder / "out", simulation)
    return [type(element) for element in compilation.graph]


@pytest.mark.parametrize("name", BRANCHING)
def test_joins_compile(name: str, tmp_path: Path) -> None:
    kinds = compiled(branch_models()[name](), tmp_path)
    assert PairLookup not in kinds  # the scales are chosen such that arithmetic will do
    wanted = {
        "add": Merge, "average": Merge, "subtract": Merge, "multiply": Product,
        "maximum": Extremum, "minimum": Extremum, "dot": DotProduct, "attention": DotProduct,
    }.get(name.partition("_")[0])  # fmt: skip
    assert wanted is None or wanted in kinds or name == "average_of_one"


@pytest.mark.parametrize("name", MODELS)
def test_layouts_compile(name: str, tmp_path: Path) -> None:
    kinds = compiled(MODELS[name](start_tensorflow().layers), tmp_path)
    assert (Reorder in kinds) == (name not in ("repeated and flattened", "image of a sequence"))


@pytest.mark.parametrize("name", ["crossed", "a factor for each pixel", "repeated"])
def test_layouts_in_ghdl(name: str, tmp_path: Path) -> None:
    compiled(MODELS[name](start_tensorflow().layers), tmp_path, SimulationRequest(frames=3))


def test_a_gate_in_ghdl(tmp_path: Path) -> None:
    """Squeeze and excitation: a factor for each channel of the frame."""
    kinds = compiled(branch_models()["gate"](), tmp_path, SimulationRequest(frames=3))
    assert kinds.count(Product) == kinds.count(Reorder) == 1
    assert Lookup not in kinds


@pytest.mark.parametrize("name", ["attention", "dot_normalized"])
def test_products_of_matrices_in_ghdl(name: str, tmp_path: Path) -> None:
    compiled(branch_models()[name](), tmp_path, SimulationRequest(frames=3))


def test_attention_in_ghdl(tmp_path: Path) -> None:
    """Softmax of the products of queries and keys, times the values."""
    keras = start_tensorflow()
    L = keras.layers
    source = keras.Input((5, 4), name="steps")
    query, key, value = (L.Conv1D(3, 1, name=name)(source) for name in ("q", "k", "v"))
    weights = L.Softmax()(L.Dot((2, 2), name="scores")([query, key]))
    model = randomized(keras.Model(source, L.Conv1D(2, 1)(L.Dot((2, 1))([weights, value]))))
    options = CompileOptions(quantization=QuantizeOptions(softmax=True))
    kinds = compiled(model, tmp_path, SimulationRequest(frames=2), options)
    assert kinds.count(DotProduct) == 2
    assert Softmax in kinds


def test_lengths_of_matrices_are_refused(tmp_path: Path) -> None:
    keras = start_tensorflow()
    sources = [keras.Input((4, 3), name=name) for name in "ab"]
    layer = keras.layers.Dot((2, 2), normalize=True, name="similarity")
    keras.Model(sources, layer(sources)).save(tmp_path / "m.keras")
    with pytest.raises(CompileError) as refusal:
        compile_model(tmp_path / "m.keras")
    assert str(refusal.value) == (
        "similarity: normalize must be False where an input is no vector; change the model and "
        "train it again"
    )


def test_joins_of_unlike_ranks_are_refused(tmp_path: Path) -> None:
    keras = start_tensorflow()
    a, b = keras.Input((3,), name="a"), keras.Input((4, 3), name="b")
    keras.Model([a, b], keras.layers.Add(name="sum")([a, b])).save(tmp_path / "m.keras")
    with pytest.raises(CompileError) as refusal:
        compile_model(tmp_path / "m.keras")
    assert str(refusal.value) == (
        "sum: its inputs must have as many axes as each other, not [3], [4, 3]; change the model "
        "and train it again"
    )


def test_as_many_frames_as_channels_are_not_taken_for_a_bias(tmp_path: Path) -> None:
    """Eager Keras adds (5, 1, 1) to (5, 1, 5) along the channels; five frames are compared."""
    L = start_tensorflow().layers
    source = L.Input((1, 5))
    model = start_tensorflow().Model(source, L.Add()([source, L.Conv1D(1, 1)(source)]))
    model.save(tmp_path / "model.keras")
    compile_model(tmp_path / "model.keras")


@pytest.mark.parametrize("length", [3e-8, 3e-7, 1e-5])
def test_normalized_short_vectors(tmp_path: Path, length: float) -> None:
    """Keras leaves vectors that are shorter than 1e-7 short."""
    L = start_tensorflow().layers
    source = L.Input((4,), name="frames")
    model = start_tensorflow().Model(source, L.Dot(1, normalize=True)([source, source]))
    model.save(tmp_path / "model.keras")
    loaded = open_model(tmp_path / "model.keras")
    frames = np.full((1, 4), length / 2, np.float32)
    (wanted,) = loaded.run({"frames": frames})
    computed = onnx_predict(loaded.model)(frames)
    np.testing.assert_allclose(computed, wanted, rtol=1e-5)
    assert wanted[0, 0] == pytest.approx(min(1, (length / 1e-7) ** 2), rel=1e-5)
