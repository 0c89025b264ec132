"""The networks that ``zoo.train`` trains, on real data where there is some."""

from __future__ import annotations

from zoo.entry import DataSet, Entry
from zoo.network import (
    BatchNorm,
    Conv,
    Dense,
    Dropout,
    Flatten,
    GlobalAverage,
    Layer,
    LeakyRelu,
    MaxPool,
    Network,
    Pad,
    Relu,
    Rescale,
)


def _trained(
    name: str, description: str, data: DataSet, shape: tuple[int, ...], *layers: Layer
) -> Entry:
    return Entry(Network(name, shape, layers), description, data)


_IMAGE = (8, 8, 1)
_CLASSIFIER = (
    Flatten(),
    Dropout(0.25),
    Dense(32, activation="relu"),
    Dense(10, activation="softmax"),
)

TRAINED: tuple[Entry, ...] = (
    _trained(
        "digits_cnn",
        "LeNet-like: two convolutions with pools, two dense layers",
        "digits",
        _IMAGE,
        Conv(8, 3, padding="same", activation="relu"),
        MaxPool(2),
        Conv(16, 3, padding="same", activation="relu"),
        MaxPool(2),
        *_CLASSIFIER,
    ),
    _trained(
        "digits_mlp",
        "64-32-10",
        "digits_flat",
        (64,),
        Dense(32, activation="relu"),
        Dense(10, activation="softmax"),
    ),
    _trained(
        "jet_mlp",
        "16-64-32-32-5, the shape of the jet taggers, on synthetic data",
        "jets",
        (16,),
        Dense(64, activation="relu"),
        Dense(32, activation="relu"),
        Dense(32, activation="relu"),
        Dense(5, activation="softmax"),
    ),
    _trained(
        "digits_batchnorm",
        "batch normalization in front of and behind every layer, also in "
        "front of a padded convolution, where it cannot be folded",
        "digits",
        _IMAGE,
        BatchNorm(),
        Conv(8, 3, padding="same", bias=False),
        BatchNorm(),
        Relu(),
        MaxPool(2),
        BatchNorm(),
        Conv(16, 3, padding="same"),
        Relu(),
        BatchNorm(),
        MaxPool(2),
        Flatten(),
        Dense(32, bias=False),
        BatchNorm(),
        Relu(),
        Dropout(0.2),
        Dense(10),
        BatchNorm(),
    ),
    _trained(
        "digits_relu6",
        "ReLU6, global average pooling instead of Flatten",
        "digits",
        _IMAGE,
        Conv(8, 3),
        Relu(max_value=6.0),
        Conv(16, 3),
        Relu(max_value=6.0),
        MaxPool(2),
        Conv(32, 2),
        Relu(max_value=6.0),
        GlobalAverage(),
        Dense(10, activation="softmax"),
    ),
    _trained(
        "digits_leaky",
        "leaky ReLU 1/8, overlapping pool, asymmetric explicit padding",
        "digits",
        _IMAGE,
        Pad(0, 1, 1, 2),
        Conv(8, 3),
        LeakyRelu(0.125),
        MaxPool(3, stride=2),
        Conv(16, 2, bias=False),
        LeakyRelu(0.125),
        Flatten(),
        Dense(10),
    ),
    _trained(
        "digits_stride",
        "same padding with stride 2, dilation 2, no pool; logits",
        "digits",
        _IMAGE,
        Conv(8, 3, stride=2, padding="same", activation="relu"),
        Conv(16, 3, dilation=2, padding="same", activation="relu"),
        Conv(16, 3, stride=2, padding="same", activation="relu"),
        Flatten(),
        Dense(10),
    ),
    _trained(
        "digits_rescaling",
        "raw pixels 0 .. 16 and a Rescaling layer in front",
        "digits_raw",
        _IMAGE,
        Rescale(1 / 8, -1.0),
        Conv(8, 3, activation="relu"),
        MaxPool(2),
        *_CLASSIFIER,
    ),
)
