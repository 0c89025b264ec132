"""The supported Keras layers: parameters, shapes and weights, one class for each.

The classes are the table of what the compiler takes: a field is a Keras constructor argument of
the same name, and its rule says what values are supported. ``SUPPORTED`` lists them all.
Shapes are of one frame, without the batch axis: ``(height, width, channels)``, ``(steps,
channels)`` or ``(features,)``.
"""

from __future__ import annotations

import dataclasses

from frontend.layers import convolutions, merging, pointwise, pooling, shaping, wrapping
from frontend.layers.base import Layer, Shape, TrainingOnly
from frontend.rules import Rule

__all__ = ["SUPPORTED", "Layer", "Shape", "TrainingOnly"]

TRAINING_ONLY = (
    "ActivityRegularization", "AlphaDropout", "AugMix", "Dropout", "GaussianDropout",
    "GaussianNoise", "RandAugment", "RandomBrightness", "RandomColorDegeneration",
    "RandomColorJitter", "RandomContrast", "RandomElasticTransform", "RandomErasing", "RandomFlip",
    "RandomGaussianBlur", "RandomGrayscale", "RandomHeight", "RandomHue", "RandomInvert",
    "RandomPerspective", "RandomPosterization", "RandomRotation", "RandomSaturation",
    "RandomSharpness", "RandomShear", "RandomTranslation", "RandomWidth", "RandomZoom",
    "SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D",
)  # fmt: skip

SUPPORTED: dict[str, type[Layer]] = {
    "Activation": pointwise.Activation,
    "Add": merging.Add,
    "Average": merging.Average,
    "AveragePooling1D": pooling.AveragePooling1D,
    "AveragePooling2D": pooling.AveragePooling2D,
    "BatchNormalization": pointwise.BatchNormalization,
    "Concatenate": merging.Concatenate,
    "Conv1D": convolutions.Conv1D,
    "Conv1DTranspose": convolutions.Conv1DTranspose,
    "Conv2D": convolutions.Conv2D,
    "Conv2DTranspose": convolutions.Conv2DTranspose,
    "Cropping1D": shaping.Cropping1D,
    "Cropping2D": shaping.Cropping2D,
    "Dense": convolutions.Dense,
    "DepthwiseConv1D": convolutions.DepthwiseConv1D,
    "DepthwiseConv2D": convolutions.DepthwiseConv2D,
    "Dot": merging.Dot,
    "ELU": pointwise.ELU,
    "Flatten": shaping.Flatten,
    "GlobalAveragePooling1D": pooling.GlobalAveragePooling1D,
    "GlobalAveragePooling2D": pooling.GlobalAveragePooling2D,
    "GlobalMaxPooling1D": pooling.GlobalMaxPooling1D,
    "GlobalMaxPooling2D": pooling.GlobalMaxPooling2D,
    "LayerNormalization": pointwise.LayerNormalization,
    "LayerScale": pointwise.LayerScale,
    "LeakyReLU": pointwise.LeakyReLU,
    "MaxPooling1D": pooling.MaxPooling1D,
    "MaxPooling2D": pooling.MaxPooling2D,
    "Maximum": merging.Maximum,
    "Minimum": merging.Minimum,
    "Multiply": merging.Multiply,
    "Normalization": pointwise.Normalization,
    "PReLU": pointwise.PReLU,
    "Permute": shaping.Permute,
    "ReLU": pointwise.ReLU,
    "RepeatVector": shaping.RepeatVector,
    "Rescaling": pointwise.Rescaling,
    "Reshape": shaping.Reshape,
    "SeparableConv1D": convolutions.SeparableConv1D,
    "SeparableConv2D": convolutions.SeparableConv2D,
    "Softmax": pointwise.Softmax,
    "Subtract": merging.Subtract,
    "ThresholdedReLU": pointwise.ThresholdedReLU,
    "TimeDistributed": wrapping.TimeDistributed,
    "UpSampling1D": shaping.UpSampling1D,
    "UpSampling2D": shaping.UpSampling2D,
    "ZeroPadding1D": shaping.ZeroPadding1D,
    "ZeroPadding2D": shaping.ZeroPadding2D,
    **dict.fromkeys(TRAINING_ONLY, TrainingOnly),
}


def supported_parameters(kind: type[Layer]) -> dict[str, Rule]:
    """Return the parameters of a layer class, by name, with the rule of each."""
    return {f.name: f.metadata["rule"] for f in dataclasses.fields(kind) if "rule" in f.metadata}
