"""A drawing function for every layer of Keras that the front end reads: the registry ``DRAWN``.

Each takes the shape of the layer's input and draws a layer that is legal on it.  Which of them
random networks use is decided by ``frontend.layers.SUPPORTED`` alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from typing import TypeAlias, TypeVar

from hypothesis import strategies as st

from frontend import layers
from zoo.network import KerasLayer, Parameter
from zoo.shapes import Shape

T = TypeVar("T")
DrawLayer: TypeAlias = Callable[[st.DrawFn, Shape], KerasLayer]
DrawNamed: TypeAlias = Callable[[st.DrawFn, Shape, str], KerasLayer]

VECTOR, SEQUENCE, IMAGE = 1, 2, 3
"""Axes of a tensor, without the batch."""

ACTIVATIONS = (
    "linear", "relu", "relu6", "leaky_relu", "elu", "selu", "sigmoid", "hard_sigmoid", "tanh",
    "softplus", "softsign", "silu", "hard_silu", "gelu", "exponential",
)  # fmt: skip
SLOPES = (0.125, 0.3, 0.01, 1.0, 1.7)


@dataclass(frozen=True, slots=True)
class Drawn:
    """How a layer is drawn, on tensors of which numbers of axes, how often beside the others."""

    draw: DrawLayer
    axes: tuple[int, ...] = (VECTOR, SEQUENCE, IMAGE)
    weight: int = 2


DRAWN: dict[str, Drawn] = {}
"""By Keras's name; merging layers are in ``tests.graph_strategies``."""


def drawn(
    *names: str, axes: tuple[int, ...] = (VECTOR, SEQUENCE, IMAGE), weight: int = 2
) -> Callable[[DrawNamed], DrawNamed]:
    """Enter a drawing function, which gets the layer's name, too, under ``names``."""

    def enter(function: DrawNamed) -> DrawNamed:
        for name in names:

            def draw(draw: st.DrawFn, shape: Shape, name: str = name) -> KerasLayer:
                return function(draw, shape, name)

            DRAWN[name] = Drawn(draw, axes, weight)
        return function

    return enter


def kinds(shape: Shape) -> list[str]:
    """Return the supported layers that take ``shape``, each as often as its weight says."""
    return [
        name
        for name, how in DRAWN.items()
        if name in layers.SUPPORTED and len(shape) in how.axes
        for _ in range(how.weight)
    ]


@st.composite
def single_layers(draw: st.DrawFn, shape: Shape) -> KerasLayer:
    """A supported layer of any kind for an input of ``shape``."""
    return DRAWN[draw(st.sampled_from(kinds(shape)))].draw(draw, shape)


def plain(values: tuple[T, ...]) -> T | tuple[T, ...]:
    """Write equal values, one for each axis, as one, as people do."""
    return values[0] if len(set(values)) == 1 else values


def with_rate(_: st.DrawFn, __: Shape, name: str) -> KerasLayer:
    return KerasLayer(name, rate=0.25)


def without_arguments(_: st.DrawFn, __: Shape, name: str) -> KerasLayer:
    return KerasLayer(name)


def activations(draw: st.DrawFn) -> str:
    """Draw a function for the end of another layer: mostly none or a ReLU."""
    return draw(st.sampled_from(("linear", "relu") * 4 + ACTIVATIONS))


def steps(draw: st.DrawFn, axes: int, largest: int) -> Shape:
    """Draw strides or dilations, mostly 1."""
    step = st.one_of(st.just(1), st.integers(1, largest))
    return draw(st.tuples(*[step] * axes))


