"""Drawing functions of layers that compute each value, or each pixel, on its own."""

from __future__ import annotations

from hypothesis import strategies as st

from tests.drawn_layers import ACTIVATIONS, IMAGE, SEQUENCE, SLOPES, drawn
from zoo.network import KerasLayer, Parameter
from zoo.shapes import Shape


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
def _layer_normalization(draw: st.DrawFn, shape: Shape, name: str) -> KerasLayer:
    axes = draw(frame_axes(shape))
    return KerasLayer(name, axis=axes, center=draw(st.booleans()), scale=draw(st.booleans()))


@drawn("Softmax", weight=1)
def _softmax(draw: st.DrawFn, shape: Shape, name: str) -> KerasLayer:
    return KerasLayer(name, axis=draw(frame_axes(shape)))


def frame_axes(shape: Shape) -> st.SearchStrategy[tuple[int, ...]]:
    """Draw the channels mostly, else any axes of a frame."""
    every = st.integers(1, len(shape))
    several = st.lists(every, min_size=1, max_size=len(shape), unique=True).map(tuple)
    return st.one_of(st.just((-1,)), several)


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


@drawn("Flatten", weight=1)
def _flatten(_: st.DrawFn, __: Shape, name: str) -> KerasLayer:
    return KerasLayer(name)


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
WRAPPERS = {"TimeDistributed"}
"""Read as the layer in them, which is drawn."""
OF_APPLICATIONS = {"LayerScale"}
"""Not among Keras's public layers, but in files of its applications."""
OF_VOLUMES = {"SpatialDropout3D"}
"""No other layer takes tensors of four axes."""


@drawn(
    *(
        "AugMix",
        "RandAugment",
        "RandomColorJitter",
        "RandomContrast",
        "RandomElasticTransform",
        "RandomErasing",
    ),
    *("RandomFlip", "RandomGaussianBlur", "RandomGrayscale", "RandomHue", "RandomInvert"),
    *("RandomPerspective", "RandomRotation", "RandomShear", "RandomTranslation", "RandomZoom"),
    axes=(IMAGE,),
    weight=0,
)
def _image_augmentation(_: st.DrawFn, __: Shape, name: str) -> KerasLayer:
    return KerasLayer(name, **_FACTORS.get(name, {}))
