"""Small networks of published architectures in Keras, as people convert them to TFLite."""

from __future__ import annotations

from typing import Any

from frontend.reference import start_tensorflow

keras = start_tensorflow()
L = keras.layers


def _activated(x: Any, activation: str) -> Any:
    x = L.BatchNormalization()(x)
    return L.ReLU(6.0)(x) if activation == "relu6" else L.Activation(activation)(x)


def _gated(x: Any, channels: int) -> Any:
    """Squeeze and excite, with the hard sigmoid of MobileNetV3."""
    gate = L.GlobalAveragePooling2D(keepdims=True)(x)
    gate = L.Conv2D(channels // 4, 1, activation="relu")(gate)
    gate = L.Conv2D(channels, 1)(gate)
    return L.Multiply()([x, L.ReLU(6.0)(gate + 3.0) * (1.0 / 6.0)])


def _inverted(x: Any, filters: int, strides: int, activation: str, *, gated: bool) -> Any:
    """Return an inverted residual: expand by 2, depthwise, project; added where it fits."""
    channels = 2 * x.shape[-1]
    y = _activated(L.Conv2D(channels, 1, use_bias=False)(x), activation)
    y = _activated(L.DepthwiseConv2D(3, strides, "same", use_bias=False)(y), activation)
    y = _gated(y, channels) if gated else y
    y = L.BatchNormalization()(L.Conv2D(filters, 1, use_bias=False)(y))
    return L.Add()([x, y]) if strides == 1 and filters == x.shape[-1] else y


def mobilenet_v2() -> Any:
    """Inverted residuals with ReLU6; dense layer and softmax."""
    x = keras.Input((16, 16, 3), name="x")
    y = _activated(L.Conv2D(4, 3, 2, "same", use_bias=False)(x), "relu6")
    for filters, strides in ((4, 1), (6, 2), (6, 1)):
        y = _inverted(y, filters, strides, "relu6", gated=False)
    y = L.GlobalAveragePooling2D()(y)
    return keras.Model(x, L.Dense(5, activation="softmax")(y), name="mobilenet_v2")


def mobilenet_v3() -> Any:
    """Gated inverted residuals with hard swish; the classifier is a convolution."""
    x = keras.Input((16, 16, 3), name="x")
    y = _activated(L.Conv2D(4, 3, 2, "same", use_bias=False)(x), "hard_swish")
    y = _inverted(y, 4, 1, "relu", gated=True)
    y = _inverted(y, 6, 2, "hard_swish", gated=True)
    y = L.GlobalAveragePooling2D(keepdims=True)(y)
    y = L.Conv2D(8, 1, activation="hard_swish")(y)
    return keras.Model(x, L.Softmax()(L.Flatten()(L.Conv2D(5, 1)(y))), name="mobilenet_v3")


def keyword_net() -> Any:
    """Dilated causal convolutions of a sequence, a residual, dense layers at each step."""
    x = y = keras.Input((24, 6), name="x")
    for dilation in (1, 2, 4):
        y = L.Conv1D(6, 3, padding="causal", dilation_rate=dilation, use_bias=False)(y)
        y = _activated(y, "relu")
    y = L.Add()([y, L.Conv1D(6, 3, dilation_rate=2, padding="same")(y)])
    y = L.Dense(4)(L.Dense(5, activation="relu")(y))
    y = L.GlobalAveragePooling1D()(y)
    return keras.Model(x, L.Dense(3)(y), name="keyword_net")


NETWORKS = {"mobilenet_v2": mobilenet_v2, "mobilenet_v3": mobilenet_v3, "keyword_net": keyword_net}