def kernels(draw: st.DrawFn, shape: Shape, largest: int, padding: str, dilations: Shape) -> Shape:
    """Draw the size of a window that fits ``shape`` if nothing is padded."""
    limits = (
        largest if padding != "valid" else min(largest, (length - 1) // dilation + 1)
        for length, dilation in zip(shape, dilations, strict=False)
    )
    return tuple(draw(st.integers(1, limit)) for limit in limits)


def windows(
    draw: st.DrawFn,
    shape: Shape,
    paddings: tuple[str, ...] = ("valid", "same"),
    *,
    equal_strides: bool = False,
) -> dict[str, Parameter]:
    """Draw the parameters that all convolutions have."""
    axes = len(shape) - 1
    padding = draw(st.sampled_from(paddings))
    strides = steps(draw, 1 if equal_strides else axes, 3)
    strides = strides * axes if equal_strides else strides
    dilations = steps(draw, axes, 2) if max(strides) == 1 else (1,) * axes
    return {
        "kernel_size": plain(kernels(draw, shape, 4, padding, dilations)),
        "strides": plain(strides),
        "padding": padding,
        "dilation_rate": plain(dilations),
        "use_bias": draw(st.booleans()),
        "activation": activations(draw),
    }


@drawn("Conv2D", axes=(IMAGE,), weight=10)
@drawn("Conv1D", axes=(SEQUENCE,), weight=10)
def _convolution(draw: st.DrawFn, shape: Shape, name: str) -> KerasLayer:
    channels = shape[-1]
    groups = draw(st.sampled_from([1, 1, *(g for g in range(1, 5) if channels % g == 0)]))
    filters = groups * draw(st.integers(1, max(1, 8 // groups)))
    paddings = ("valid", "same", "causal") if name == "Conv1D" else ("valid", "same")
    return KerasLayer(name, filters=filters, groups=groups, **windows(draw, shape, paddings))


@drawn("DepthwiseConv2D", axes=(IMAGE,), weight=4)
@drawn("DepthwiseConv1D", axes=(SEQUENCE,), weight=4)
def _depthwise(draw: st.DrawFn, shape: Shape, name: str) -> KerasLayer:
    multiplier = draw(st.sampled_from([1, 1, 2, 3])) if shape[-1] <= 4 else 1
    window = windows(draw, shape, equal_strides=True)
    return KerasLayer(name, depth_multiplier=multiplier, **window)


@drawn("SeparableConv2D", axes=(IMAGE,))
@drawn("SeparableConv1D", axes=(SEQUENCE,))
def _separable(draw: st.DrawFn, shape: Shape, name: str) -> KerasLayer:
    multiplier = draw(st.sampled_from([1, 1, 2])) if shape[-1] <= 4 else 1
    window = windows(draw, shape, equal_strides=True)
    filters = draw(st.integers(1, 6))
    return KerasLayer(name, filters=filters, depth_multiplier=multiplier, **window)


@drawn("Conv2DTranspose", axes=(IMAGE,))
@drawn("Conv1DTranspose", axes=(SEQUENCE,))
def _transposed(draw: st.DrawFn, shape: Shape, name: str) -> KerasLayer:
    axes = len(shape) - 1
    kernel = draw(st.tuples(*[st.integers(1, 4)] * axes))
    strides = steps(draw, axes, 2)
    return KerasLayer(
        name,
        filters=draw(st.integers(1, 4)),
        kernel_size=plain(kernel),
        strides=plain(strides),
        padding=draw(st.sampled_from(["valid", "same"])),
        use_bias=draw(st.booleans()),
        activation=activations(draw),
    )


@drawn("Dense", axes=(VECTOR,), weight=10)
def _dense(draw: st.DrawFn, _: Shape, name: str) -> KerasLayer:
    units, bias = draw(st.integers(1, 16)), draw(st.booleans())
    return KerasLayer(name, units=units, use_bias=bias, activation=activations(draw))


@drawn("MaxPooling2D", "AveragePooling2D", axes=(IMAGE,), weight=3)
@drawn("MaxPooling1D", "AveragePooling1D", axes=(SEQUENCE,), weight=3)
def _pool(draw: st.DrawFn, shape: Shape, name: str) -> KerasLayer:
    axes, padding = len(shape) - 1, draw(st.sampled_from(["valid", "same"]))
    size = kernels(draw, shape, 3, padding, (1,) * axes)
    strides = draw(st.none() | st.tuples(*[st.integers(1, 3)] * axes))
    return KerasLayer(
        name,
        pool_size=plain(size),
        strides=None if strides is None else plain(strides),
        padding=padding,
    )


@drawn("GlobalAveragePooling2D", "GlobalMaxPooling2D", axes=(IMAGE,), weight=1)
@drawn("GlobalAveragePooling1D", "GlobalMaxPooling1D", axes=(SEQUENCE,), weight=1)
def _global_pool(draw: st.DrawFn, _: Shape, name: str) -> KerasLayer:
    return KerasLayer(name, keepdims=True) if draw(st.booleans()) else KerasLayer(name)


@drawn("ZeroPadding2D", axes=(IMAGE,))
@drawn("ZeroPadding1D", axes=(SEQUENCE,))
def _padding(draw: st.DrawFn, shape: Shape, name: str) -> KerasLayer:
    sides = draw(st.tuples(*[st.tuples(st.integers(0, 2), st.integers(0, 2))] * (len(shape) - 1)))
    return KerasLayer(name, padding=sides if len(sides) > 1 else sides[0])


@drawn("Cropping2D", axes=(IMAGE,))
@drawn("Cropping1D", axes=(SEQUENCE,))
def _cropping(draw: st.DrawFn, shape: Shape, name: str) -> KerasLayer:
    sides = []
    for length in shape[:-1]:
        before = draw(st.integers(0, min(2, length - 1)))
        sides.append((before, draw(st.integers(0, min(2, length - 1 - before)))))
    return KerasLayer(name, cropping=tuple(sides) if len(sides) > 1 else sides[0])


@drawn("UpSampling2D", axes=(IMAGE,), weight=1)
def _up_2d(draw: st.DrawFn, _: Shape, name: str) -> KerasLayer:
    size = draw(st.tuples(st.integers(1, 3), st.integers(1, 3)))
    how = draw(st.sampled_from(["nearest", "bilinear"]))
    return KerasLayer(name, size=plain(size), interpolation=how)


@drawn("UpSampling1D", axes=(SEQUENCE,), weight=1)
def _up_1d(draw: st.DrawFn, _: Shape, name: str) -> KerasLayer:
    return KerasLayer(name, size=draw(st.integers(1, 3)))


@drawn("RepeatVector", axes=(VECTOR,), weight=1)
def _repeat(draw: st.DrawFn, _: Shape, name: str) -> KerasLayer:
    return KerasLayer(name, n=draw(st.integers(1, 4)))


@drawn("Reshape", weight=1)
def _reshape(draw: st.DrawFn, shape: Shape, name: str) -> KerasLayer:
    """Draw up to three axes of as many values."""
    rest, target = prod(shape), []
    for _ in range(draw(st.integers(0, 2))):
        axis = draw(st.sampled_from([d for d in range(1, rest + 1) if rest % d == 0]))
        target.append(axis)
        rest //= axis
    return KerasLayer(name, target_shape=(*target, rest))


@drawn("Permute", axes=(SEQUENCE, IMAGE), weight=1)
def _permute(draw: st.DrawFn, shape: Shape, name: str) -> KerasLayer:
    return KerasLayer(name, dims=tuple(draw(st.permutations(range(1, len(shape) + 1)))))


@drawn("Activation", weight=4)
def _activation(draw: st.DrawFn, _: Shape, name: str) -> KerasLayer:
    return KerasLayer(name, activation=draw(st.sampled_from(("relu",) * 6 + ACTIVATIONS)))


@drawn("ReLU", weight=3)
def _relu(draw: st.DrawFn, _: Shape, name: str) -> KerasLayer:
    return KerasLayer(
        name,
        max_value=draw(st.sampled_from([None, 6.0, 0.5, 20.0])),
        negative_slope=draw(st.sampled_from([0.0, 0.25, 0.1])),
        threshold=draw(st.sampled_from([0.0, 0.0, 0.4, 1.0])),
    )


@drawn("LeakyReLU")
def _leaky(draw: st.DrawFn, _: Shape, name: str) -> KerasLayer:
    return KerasLayer(name, negative_slope=draw(st.sampled_from(SLOPES)))


@drawn("ELU", weight=1)
def _elu(draw: st.DrawFn, _: Shape, name: str) -> KerasLayer:
    return KerasLayer(name, alpha=draw(st.sampled_from([1.0, 0.3, 2.0])))


@drawn("PReLU", weight=1)
def _prelu(draw: st.DrawFn, shape: Shape, name: str) -> KerasLayer:
    shared = tuple(range(1, len(shape)))
    return KerasLayer(name, shared_axes=draw(st.sampled_from([None, shared])) if shared else None)


@drawn("BatchNormalization", weight=5)
def _batch_normalization(draw: st.DrawFn, _: Shape, name: str) -> KerasLayer:
    return KerasLayer(name, center=draw(st.booleans()), scale=draw(st.booleans()))


@drawn("LayerNormalization", weight=1)
def _layer_normalization(draw: st.DrawFn, _: Shape, name: str) -> KerasLayer:
    return KerasLayer(name, center=draw(st.booleans()), scale=draw(st.booleans()))


@drawn("Rescaling", weight=1)
def _rescaling(draw: st.DrawFn, _: Shape, name: str) -> KerasLayer:
    scale, offset = draw(st.sampled_from([(2.0, -1.0), (1 / 255, 0.0), (0.5, 0.25), (-1.0, 0.0)]))
    return KerasLayer(name, scale=scale, offset=offset)


@drawn("Normalization", weight=1)
def _normalization(draw: st.DrawFn, shape: Shape, name: str) -> KerasLayer:
    pairs = st.sampled_from([(0.0, 1.0), (0.5, 0.25), (-0.3, 2.0), (100.0, 900.0)])
    chosen = draw(st.lists(pairs, min_size=shape[-1], max_size=shape[-1]))
    return KerasLayer(
        name, mean=tuple(mean for mean, _ in chosen), variance=tuple(v for _, v in chosen)
    )


drawn("Flatten", weight=1)(without_arguments)


@drawn("ActivityRegularization", "Dropout", "AlphaDropout", "GaussianDropout", weight=1)
@drawn("SpatialDropout1D", axes=(SEQUENCE,), weight=1)
@drawn("SpatialDropout2D", axes=(IMAGE,), weight=1)
def _dropout(draw: st.DrawFn, _: Shape, name: str) -> KerasLayer:
    if name == "ActivityRegularization":
        return KerasLayer(name, l2=0.1)
    return KerasLayer(name, rate=draw(st.sampled_from([0.0, 0.25])))


@drawn("GaussianNoise", weight=1)
def _noise(_: st.DrawFn, __: Shape, name: str) -> KerasLayer:
    return KerasLayer(name, stddev=0.5)


_FACTORS: dict[str, dict[str, Parameter]] = {
    "RandomContrast": {"factor": 0.2},
    "RandomHue": {"factor": 0.2},
    "RandomRotation": {"factor": 0.2},
    "RandomTranslation": {"height_factor": 0.1, "width_factor": 0.1},
    "RandomZoom": {"height_factor": 0.1},
}
UNSAVED = {
    "RandomBrightness", "RandomColorDegeneration", "RandomPosterization", "RandomSaturation",
    "RandomSharpness",
}  # fmt: skip
"""Training-only layers that Keras 3 cannot write to an .h5 file."""
OLD = {"RandomHeight", "RandomWidth", "ThresholdedReLU"}
"""Layers of Keras 2 that Keras 3 has not."""


@drawn(
    *("RandomColorJitter", "RandomContrast", "RandomElasticTransform", "RandomErasing"),
    *("RandomFlip", "RandomGaussianBlur", "RandomGrayscale", "RandomHue", "RandomInvert"),
    *("RandomPerspective", "RandomRotation", "RandomShear", "RandomTranslation", "RandomZoom"),
    axes=(IMAGE,),
    weight=0,
)
def _image_augmentation(_: st.DrawFn, __: Shape, name: str) -> KerasLayer:
    return KerasLayer(name, **_FACTORS.get(name, {}))
