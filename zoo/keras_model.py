"""From a description to a Keras model."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

from frontend.reference import start_tensorflow
from zoo.network import (
    Activate,
    Again,
    BatchNorm,
    Conv,
    Dense,
    Description,
    Dropout,
    Flatten,
    GlobalAverage,
    Graph,
    KerasLayer,
    Layer,
    LayerNorm,
    LeakyRelu,
    MaxPool,
    Nested,
    Normalize,
    Pad,
    PRelu,
    Relu,
    Rescale,
    SingleLayer,
)
from zoo.shapes import output_shape

if TYPE_CHECKING:
    import keras

# Without oneDNN: its convolutions depend on the processor, and with one input channel and unequal
# strides they read past the image (TensorFlow 2.21).
KERAS: Any = start_tensorflow()
logging.getLogger("absl").setLevel(logging.ERROR)  # Each .h5 file written is a warning of Keras.


def to_keras(network: Description) -> keras.Model:
    """Build ``network`` with Keras's own initial weights (seed them before calling).

    Layers are named after their kind and position, so that files are the same on every run.
    """
    if isinstance(network, Graph):
        model = _graph(network, network.name, "")
    else:
        model = _chain(network.name, network.input_shape, network.layers, "", network.functional)
    model.compile()  # Keras warns about every file of a model that was never compiled.
    return model


def save_h5(model: keras.Model, path: Path) -> None:
    """Write ``model`` without its optimizer; the bytes depend on the model alone."""
    model.save(path, include_optimizer=False)


def _chain(
    name: str, shape: tuple[int, ...], layers: tuple[Layer, ...], prefix: str, functional: bool
) -> keras.Model:
    entry = KERAS.Input(shape, name=f"{prefix}input")
    built: list[Any] = []
    for index, layer in enumerate(layers):
        label = f"{prefix}{_kind(layer)}_{index}"
        if isinstance(layer, Nested):
            built.append(_chain(label, shape, layer.layers, f"{label}_", functional))
        else:
            built.append(_build(layer, label))
        shape = output_shape(layer, shape)
    if not functional:
        return KERAS.Sequential([entry, *built], name=name)
    value = entry
    for step in built:
        value = step(value)
    return KERAS.Model(entry, value, name=name)


def _graph(graph: Graph, name: str, prefix: str) -> keras.Model:
    inputs = [
        KERAS.Input(shape, name=f"{prefix}input_{index}")
        for index, shape in enumerate(graph.input_shapes)
    ]
    tensors: list[Any] = list(inputs)
    built: list[Any] = []
    for index, node in enumerate(graph.nodes):
        match node.layer:
            case Again(earlier):
                layer = built[earlier]
            case Graph() as inner:
                label = f"{prefix}model_{index}"
                layer = _graph(inner, label, f"{label}_")
            case single:
                layer = _build(single, f"{prefix}{_kind(single)}_{index}")
        built.append(layer)
        sources = [tensors[source] for source in node.sources]
        tensors.append(layer(sources if len(sources) > 1 else sources[0]))
    outputs = [tensors[output] for output in graph.outputs]
    return KERAS.Model(
        inputs if len(inputs) > 1 else inputs[0],
        outputs if len(outputs) > 1 else outputs[0],
        name=name,
    )


def _kind(layer: Layer) -> str:
    return (layer.kind if isinstance(layer, KerasLayer) else type(layer).__name__).lower()


def _build(layer: SingleLayer, name: str) -> Any:
    layers = KERAS.layers
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
        case LayerNorm():
            return layers.LayerNormalization(name=name)
        case LeakyRelu():
            return layers.LeakyReLU(layer.negative_slope, name=name)
        case PRelu():
            return layers.PReLU(shared_axes=list(layer.shared_axes) or None, name=name)
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
        case KerasLayer():
            return getattr(layers, layer.kind)(**dict(layer.parameters), name=name)
