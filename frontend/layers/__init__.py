"""The supported Keras layers: parameters, shapes and weights, one class for each.

The classes are the table of what the compiler takes: a field is a Keras constructor argument of
the same name, and its rule says what values are supported. ``SUPPORTED`` lists all that become
hardware, ``EXPORTED`` those that the front end reads and exports, but that have no element yet.
Shapes are of one frame, without the batch axis: ``(height, width, channels)``, ``(steps,
channels)`` or ``(features,)``.
"""

from __future__ import annotations

import dataclasses

from frontend.layers import convolutions, merging, pointwise, pooling, shaping
from frontend.layers.base import Layer, Shape, TrainingOnly
from frontend.rules import Rule

__all__ = ["EXPORTED", "READABLE", "SUPPORTED", "Layer", "Shape", "TrainingOnly"]

TRAINING_ONLY = (
    "ActivityRegularization", "AlphaDropout", "Dropout", "GaussianDropout", "GaussianNoise",
    "RandomBrightness", "RandomColorDegeneration", "RandomColorJitter", "RandomContrast",
    "RandomElasticTransform", "RandomErasing", "RandomFlip", "RandomGaussianBlur",
    "RandomGrayscale", "RandomHeight", "RandomHue", "RandomInvert", "RandomPerspective",
    "RandomPosterization", "RandomRotation", "RandomSaturation", "RandomSharpness", "RandomShear",
    "RandomTranslation", "RandomWidth", "RandomZoom", "SpatialDropout1D", "SpatialDropout2D",
)  # fmt: skip

SUPPORTED: dict[str, type[Layer]] = {
    "Activation": pointwise.Activation,
    "BatchNormalization": pointwise.BatchNormalization,
    "Conv2D": convolutions.Conv2D,
    "Dense": convolutions.Dense,
    "Flatten": shaping.Flatten,
    "GlobalAveragePooling2D": pooling.GlobalAveragePooling2D,
    "LeakyReLU": pointwise.LeakyReLU,
    "MaxPooling2D": pooling.MaxPooling2D,
    "Normalization": pointwise.Normalization,
    "ReLU": pointwise.ReLU,
    "Rescaling": pointwise.Rescaling,
    "Softmax": pointwise.Softmax,
    "ZeroPadding2D": shaping.ZeroPadding2D,
    **dict.fromkeys(TRAINING_ONLY, TrainingOnly),
}

EXPORTED: dict[str, type[Layer]] = {
    kind.__name__: kind
    for kind in (
        convolutions.Conv1D,
        convolutions.Conv1DTranspose,
        convolutions.Conv2DTranspose,
        convolutions.DepthwiseConv1D,
        convolutions.DepthwiseConv2D,
        convolutions.SeparableConv1D,
        convolutions.SeparableConv2D,
        merging.Add,
        merging.Average,
        merging.Concatenate,
        merging.Maximum,
        merging.Minimum,
        merging.Multiply,
        merging.Subtract,
        pointwise.ELU,
        pointwise.LayerNormalization,
        pointwise.PReLU,
        pointwise.ThresholdedReLU,
        pooling.AveragePooling1D,
        pooling.AveragePooling2D,
        pooling.GlobalAveragePooling1D,
        pooling.GlobalMaxPooling1D,
        pooling.GlobalMaxPooling2D,
        pooling.MaxPooling1D,
        shaping.Cropping1D,
        shaping.Cropping2D,
        shaping.Permute,
        shaping.RepeatVector,
        shaping.Reshape,
        shaping.UpSampling1D,
        shaping.UpSampling2D,
        shaping.ZeroPadding1D,
    )
}

READABLE = SUPPORTED | EXPORTED


def supported_parameters(kind: type[Layer]) -> dict[str, Rule]:
    """Return the parameters of a layer class, by name, with the rule of each."""
    return {f.name: f.metadata["rule"] for f in dataclasses.fields(kind) if "rule" in f.metadata}


def compiled_parameters(kind: type[Layer]) -> dict[str, Rule]:
    """Return the same, but with rules that accept only what becomes hardware."""
    fields = [f for f in dataclasses.fields(kind) if "rule" in f.metadata]
    return {f.name: f.metadata.get("compiled") or f.metadata["rule"] for f in fields}
