"""Seeded weights for the Keras model of a description."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.keras_model import KERAS, to_keras
from zoo.network import Description
from zoo.weights import VARIABLES, FloatArray, Regime, draw_layer

if TYPE_CHECKING:
    import keras

_SETTLING_FRAMES = 32


def with_weights(network: Description, seed: int, regime: Regime = Regime.ORDINARY) -> keras.Model:
    """Build ``network`` with weights of ``regime`` that depend on ``seed`` alone."""
    model = to_keras(network)
    random = np.random.default_rng(seed)
    for layer in _leaves(model):
        for variables in _groups(layer):
            shapes = {name: _canonical(layer, name, v) for name, v in variables.items()}
            for name, values in draw_layer(shapes, regime, random).items():
                variables[name].assign(_as_kept(layer, name, values, variables[name]))
    if regime is Regime.SETTLED:
        _settle(model, random)
    return model


def _leaves(model: keras.Model) -> Iterator[Any]:
    for layer in model.layers:
        if isinstance(layer, KERAS.Model):
            yield from _leaves(layer)
        else:
            yield layer


def _groups(layer: Any) -> Iterator[dict[str, Any]]:
    """Yield the variables of ``layer`` that are drawn together, a kernel first, by short name."""
    found = {variable.name: variable for variable in layer.weights}
    if "depthwise_kernel" in found:
        yield {"kernel": found.pop("depthwise_kernel")}
        found = {name.removeprefix("pointwise_"): value for name, value in found.items()}
    yield {name: value for name, value in found.items() if name in VARIABLES}


def _canonical(layer: Any, name: str, variable: Any) -> tuple[int, ...]:
    """Return the shape of ``variable`` with the output channels as its last axis."""
    shape = tuple(variable.shape)
    if name != "kernel":
        return shape
    if _is_depthwise(variable):
        return *shape[:-2], shape[-2] * shape[-1]
    if _is_transposed(layer):
        return *shape[:-2], shape[-1], shape[-2]
    return shape


def _as_kept(layer: Any, name: str, values: FloatArray, variable: Any) -> FloatArray:
    """Return ``values`` of the canonical shape as Keras keeps them."""
    if name == "kernel" and _is_transposed(layer):
        values = values.swapaxes(-1, -2)
    return values.reshape(variable.shape)


def _is_depthwise(variable: Any) -> bool:
    return "depthwise" in variable.path.lower()


def _is_transposed(layer: Any) -> bool:
    return isinstance(layer, KERAS.layers.Conv1DTranspose | KERAS.layers.Conv2DTranspose)


def _settle(model: keras.Model, random: np.random.Generator) -> None:
    """Give batch normalizations about the statistics that random frames have in front of them.

    In training each normalizes by the batch and, with a momentum of 0, keeps what it saw.
    """
    normalizations = [n for n in _leaves(model) if isinstance(n, KERAS.layers.BatchNormalization)]
    dropouts = [d for d in _leaves(model) if isinstance(d, KERAS.layers.Dropout)]
    momenta, rates = [n.momentum for n in normalizations], [d.rate for d in dropouts]
    for normalization in normalizations:
        normalization.momentum = 0.0
    for dropout in dropouts:
        dropout.rate = 0.0
    shapes = [(_SETTLING_FRAMES, *source.shape[1:]) for source in model.inputs]
    frames = [random.uniform(0, 1, shape).astype(np.float32) for shape in shapes]
    model(frames if len(frames) > 1 else frames[0], training=True)
    for normalization, momentum in zip(normalizations, momenta, strict=True):
        normalization.momentum = momentum
        _blur(normalization, random)
    for dropout, rate in zip(dropouts, rates, strict=True):
        dropout.rate = rate


def _blur(normalization: Any, random: np.random.Generator) -> None:
    """Move statistics as far as those of training are from those of other data."""
    mean = np.asarray(normalization.moving_mean)
    variance = np.asarray(normalization.moving_variance) + 1e-3
    offset = random.uniform(-0.2, 0.2, mean.shape) * np.sqrt(variance)
    normalization.moving_mean.assign(_rounded(mean + offset))
    normalization.moving_variance.assign(
        _rounded(variance * random.uniform(0.7, 1.4, variance.shape))
    )


def _rounded(values: Any) -> FloatArray:
    """Keep 11 bits of each value, so that the order of a sum seldom changes it."""
    fractions, exponents = np.frexp(values)
    rounded: FloatArray = np.ldexp(np.rint(fractions * 2048) / 2048, exponents).astype(np.float32)
    return rounded
