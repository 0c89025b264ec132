"""From a description to a Keras model."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from frontend.reference import start_tensorflow
from zoo.network import (
    Activate,
    BatchNorm,
    Conv,
    Dense,
    Dropout,
    Flatten,
    GlobalAverage,
    Layer,
    LeakyRelu,
    MaxPool,
    Nested,
    Network,
    Normalize,
    Pad,
    Relu,
    Rescale,
    SingleLayer,
)
from zoo.shapes import output_shape
from zoo.weights import Regime, draw_layer

if TYPE_CHECKING:
    import keras

# Without oneDNN: its convolutions depend on the processor, and with one input channel and unequal
# strides they read past the image (TensorFlow 2.21).
_keras: Any = start_tensorflow()
logging.getLogger("absl").setLevel(logging.ERROR)  # Each .h5 file written is a warning of Keras.


def to_keras(network: Network) -> keras.Model:
    """Build ``network`` with Keras's own initial weights (seed them before calling).

    Layers are named after their kind and position, so that files are the same on every run.
    """
    model = _chain(network.name, network.input_shape, network.layers, "", network.functional)
    model.compile()  # Keras warns about every file of a model that was never compiled.
    return model


def with_weights(network: Network, seed: int, regime: Regime = Regime.ORDINARY) -> keras.Model:
    """Build ``network`` with weights of ``regime`` that depend on ``seed`` alone."""
    model = to_keras(network)
    random = np.random.default_rng(seed)
    for layer in _leaves(model):
        shapes = {v.name: tuple(v.shape) for v in layer.weights if v.name in _DRAWN}
        drawn = draw_layer(shapes, regime, random)
        for variable in layer.weights:
            if variable.name in drawn:
                variable.assign(drawn[variable.name])
    return model


def save_h5(model: keras.Model, path: Path) -> None:
    """Write ``model`` without its optimizer; the bytes depend on the model alone."""
    model.save(path, include_optimizer=False)


_DRAWN = frozenset({"kernel", "bias", "gamma", "beta", "moving_mean", "moving_variance"})


def _chain(
    name: str, shape: tuple[int, ...], layers: tuple[Layer, ...], prefix: str, functional: bool
) -> keras.Model:
    entry = _keras.Input(shape, name=f"{prefix}input")
    built: list[Any] = []
    for index, layer in enumerate(layers):
        label = f"{prefix}{type(layer).__name__.lower()}_{index}"
        if isinstance(layer, Nested):
            built.append(_chain(label, shape, layer.layers, f"{label}_", functional))
        else:
            built.append(_build(layer, label))
        shape = output_shape(layer, shape)
    if not functional:
        return _keras.Sequential([entry, *built], name=name)
    value = entry
    for step in built:
        value = step(value)
    return _keras.Model(entry, value, name=name)


def _leaves(model: keras.Model) -> Iterator[Any]:
    for layer in model.layers:
        if isinstance(layer, _keras.Model):
            yield from _leaves(layer)
        else:
            yield layer


def _build(layer: SingleLayer, name: str) -> Any:
    layers = _keras.layers
    match layer:
        case Conv():
            return layers.Conv2D(
                layer.filters,
                layer.kernel,
                strides=layer.stride,
                dilation_rate=layer.dilation,
                padding=layer.padding,
                use_bias=layer.bias,
                activation=layer.activation,
                name=name,
            )
        case Dense():
            return layers.Dense(
                layer.units, use_bias=layer.bias, activation=layer.activation, name=name
            )
        case BatchNorm():
            return layers.BatchNormalization(name=name)
        case Relu():
            return layers.ReLU(layer.max_value, layer.negative_slope, layer.threshold, name=name)
        case LeakyRelu():
            return layers.LeakyReLU(layer.negative_slope, name=name)
        case Activate():
            return layers.Activation(layer.function, name=name)
        case MaxPool():
            return layers.MaxPooling2D(
                layer.size, strides=layer.stride, padding=layer.padding, name=name
            )
        case GlobalAverage():
            return layers.GlobalAveragePooling2D(name=name)
        case Flatten():
            return layers.Flatten(name=name)
        case Pad():
            return layers.ZeroPadding2D(
                ((layer.top, layer.bottom), (layer.left, layer.right)), name=name
            )
        case Rescale():
            return layers.Rescaling(layer.scale, layer.offset, name=name)
        case Normalize():
            return layers.Normalization(
                mean=list(layer.mean), variance=list(layer.variance), name=name
            )
        case Dropout():
            return layers.Dropout(layer.rate, name=name)
