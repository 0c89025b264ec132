"""LayerNormalization over the last axis of a tensor."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from ir.elements import LayerNormalization, StreamType
from ir.errors import CompileError
from ir.identifiers import Identifiers
from ir.layer_normalization import (
    EPSILON_FRACTION,
    LARGEST_ERROR,
    MOST_CHANNELS,
    MOST_ROOT_BITS,
    SCORE_FRACTION,
    error_bound,
    half_width,
    scale_fraction,
)
from ir.numbers import IntegerType, frozen_integers
from ir.requantize import ScaleRequantization
from rewrite.lower.arithmetic import Built
from rewrite.lower.reading import Quantization, Stage
from rewrite.lower.softmax import over_axis
from rewrite.lower.streams import Stream

_EPSILON = 1e-5
"""ONNX's default."""

FloatArray = npt.NDArray[np.float64]


def layer_normalization(
    stages: tuple[Stage, ...], source: Stream, names: Identifiers, layer: str
) -> Built:
    """Build a LayerNormalization, within one code of onnxruntime's.

    Raises:
        CompileError: too many channels, or numbers for which the arithmetic is too coarse.
    """
    stage = stages[0]
    operator = stage.operator
    assert operator is not None
    stream = over_axis(source, source.positions.ndim - 1, names)
    channels, number = stream.shape.channels, stream.element.output.number
    if channels > MOST_CHANNELS:
        raise CompileError(
            "lower", layer,
            f"a LayerNormalization must have at most {MOST_CHANNELS} channels, not {channels}",
            "normalize fewer channels at a time",
        )  # fmt: skip
    scale = float(stage.quantization(stage.operand(0)).scale)
    real = np.float64(np.float32(operator.attributes.get_float("epsilon", _EPSILON)))
    relative = float(real) * (channels / scale) ** 2
    epsilon = max(1, round(relative * 2**EPSILON_FRACTION))
    if 2 * half_width(number.bits, channels, epsilon) > MOST_ROOT_BITS:
        raise CompileError(
            "lower", layer,
            f"epsilon must be at most {_largest_epsilon(channels, scale):.3g}, not {real:.3g}: the "
            "input's steps are small against it",
            "use a smaller epsilon, or larger inputs",
        )  # fmt: skip
    factors, summands = _per_channel(stage, channels)
    bound = error_bound(channels, factors, summands, relative, epsilon, stage.output.number)
    if bound > LARGEST_ERROR:
        raise CompileError(
            "lower", layer,
            f"its codes must be within {LARGEST_ERROR} of the real ones before rounding, not "
            f"{bound:.2f}: its factors are too large for its output scale",
            "quantize the result with a larger scale",
        )  # fmt: skip
    element = LayerNormalization(
        name=names.new(layer),
        layer=layer,
        source=stream.element,
        output=StreamType(stream.shape, stage.output.number, 1),
        epsilon=epsilon,
        requantization=_requantization(factors, summands, stage.output.number),
    )
    lows = np.full(channels, stage.output.number.minimum)
    highs = np.full(channels, stage.output.number.maximum)
    return Built(replace(stream, element=element, lows=lows, highs=highs, layer=layer))


def _largest_epsilon(channels: int, scale: float) -> float:
    return float(2.0 ** (MOST_ROOT_BITS - 2 - EPSILON_FRACTION) * (scale / channels) ** 2)


def _per_channel(stage: Stage, channels: int) -> tuple[FloatArray, FloatArray]:
    """Return factor and summand of each channel's score, in output codes."""
    operator, output = stage.operator, stage.output
    assert operator is not None
    gamma = stage.array(operator.inputs[1]).astype(np.float64).reshape(-1)
    beta = np.zeros(channels)
    if len(operator.inputs) > 2 and operator.inputs[2] is not None:
        beta = stage.array(operator.inputs[2]).astype(np.float64).reshape(-1)
    return gamma / float(output.scale), beta / float(output.scale) + _zero(output)


def _zero(output: Quantization) -> int:
    return output.zero_point


def _requantization(
    factors: FloatArray, summands: FloatArray, number: IntegerType
) -> ScaleRequantization:
    """Return the code of a score: half a step of the score, which is rounded down, is added."""
    fraction = scale_fraction(len(factors))
    multipliers = np.rint(np.ldexp(factors, fraction))
    half_steps = multipliers / 2
    shift = SCORE_FRACTION + fraction
    offsets = np.rint(np.ldexp(summands + 0.5, shift) + half_steps)
    return ScaleRequantization(
        frozen_integers(multipliers),
        frozen_integers(offsets),
        shift,
        number.minimum,
        number.maximum,
    )
