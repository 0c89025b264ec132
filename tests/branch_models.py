"""Keras models with branches: every merging layer, and the graphs of published networks."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

from frontend.reference import start_tensorflow
from tests.keras_weights import randomized

Build = Callable[[], Any]


def branch_models() -> dict[str, Build]:
    """Return builders of models with several inputs, forks and merges."""
    L = start_tensorflow().layers
    three = {
        name: getattr(L, name) for name in ("Add", "Multiply", "Average", "Maximum", "Minimum")
    }
    models: dict[str, Build] = {
        f"{name.lower()}_{count}": lambda kind=kind, count=count: _merged(kind(), count)
        for name, kind in three.items()
        for count in (2, 3)
    }
    for axis in (1, 2, 3, -1, -2):
        models[f"concatenate_{axis}"] = lambda axis=axis: _merged(L.Concatenate(axis=axis), 3)
    return models | {
        "subtract_2": lambda: _merged(L.Subtract(), 2),
        "average_of_one": lambda: _merged(L.Average(), 1),
        "merged_layouts": _merged_layouts,
        "merged_sequences": _merged_sequences,
        "merged_vectors": _merged_vectors,
        "gate": _gate,
        "attention": _attention,
        "dot_vectors": lambda: _dot((6,), (6,), axes=1),
        "dot_normalized": lambda: _dot((6,), (6,), axes=-1, normalize=True),
        "dot_matrices": lambda: _dot((4, 6), (6, 3), axes=(2, 1)),
        "dot_other_axes": lambda: _dot((4, 6), (5, 4), axes=(1, 2)),
        "dot_matrix_vector": lambda: _dot((4, 6), (6,), axes=(2, 1)),
        "dot_vector_matrix": lambda: _dot((6,), (6, 3), axes=(1, 1)),
        "dot_images": _dot_images,
        "operators": _operators,
        "operators_on_numbers": _operators_on_numbers,
        "convnext": _convnext,
        "residual": _residual,
        "dense_connections": _dense_connections,
        "inception": _inception,
        "siamese": _siamese,
        "shared_into_merge": _shared_into_merge,
    }


def _merged(layer: Any, count: int) -> Any:
    keras = start_tensorflow()
    sources = [keras.Input((5, 4, 3), name=f"in_{n}") for n in range(count)]
    scaled = [keras.layers.Conv2D(3, 1, name=f"c_{n}")(s) for n, s in enumerate(sources)]
    return randomized(keras.Model(sources, layer(scaled)))


def _merged_layouts() -> Any:
    """Tensors of both layouts meet, and what is needed in both is used in both."""
    keras = start_tensorflow()
    L = keras.layers
    source = keras.Input((6, 4), name="steps")
    plain = L.Reshape((6, 4, 1))(source)
    filtered = L.Conv2D(1, 3, padding="same")(plain)
    total = L.Add()([plain, filtered])
    other = L.Subtract()([L.Permute((1, 2, 3))(filtered), plain])
    return randomized(keras.Model(source, [total, L.Flatten()(other), plain]))


def _merged_sequences() -> Any:
    keras = start_tensorflow()
    L = keras.layers
    source = keras.Input((8, 3), name="steps")
    left, right = L.Conv1D(4, 3, padding="causal")(source), L.Conv1D(4, 1)(source)
    along, across = L.Concatenate(axis=1)([left, right]), L.Concatenate(axis=2)([right, source])
    return randomized(keras.Model(source, [L.Maximum()([left, right]), along, across]))


def _merged_vectors() -> Any:
    keras = start_tensorflow()
    L = keras.layers
    a, b = keras.Input((4,), name="a"), keras.Input((1,), name="b")
    return randomized(keras.Model([a, b], [L.Multiply()([a, b]), L.Concatenate()([b, a, b])]))


def _gate() -> Any:
    """Squeeze and excitation: one factor for each channel."""
    keras = start_tensorflow()
    L = keras.layers
    source = keras.Input((6, 5, 4), name="camera")
    features = L.Conv2D(4, 3, activation="swish", name="features")(source)
    gate = L.GlobalAveragePooling2D(keepdims=True)(features)
    gate = L.Conv2D(4, 1, activation="sigmoid", name="gate")(gate)
    return randomized(keras.Model(source, L.Multiply()([features, gate])))


def _attention() -> Any:
    """Weights from the products of queries and keys; a sigmoid in place of the Softmax."""
    keras = start_tensorflow()
    L = keras.layers
    source = keras.Input((6, 4), name="steps")
    query, key, value = (L.Conv1D(3, 1, name=name)(source) for name in ("q", "k", "v"))
    weights = L.Activation("sigmoid")(L.Dot((2, 2), name="scores")([query, key]))
    return randomized(keras.Model(source, L.Conv1D(2, 1)(L.Dot((2, 1))([weights, value]))))


def _dot(first: tuple[int, ...], second: tuple[int, ...], **options: Any) -> Any:
    keras = start_tensorflow()
    sources = [keras.Input(first, name="a"), keras.Input(second, name="b")]
    return randomized(keras.Model(sources, keras.layers.Dot(**options)(sources)))


def _dot_images() -> Any:
    keras = start_tensorflow()
    L = keras.layers
    source = keras.Input((4, 5, 3), name="camera")
    pair = [L.Conv2D(3, 1)(source), L.Conv2D(2, 1)(source)]
    return randomized(keras.Model(source, L.Dot((1, 1))(pair)))


def _operators() -> Any:
    """Operators on tensors are saved as if they were layers."""
    keras = start_tensorflow()
    L = keras.layers
    source = keras.Input((4,), name="x")
    left, right = L.Dense(4, name="left")(source), L.Dense(4, name="right")(source)
    total = left + right * source - left
    return randomized(keras.Model(source, keras.ops.maximum(total, keras.ops.minimum(left, right))))


def _operators_on_numbers() -> Any:
    """Numbers on either side, and the hard sigmoid of MobileNetV3."""
    keras = start_tensorflow()
    L = keras.layers
    source = keras.Input((5, 4, 3), name="camera")
    gate = L.ReLU(6.0)(source + 3.0) * (1.0 / 6.0)
    end = L.Conv2D(3, 1)((2 - (0.5 * source - 0.25)) / 4.0)
    return randomized(keras.Model(source, 1.5 + gate * end))


def _convnext() -> Any:
    """A block of ConvNeXt as keras.applications builds it."""
    keras = start_tensorflow()
    L = keras.layers
    source = keras.Input((5, 4, 3), name="camera")
    inner = L.LayerNormalization(epsilon=1e-6)(L.Conv2D(3, 3, padding="same", groups=3)(source))
    inner = L.Dense(3)(L.Activation("gelu")(L.Dense(12)(inner)))
    scale = importlib.import_module("keras.src.applications.convnext").LayerScale
    return randomized(keras.Model(source, source + scale(1e-6, 3)(inner)))


def _residual() -> Any:
    """A block that keeps the shape, and one whose shortcut skips over a stride."""
    keras = start_tensorflow()
    L = keras.layers

    def conv(x: Any, filters: int, size: int, stride: int) -> Any:
        x = L.Conv2D(filters, size, strides=stride, padding="same")(x)
        return L.BatchNormalization()(x)

    source = keras.Input((8, 8, 3), name="camera")
    x = L.Activation("relu")(conv(source, 4, 3, 1))
    x = L.Activation("relu")(L.Add()([x, conv(L.Activation("relu")(conv(x, 4, 3, 1)), 4, 3, 1)]))
    long = conv(L.Activation("relu")(conv(x, 6, 3, 2)), 6, 3, 1)
    x = L.Activation("relu")(L.Add()([conv(x, 6, 1, 2), long]))
    x = L.Flatten()(L.AveragePooling2D(4)(x))
    return randomized(keras.Model(source, L.Dense(3, activation="softmax")(x)))


def _dense_connections() -> Any:
    keras = start_tensorflow()
    L = keras.layers
    source = keras.Input((6, 6, 2), name="camera")
    tensors = [source]
    for _ in range(3):
        x = L.Concatenate()(tensors) if len(tensors) > 1 else source
        tensors.append(L.Conv2D(2, 3, padding="same", activation="relu")(x))
    return randomized(keras.Model(source, L.GlobalAveragePooling2D()(L.Concatenate()(tensors))))


def _inception() -> Any:
    keras = start_tensorflow()
    L = keras.layers
    source = keras.Input((6, 6, 3), name="camera")
    branches = [
        L.Conv2D(2, 1)(source),
        L.Conv2D(2, 3, padding="same")(L.Conv2D(2, 1)(source)),
        L.AveragePooling2D(3, 1, padding="same")(source),
        L.MaxPooling2D(3, 1, padding="same")(source),
    ]
    return randomized(keras.Model(source, L.Concatenate()(branches)))


def _siamese() -> Any:
    """One network for two inputs."""
    keras = start_tensorflow()
    L = keras.layers
    layers = [keras.Input((6, 6, 2)), L.Conv2D(3, 3, name="c"), L.Flatten(), L.Dense(4, name="d")]
    tower = keras.Sequential(layers, name="tower")
    left, right = keras.Input((6, 6, 2), name="left"), keras.Input((6, 6, 2), name="right")
    return randomized(keras.Model([left, right], L.Subtract()([tower(left), tower(right)])))


def _shared_into_merge() -> Any:
    keras = start_tensorflow()
    L = keras.layers
    source = keras.Input((4,), name="x")
    dense = L.Dense(4, name="again")
    return randomized(keras.Model(source, L.Add()([dense(source), dense(dense(source)), source])))
