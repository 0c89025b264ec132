"""The networks of the benchmark MLPerf Tiny (github.com/mlcommons/tiny, benchmark/training).

Architectures as published there; weights are random, so that accuracies mean nothing.  Training
adds regularizers and initializers, which are left out.
"""

from __future__ import annotations

from zoo.entry import Entry
from zoo.graphs import GraphBuilder, Value
from zoo.network import (
    Activate,
    BatchNorm,
    Conv,
    Dense,
    Dropout,
    Flatten,
    Graph,
    KerasLayer,
    Network,
    SingleLayer,
    Size,
)

_NORMALIZED = (BatchNorm(), Activate("relu"))


def _convolution(filters: int, kernel: Size, stride: Size = 1) -> tuple[SingleLayer, ...]:
    return (Conv(filters, kernel, stride=stride, padding="same"), *_NORMALIZED)


def _depthwise(stride: int = 1) -> tuple[SingleLayer, ...]:
    layer = KerasLayer("DepthwiseConv2D", kernel_size=3, strides=stride, padding="same")
    return (layer, *_NORMALIZED)


def _average(height: int, width: int) -> SingleLayer:
    return KerasLayer("AveragePooling2D", pool_size=(height, width))


def _ds_cnn() -> Network:
    """Keyword spotting (keyword_spotting/keras_model.py, "ds_cnn")."""
    separable = (*_depthwise(), *_convolution(64, 1))
    return Network(
        "ds_cnn",
        (49, 10, 1),
        (
            *_convolution(64, (10, 4), stride=2),
            Dropout(0.2),
            *separable * 4,
            Dropout(0.4),
            # As published: it leaves out the last of 25 rows.
            _average(24, 5),
            Flatten(),
            Dense(12, activation="softmax"),
        ),
    )


def _mobilenet() -> Network:
    """Visual wake words (visual_wake_words/vww_model.py): MobileNetV1, a quarter of its width."""
    filters_and_strides = (
        *((16, 1), (32, 2), (32, 1), (64, 2), (64, 1), (128, 2)),
        *((128, 1),) * 5,
        *((256, 2), (256, 1)),
    )
    separable = (
        layer
        for filters, stride in filters_and_strides
        for layer in (*_depthwise(stride), *_convolution(filters, 1))
    )
    layers = (
        *_convolution(8, 3, stride=2),
        *separable,
        _average(3, 3),
        Flatten(),
        Dense(2, activation="softmax"),
    )
    return Network("mobilenet_025", (96, 96, 3), layers)


def _resnet8() -> Graph:
    """Image classification (image_classification/keras_model.py)."""
    graph = GraphBuilder("resnet8", (32, 32, 3))
    x = graph.chain(0, *_convolution(16, 3))
    for filters, stride in ((16, 1), (32, 2), (64, 2)):
        x = _residual(graph, x, filters, stride)
    x = graph.chain(x, _average(8, 8), Flatten(), Dense(10, activation="softmax"))
    return graph.build(x)


def _residual(graph: GraphBuilder, x: Value, filters: int, stride: int) -> Value:
    """Add a stack; where it halves the image, there is a convolution in the shortcut, too."""
    long = graph.chain(
        x,
        *_convolution(filters, 3, stride),
        Conv(filters, 3, padding="same"),
        BatchNorm(),
    )
    short = x if stride == 1 else graph.call(Conv(filters, 1, stride=stride, padding="same"), x)
    return graph.chain(graph.call(KerasLayer("Add"), short, long), Activate("relu"))


def _wake_word() -> Network:
    """Streaming wake word (streaming_wakeword/keras_model.py, "ds_tcn"): 30 frames of 40 bands.

    The published one has layers of two dimensions on images that are one pixel wide; these are
    the same layers of one dimension.
    """
    blocks = (
        layer
        for filters, kernel in ((128, 3), (64, 5), (64, 10), (32, 15))
        for layer in (
            KerasLayer("DepthwiseConv1D", kernel_size=kernel, use_bias=False),
            KerasLayer("Conv1D", filters=filters, kernel_size=1, use_bias=False),
            *_NORMALIZED,
            Dropout(0.2),
        )
    )
    return Network("wake_word", (30, 40), (*blocks, Flatten(), Dense(3)))


def _anomaly() -> Network:
    """Anomaly detection (anomaly_detection/keras_model.py): an autoencoder of 5 spectra."""
    widths = (128, 128, 128, 128, 8, 128, 128, 128, 128)
    hidden = (layer for units in widths for layer in (Dense(units), *_NORMALIZED))
    return Network("anomaly_autoencoder", (640,), (*hidden, Dense(640)))


MLPERF: tuple[Entry, ...] = (
    Entry(_ds_cnn(), "DS-CNN of MLPerf Tiny: keywords, depthwise separable"),
    Entry(_mobilenet(), "MobileNetV1 x0.25 of MLPerf Tiny: people in images of 96x96"),
    Entry(_resnet8(), "ResNet-8 of MLPerf Tiny: CIFAR-10, residual"),
    Entry(_wake_word(), "wake word of MLPerf Tiny v1.3: convolutions in one dimension"),
    Entry(_anomaly(), "autoencoder of MLPerf Tiny: sounds of machines, dense"),
)
