"""A loaded network: the chain of its layers with shapes and weights, in typed values."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from frontend.keras_files import open_keras_file
from frontend.layers import Layer, Shape
from frontend.limits import MAX_LAYERS, check_activation, check_parameters
from frontend.model_config import Model, read_model
from frontend.weights import read_weights
from ir.errors import CompileError


@dataclass(frozen=True, slots=True)
class Step:
    """One call of a layer. Shapes are NHWC of one frame; weights are read-only, by Keras's name."""

    layer: Layer
    input_shape: Shape
    output_shape: Shape
    weights: dict[str, NDArray[np.float32]]


@dataclass(frozen=True, slots=True)
class Network:
    """The chain of layers of a model file, nested models taken apart."""

    name: str
    input_name: str
    input_shape: Shape
    steps: tuple[Step, ...]
    format: str
    keras_version: str

    @property
    def output_shape(self) -> Shape:
        """Shape of one output frame, NHWC."""
        return self.steps[-1].output_shape


def read_network(path: Path, weights: Path | None = None) -> Network:
    """Read a model file completely, without Keras, refusing all that is not supported.

    Args:
        path: ``.h5``, ``.hdf5``, ``.keras`` or ``.json``.
        weights: weights file of a ``.json``.

    Raises:
        CompileError: one line that names the file or the layer.
    """
    with open_keras_file(path, weights) as file:
        model = read_model(file.config, str(path))
        if model.input_shape is None:
            raise CompileError(
                "load",
                str(path),
                "does not say its input shape",
                "start the model with keras.Input(shape)",
            )
        calls = _shapes(model, model.input_shape, str(path))
        expected = {}
        for layer, shape, _ in calls:
            if shapes := layer.weights(shape):
                expected[layer.name] = shapes
        values = read_weights(file, model, expected)
        steps = tuple(
            Step(layer, before, after, values.get(layer.name, {})) for layer, before, after in calls
        )
        return Network(
            model.name, model.input_name, model.input_shape, steps, file.format, file.keras_version
        )


def _shapes(model: Model, shape: Shape, source: str) -> list[tuple[Layer, Shape, Shape]]:
    """Return (layer, input shape, output shape) of every call, all within the limits."""
    check_activation(model.input_name, shape)
    calls: list[tuple[Layer, Shape, Shape]] = []
    total = 0
    weights: dict[str, dict[str, Shape]] = {}
    for layer in model.chain():
        try:
            after = layer.output_shape(shape)
        except ValueError as error:
            raise CompileError(
                "load", layer.name, str(error), "change the model and train it again"
            ) from error
        check_activation(layer.name, after)
        own = layer.weights(shape)
        if layer.name not in weights:
            total = check_parameters(layer.name, own, total)
        elif own != weights[layer.name]:
            raise CompileError(
                "load",
                layer.name,
                f"is called again on another shape, {list(shape)}",
                "use a layer of its own there",
            )
        weights[layer.name] = own
        calls.append((layer, shape, after))
        shape = after
        if len(calls) > MAX_LAYERS:
            raise CompileError(
                "load", source, f"calls more than {MAX_LAYERS} layers", "use a smaller model"
            )
    return calls
