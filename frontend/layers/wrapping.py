"""Layers around another layer."""

from __future__ import annotations

from dataclasses import dataclass

from frontend.layers.base import Layer
from frontend.rules import Rule, parameter

TRAINING = ("ActivityRegularization", "AlphaDropout", "Dropout", "GaussianDropout", "GaussianNoise")
AT_EACH_POSITION = (
    "Activation", "BatchNormalization", "Dense", "ELU", "LayerNormalization", "LeakyReLU", "ReLU",
    "Rescaling", "Softmax", "ThresholdedReLU", *TRAINING,
)  # fmt: skip
"""Layers that compute at each position alone: of all steps at once what they make of each."""

_TEXT = " or ".join(repr(name) for name in AT_EACH_POSITION)


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeDistributed(Layer):
    """A layer on each step of a sequence. The loader takes the layer itself in its place."""

    layer: Layer = parameter(Rule(_TEXT, lambda value: value))
