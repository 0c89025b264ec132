"""Seeded weights for networks that are not trained: ordinary ones and hostile ones."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

FloatArray: TypeAlias = npt.NDArray[np.float32]

# A bias is stored as an integer of 32 bits in units of (activation scale * weight scale).  With
# activations in -1 .. 1 and 8-bit weights the limit lies at about this many times the largest
# weight.
_BIAS_LIMIT = 2.0**31 / (127 * 127)


class Regime(Enum):
    """How the weights of a layer are drawn."""

    ORDINARY = "ordinary"
    TINY = "all about 1e-6"
    HUGE = "all about 1e4"
    MIXED = "a scale of 1e-6 to 1e4 for each output channel"
    ZERO_CHANNELS = "about half of the output channels have zero weights, some a zero bias too"
    SINGLE_WEIGHT = "one weight per output channel, the others zero"
    BIAS_LIMIT = "biases near the limits of 32 bits once quantized"
    CONSTANT = "zero weights, so that outputs are constant"
    SETTLED = "ordinary, with batch normalizations that fit: for deep networks"
    EACH_LAYER = "one of the other regimes for each layer"

    def __repr__(self) -> str:
        return f"Regime.{self.name}"


_SINGLE = tuple(r for r in Regime if r not in (Regime.SETTLED, Regime.EACH_LAYER))


def draw_layer(
    variables: dict[str, tuple[int, ...]], regime: Regime, random: np.random.Generator
) -> dict[str, FloatArray]:
    """Draw the variables of one layer.

    ``variables``: shapes by Keras's name (those of ``VARIABLES``), the output channel last.
    """
    if regime is Regime.EACH_LAYER:
        regime = _SINGLE[random.integers(len(_SINGLE))]
    channels = next(iter(variables.values()))[-1] if variables else 1
    scale = _channel_scales(regime, channels, random)
    alive = np.ones(channels)
    if regime is Regime.ZERO_CHANNELS:
        alive = (random.random(channels) < 0.5).astype(np.float64)
    elif regime is Regime.CONSTANT:
        alive = np.zeros(channels)
    drawn: dict[str, FloatArray] = {}
    for name, shape in variables.items():
        values = VARIABLES[name](shape, random)
        match name:
            case "gamma" if regime is Regime.SETTLED:
                values = np.abs(values) + 0.25
            case "kernel":
                if regime is Regime.SINGLE_WEIGHT:
                    values = values * _one_per_channel(shape, random)
                values = values * scale * alive
            case "gamma":
                # A factor applies to what came before: the square root keeps five layers finite.
                values = values * np.sqrt(scale) * alive
            case "bias" if regime is Regime.BIAS_LIMIT:
                largest = np.abs(drawn["kernel"]).reshape(-1, channels).max(axis=0)
                factor = random.uniform(0.2, 1.1, shape) * random.choice([-1.0, 1.0], shape)
                values = factor * largest * _BIAS_LIMIT
            case "bias" | "beta":
                keep = np.maximum(alive, random.random(channels) < 0.5)
                values = values * (scale if name == "bias" else np.sqrt(scale)) * keep
        drawn[name] = values.astype(np.float32)
    return drawn


def _channel_scales(
    regime: Regime, channels: int, random: np.random.Generator
) -> npt.NDArray[np.float64]:
    match regime:
        case Regime.TINY:
            return np.full(channels, 1e-6)
        case Regime.HUGE:
            return np.full(channels, 1e4)
        case Regime.MIXED:
            return 10.0 ** random.uniform(-6, 4, channels)
        case _:
            return np.ones(channels)


def _one_per_channel(
    shape: tuple[int, ...], random: np.random.Generator
) -> npt.NDArray[np.float64]:
    flat = np.zeros((int(np.prod(shape[:-1])), shape[-1]))
    flat[random.integers(flat.shape[0], size=shape[-1]), np.arange(shape[-1])] = 1.0
    return flat.reshape(shape)


def _kernel(shape: tuple[int, ...], random: np.random.Generator) -> npt.NDArray[np.float64]:
    """Draw for ReLUs (K. He and others, 2015: "Delving Deep into Rectifiers")."""
    fan_in = int(np.prod(shape[:-1]))
    return random.normal(0.0, np.sqrt(2.0 / fan_in), shape)


_Draw: TypeAlias = Callable[[tuple[int, ...], np.random.Generator], npt.NDArray[np.float64]]
VARIABLES: dict[str, _Draw] = {
    "kernel": _kernel,
    "bias": lambda shape, random: random.normal(0.0, 0.2, shape),
    "gamma": lambda shape, random: random.normal(1.0, 0.5, shape),
    "beta": lambda shape, random: random.normal(0.0, 0.3, shape),
    "alpha": lambda shape, random: random.choice([0.25, -0.5, 0.1, 1.0, 1.3], shape),
    "moving_mean": lambda shape, random: random.normal(0.0, 0.3, shape),
    "moving_variance": lambda shape, random: random.uniform(0.05, 2.0, shape),
}
