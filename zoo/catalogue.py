"""The registry: every network of the zoo by name."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

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

MODELS = Path(__file__).parent / "models"
_SEED = 1

DataSet: TypeAlias = Literal["digits", "digits_flat", "digits_raw", "jets"]


@dataclass(frozen=True, slots=True)
class Entry:
    """A network of the zoo.

    ``data``: what it was trained on, or None: its weights are random, drawn with a fixed seed.
    """

    network: Network
    description: str
    data: DataSet | None = None

    @property
    def name(self) -> str:
        """The name in the registry, and of the file."""
        return self.network.name


def networks() -> dict[str, Entry]:
    """Return every network of the zoo by name, the trained ones first."""
    return {entry.name: entry for entry in (*_TRAINED, *_SHAPES)}


def save(name: str, path: Path) -> None:
    """Write the Keras file (.h5) of the network ``name``, trained or with seeded weights."""
    entry = networks()[name]
    if entry.data is not None:
        shutil.copyfile(MODELS / f"{name}.h5", path)
    else:
        from zoo.keras_model import save_h5, with_weights  # TensorFlow takes seconds to import

        save_h5(with_weights(entry.network, _SEED), path)


def _trained(name: str, description: str, data: DataSet, shape: tuple[int, ...],
             *layers: Layer) -> Entry:
    return Entry(Network(name, shape, layers), description, data)


def _shape(name: str, description: str, shape: tuple[int, ...], *layers: Layer) -> Entry:
    return Entry(Network(name, shape, layers), description)


def _relu_conv(filters: int, kernel: int, stride: int = 1) -> Conv:
    return Conv(filters, kernel, stride=stride, activation="relu")


_IMAGE = (8, 8, 1)
_CLASSIFIER = (Flatten(), Dropout(0.25), Dense(32, activation="relu"),
               Dense(10, activation="softmax"))

_TRAINED = (
    _trained(
        "digits_cnn", "LeNet-like: two convolutions with pools, two dense layers", "digits", _IMAGE,
        Conv(8, 3, padding="same", activation="relu"), MaxPool(2),
        Conv(16, 3, padding="same", activation="relu"), MaxPool(2),
        *_CLASSIFIER),
    _trained(
        "digits_mlp", "64-32-10", "digits_flat", (64,),
        Dense(32, activation="relu"), Dense(10, activation="softmax")),
    _trained(
        "jet_mlp", "16-64-32-32-5, the shape of the jet taggers, on synthetic data", "jets", (16,),
        Dense(64, activation="relu"), Dense(32, activation="relu"), Dense(32, activation="relu"),
        Dense(5, activation="softmax")),
    _trained(
        "digits_batchnorm", "batch normalization in front of and behind every layer, also in "
        "front of a padded convolution, where it cannot be folded", "digits", _IMAGE,
        BatchNorm(), Conv(8, 3, padding="same", bias=False), BatchNorm(), Relu(), MaxPool(2),
        BatchNorm(), Conv(16, 3, padding="same"), Relu(), BatchNorm(), MaxPool(2),
        Flatten(), Dense(32, bias=False), BatchNorm(), Relu(), Dropout(0.2), Dense(10),
        BatchNorm()),
    _trained(
        "digits_relu6", "ReLU6, global average pooling instead of Flatten", "digits", _IMAGE,
        Conv(8, 3), Relu(max_value=6.0), Conv(16, 3), Relu(max_value=6.0), MaxPool(2),
        Conv(32, 2), Relu(max_value=6.0), GlobalAverage(), Dense(10, activation="softmax")),
    _trained(
        "digits_leaky", "leaky ReLU 1/8, overlapping pool, asymmetric explicit padding", "digits",
        _IMAGE,
        Pad(0, 1, 1, 2), Conv(8, 3), LeakyRelu(0.125), MaxPool(3, stride=2),
        Conv(16, 2, bias=False), LeakyRelu(0.125), Flatten(), Dense(10)),
    _trained(
        "digits_stride", "same padding with stride 2, dilation 2, no pool; logits", "digits",
        _IMAGE,
        Conv(8, 3, stride=2, padding="same", activation="relu"),
        Conv(16, 3, dilation=2, padding="same", activation="relu"),
        Conv(16, 3, stride=2, padding="same", activation="relu"), Flatten(), Dense(10)),
    _trained(
        "digits_rescaling", "raw pixels 0 .. 16 and a Rescaling layer in front", "digits_raw",
        _IMAGE,
        Rescale(1 / 8, -1.0), Conv(8, 3, activation="relu"), MaxPool(2),
        *_CLASSIFIER),
)

# What the zoo of pocket-cnn (github.com/marph91/pocket-cnn) covers, and its five benchmark
# networks; each ends in a global average.
_AVERAGE = GlobalAverage()
_SHAPES = (
    _shape("pocket_baseline", "baseline of pocket-cnn", (6, 6, 1),
           _relu_conv(4, 3), MaxPool(2), _relu_conv(8, 1), _AVERAGE),
    _shape("pocket_2x", "2x of pocket-cnn", (14, 14, 1),
           _relu_conv(8, 3), MaxPool(2), _relu_conv(16, 3), MaxPool(2), _relu_conv(32, 1),
           _relu_conv(8, 1), _AVERAGE),
    _shape("pocket_4x3x1_1x1", "four 3x3 convolutions, then 1x1", (10, 10, 1),
           *(_relu_conv(filters, 3) for filters in (8, 10, 12, 14)), _relu_conv(16, 1), _AVERAGE),
    _shape("pocket_lenet", "LeNet of pocket-cnn: 12 million multiplications", (28, 28, 1),
           _relu_conv(32, 3), _relu_conv(64, 3), MaxPool(2), _relu_conv(128, 1), Conv(10, 1),
           _AVERAGE),
    _shape("pocket_mt", "mt of pocket-cnn: padded convolutions, oblong images", (48, 24, 1),
           Conv(16, 3, padding="same", activation="relu"), MaxPool(2),
           Conv(32, 3, padding="same", activation="relu"), MaxPool(2), _relu_conv(64, 1),
           _relu_conv(2, 1), _AVERAGE),
    *(_shape(f"conv_{kernel}x{kernel}_stride_{stride}", f"kernel {kernel}, stride {stride}",
             (11, 11, 2), _relu_conv(4, kernel, stride), _AVERAGE)
      for kernel in (1, 2, 3, 5) for stride in (1, 2, 3)),
    *(_shape(f"conv_{kernel}x{kernel}_pad", f"kernel {kernel}, padded to the input's size",
             (9, 7, 1), Conv(4, kernel, padding="same", activation="relu"),
             Conv(4, kernel, padding="same", stride=2, activation="relu"), _AVERAGE)
      for kernel in (2, 3, 5)),
    *(_shape(f"pool_{size}x{size}_stride_{stride}", f"max pool {size}, stride {stride}",
             (11, 11, 1), _relu_conv(4, 2), MaxPool(size, stride=stride), _relu_conv(4, 1),
             _AVERAGE)
      for size, stride in ((2, 1), (2, 2), (3, 1), (3, 2), (3, 3))),
    _shape("odd_sizes", "sizes that no stride divides; pools drop the rest", (13, 9, 1),
           _relu_conv(5, 3, 2), MaxPool(2), _relu_conv(7, 1), _AVERAGE),
    _shape("pad_conv_pool", "padded convolution and pool, twice", (12, 12, 3),
           Conv(6, 3, padding="same", activation="relu"), MaxPool(2),
           Conv(8, 3, padding="same", activation="relu"), MaxPool(2), Conv(10, 1), _AVERAGE),
    _shape("one_by_one_after_3x3", "1x1 convolutions behind 3x3", (8, 8, 1),
           _relu_conv(6, 3), _relu_conv(12, 1), _relu_conv(4, 1), _AVERAGE),
    _shape("three_channels", "three input channels", (8, 8, 3),
           _relu_conv(8, 3), MaxPool(2), _relu_conv(4, 1), _AVERAGE),
    _shape("leaky_relu", "leaky ReLU 1/8", (8, 8, 2),
           Conv(6, 3), LeakyRelu(0.125), Conv(4, 1), LeakyRelu(0.125), _AVERAGE),
    _shape("no_relu", "convolutions without activation", (8, 8, 2),
           Conv(6, 3), MaxPool(2), Conv(4, 1), _AVERAGE),
)
