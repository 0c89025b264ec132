"""From the range of an activation to a uint8 scale and zero point."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from frontend.exactness import Quantized

CODES = 255
SMALLEST_SPAN = 2.0**-60
"""Below this a range counts as the one value 0; keeps all products of scales normal float32s."""


def input_scale(values: tuple[float, float], frames: npt.NDArray[np.float32]) -> Quantized:
    """Return the scale of the model's input: 1 and 0 if the frames are bytes, else by range."""
    low, high = values
    if low >= 0 and high <= CODES and high > 1 and np.array_equal(frames, np.rint(frames)):
        return Quantized(np.float32(1.0), 0)
    return range_scale(values)


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


def _float32_at_least(value: float) -> np.float32:
    rounded = np.float32(value)
    return rounded if float(rounded) >= value else np.nextafter(rounded, np.float32(np.inf))
