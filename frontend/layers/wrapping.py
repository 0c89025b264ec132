"""Layers around another layer."""

from __future__ import annotations

from dataclasses import dataclass

from frontend.layers.base import Layer
from frontend.rules import one_of, parameter

TRAINING = ("ActivityRegularization", "AlphaDropout", "Dropout", "GaussianDropout", "GaussianNoise")
AT_EACH_POSITION = (
    "Activation", "BatchNormalization", "Dense", "ELU", "LayerNormalization", "LeakyReLU", "ReLU",
    "Rescaling", "Softmax", "ThresholdedReLU", *TRAINING,
)  # fmt: skip
"""Layers that compute at each position alone: of all steps at once what they make of each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeDistributed(Layer):
    """A layer of the class ``layer`` on each step: the loader takes that layer in its place."""

    layer: str = parameter(one_of(*AT_EACH_POSITION))
