"""The output scale of a global average for which its requantization is a short factor, exactly."""

from __future__ import annotations

import numpy as np

from frontend.exactness import ACTIVATION, NEIGHBOURS, SEARCHES, Quantized, is_exact
from ir.requantize import GoldenRequantization


def snap_average(pixels: int, source: Quantized, target: Quantized) -> tuple[Quantized, int | None]:
    """Choose the output scale, at least ``target``'s; return it with the shift, None if inexact.

    onnxruntime's factor is M = f32(sx / f32(sy * f32(pixels))); sy grows so that M falls through
    the numbers m * 2^-e with m odd, of 9 bits and then of 13, until the steps agree.  The zero
    point stays.
    """
    largest = float(source.scale) / (float(target.scale) * pixels)
    fallback: Quantized | None = None
    for bits, tries in SEARCHES:
        shift = bits - 1 - int(np.floor(np.log2(largest)))
        mantissa = (int(np.floor(largest * 2.0**shift)) - 1) | 1
        for _ in range(tries):
            if mantissa < 1 << (bits - 1):
                mantissa, shift = (1 << bits) - 1, shift + 1
            chosen = _scale_for(pixels, source, np.ldexp(np.float32(mantissa), -shift), target)
            if chosen is not None:
                fallback = fallback or chosen
                golden = average_golden(pixels, source, chosen)
                if is_exact(golden, np.array([mantissa]), np.array([shift]))[0]:
                    return chosen, shift
            mantissa -= 2
    return fallback or target, None


def average_golden(pixels: int, source: Quantized, target: Quantized) -> GoldenRequantization:
    """Return onnxruntime's arithmetic for QLinearGlobalAveragePool over ``pixels`` pixels."""
    factor = source.scale / (target.scale * np.float32(pixels))
    return GoldenRequantization(
        factors=np.array([factor], np.float32),
        biases=np.array([-pixels * source.zero_point]),
        zero_point=target.zero_point,
        output=ACTIVATION,
        lows=np.array([0]),
        highs=np.array([ACTIVATION.maximum * pixels]),
    )


def _scale_for(
    pixels: int, source: Quantized, factor: np.float32, target: Quantized
) -> Quantized | None:
    candidate = np.float32(float(source.scale) / (float(factor) * pixels))
    for step in sorted(range(-NEIGHBOURS, NEIGHBOURS + 1), key=abs):
        scale = np.float32((candidate.view(np.int32) + np.int32(step)).view(np.float32))
        if scale >= target.scale and source.scale / (scale * np.float32(pixels)) == factor:
            return Quantized(scale, target.zero_point)
    return None
