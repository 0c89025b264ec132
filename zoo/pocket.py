"""What the zoo of pocket-cnn (github.com/marph91/pocket-cnn) covers, and its benchmark networks.

Each ends in a global average.
"""

from __future__ import annotations

from zoo.entry import Entry
from zoo.network import Conv, GlobalAverage, Layer, LeakyRelu, MaxPool, Network


def _shape(name: str, description: str, shape: tuple[int, ...], *layers: Layer) -> Entry:
    return Entry(Network(name, shape, (*layers, GlobalAverage())), description)


def _relu_conv(filters: int, kernel: int, stride: int = 1) -> Conv:
    return Conv(filters, kernel, stride=stride, activation="relu")


POCKET: tuple[Entry, ...] = (
    _shape(
        "pocket_baseline",
        "baseline of pocket-cnn",
        (6, 6, 1),
        _relu_conv(4, 3),
        MaxPool(2),
        _relu_conv(8, 1),
    ),
    _shape(
        "pocket_2x",
        "2x of pocket-cnn",
        (14, 14, 1),
        _relu_conv(8, 3),
        MaxPool(2),
        _relu_conv(16, 3),
        MaxPool(2),
        _relu_conv(32, 1),
        _relu_conv(8, 1),
    ),
    _shape(
        "pocket_4x3x1_1x1",
        "four 3x3 convolutions, then 1x1",
        (10, 10, 1),
        *(_relu_conv(filters, 3) for filters in (8, 10, 12, 14)),
        _relu_conv(16, 1),
    ),
    _shape(
        "pocket_lenet",
        "LeNet of pocket-cnn: 12 million multiplications",
        (28, 28, 1),
        _relu_conv(32, 3),
        _relu_conv(64, 3),
        MaxPool(2),
        _relu_conv(128, 1),
        Conv(10, 1),
    ),
    _shape(
        "pocket_mt",
        "mt of pocket-cnn: padded convolutions, oblong images",
        (48, 24, 1),
        Conv(16, 3, padding="same", activation="relu"),
        MaxPool(2),
        Conv(32, 3, padding="same", activation="relu"),
        MaxPool(2),
        _relu_conv(64, 1),
        _relu_conv(2, 1),
    ),
    *(
        _shape(
            f"conv_{kernel}x{kernel}_stride_{stride}",
            f"kernel {kernel}, stride {stride}",
            (11, 11, 2),
            _relu_conv(4, kernel, stride),
        )
        for kernel in (1, 2, 3, 5)
        for stride in (1, 2, 3)
    ),
    *(
        _shape(
            f"conv_{kernel}x{kernel}_pad",
            f"kernel {kernel}, padded to the input's size",
            (9, 7, 1),
            Conv(4, kernel, padding="same", activation="relu"),
            Conv(4, kernel, padding="same", stride=2, activation="relu"),
        )
        for kernel in (2, 3, 5)
    ),
    *(
        _shape(
            f"pool_{size}x{size}_stride_{stride}",
            f"max pool {size}, stride {stride}",
            (11, 11, 1),
            _relu_conv(4, 2),
            MaxPool(size, stride=stride),
            _relu_conv(4, 1),
        )
        for size, stride in ((2, 1), (2, 2), (3, 1), (3, 2), (3, 3))
    ),
    _shape(
        "odd_sizes",
        "sizes that no stride divides; pools drop the rest",
        (13, 9, 1),
        _relu_conv(5, 3, 2),
        MaxPool(2),
        _relu_conv(7, 1),
    ),
    _shape(
        "pad_conv_pool",
        "padded convolution and pool, twice",
        (12, 12, 3),
        Conv(6, 3, padding="same", activation="relu"),
        MaxPool(2),
        Conv(8, 3, padding="same", activation="relu"),
        MaxPool(2),
        Conv(10, 1),
    ),
    _shape(
        "one_by_one_after_3x3",
        "1x1 convolutions behind 3x3",
        (8, 8, 1),
        _relu_conv(6, 3),
        _relu_conv(12, 1),
        _relu_conv(4, 1),
    ),
    _shape(
        "three_channels",
        "three input channels",
        (8, 8, 3),
        _relu_conv(8, 3),
        MaxPool(2),
        _relu_conv(4, 1),
    ),
    _shape(
        "leaky_relu",
        "leaky ReLU 1/8",
        (8, 8, 2),
        Conv(6, 3),
        LeakyRelu(0.125),
        Conv(4, 1),
        LeakyRelu(0.125),
    ),
    _shape(
        "no_relu", "convolutions without activation", (8, 8, 2), Conv(6, 3), MaxPool(2), Conv(4, 1)
    ),
)
