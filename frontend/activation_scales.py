"""From the range of an activation to a uint8 scale and zero point."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from frontend.exactness import Quantized

CODES = 255
SHORT_BITS = 8
"""Digits of a scale whose products with codes are added in float32: 2**16 of them are exact."""
SMALLEST_SPAN = 2.0**-60
"""Below this a range counts as the one value 0; keeps all products of scales normal float32s."""


def input_scale(
    values: tuple[float, float], frames: npt.NDArray[np.float32], *, short: bool = False
) -> Quantized:
    """Return the scale of the model's input: 1 and 0 if the frames are bytes, else by range."""
    low, high = values
    if low >= 0 and high <= CODES and high > 1 and np.array_equal(frames, np.rint(frames)):
        return Quantized(np.float32(1.0), 0)
    return short_scale(values, None) if short else range_scale(values)


def range_scale(values: tuple[float, float], least: float = 0.0) -> Quantized:
    """Return the scale, at least ``least``, for which codes reach from low to high; 0 is a code."""
    low, high = min(values[0], 0.0), max(values[1], 0.0)
    if high - low < SMALLEST_SPAN:
        low, high = 0.0, 1.0
    scale = _float32_at_least(max((high - low) / CODES, least))
    zero_point = int(np.clip(np.rint(-low / float(scale)), 0, CODES))
    return Quantized(scale, zero_point)


def clamped_scale(
    values: tuple[float, float], bounds: tuple[float, float], least: float = 0.0
) -> Quantized:
    """Return a scale whose smallest and largest code lie within ``bounds``, which include 0.

    Saturation then clamps at least as tightly as the activation, which is the same once quantized:
    what the activation lets pass beyond the last code is quantized to the last code.  Raises
    ValueError if ``least`` does not allow it.
    """
    low, high = max(min(values[0], 0.0), bounds[0]), min(max(values[1], 0.0), bounds[1])
    scale, zero_point = (chosen := range_scale((low, high), least)).scale, chosen.zero_point
    lower, upper = -bounds[0], bounds[1]
    if lower == 0:
        zero_point = 0
    if upper == 0:
        zero_point = CODES
    if zero_point * float(scale) <= lower and (CODES - zero_point) * float(scale) <= upper:
        return Quantized(scale, zero_point)
    limits = [lower / zero_point] if zero_point else []
    limits += [upper / (CODES - zero_point)] if zero_point < CODES else []
    tightest = np.float32(min(limits))
    if float(tightest) > min(limits):
        tightest = np.nextafter(tightest, np.float32(0.0))
    if float(tightest) < least:
        raise ValueError("one accumulator step passes the whole range of its activation")
    return Quantized(tightest, zero_point)


def short_scale(
    values: tuple[float, float], bounds: tuple[float, float] | None, least: float = 0.0
) -> Quantized:
    """Return a scale of ``SHORT_BITS`` digits in base 2 for a range, clamped to ``bounds`` if any.

    A bound that the largest or smallest code must not pass makes it a little smaller, else it is a
    little larger than it would be.
    """
    if bounds is None:
        plain = range_scale(values, least)
        return range_scale(values, _short(plain.scale, up=True))
    plain = clamped_scale(values, bounds, least)
    if bounds == (0.0, np.inf):
        return clamped_scale(values, bounds, _short(plain.scale, up=True))
    return Quantized(np.float32(_short(plain.scale, up=False)), plain.zero_point)


def mean_scale(source: Quantized) -> Quantized:
    """Return the scale of means of values with a short scale: 257/256 of it.

    With the very scale of the values the mean of two could lie half-way between two codes, and
    halves round to even, which is no step function with even steps.  With this one none does: a sum
    S of ``count`` codes gives S * 256 / (257 * count), a half only if 512 divides ``count``.
    """
    return Quantized(np.float32(float(source.scale) * 257 / 256), source.zero_point)


def _short(scale: np.float32, *, up: bool) -> float:
    mantissa, exponent = np.frexp(np.float64(scale))
    digits = np.ldexp(mantissa, SHORT_BITS)
    return float(np.ldexp(np.ceil(digits) if up else np.floor(digits), int(exponent) - SHORT_BITS))


def _float32_at_least(value: float) -> np.float32:
    rounded = np.float32(value)
    return rounded if float(rounded) >= value else np.nextafter(rounded, np.float32(np.inf))
