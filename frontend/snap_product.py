"""The output scale of a product of two matrices for which its requantization is a short factor."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from frontend.exactness import ACTIVATION, NEIGHBOURS, SEARCHES, Quantized, is_exact
from ir.requantize import GoldenRequantization

Grown = Callable[[float], Quantized]
"""Returns the output's parameters with a scale of at least the given one."""


def snap_product(depth: int, first: Quantized, second: Quantized, grown: Grown) -> Quantized:
    """Choose the parameters of the result of products of ``depth`` pairs of codes.

    onnxruntime's factor is M = f32(f32(sa * sb) / sy); sy grows from the least one so that M falls
    through the numbers m * 2^-e with m odd, of 9 bits and then of 13, until the steps agree.
    Where none does, the least one stays.
    """
    least = grown(0.0)
    product = first.scale * second.scale
    largest = float(product) / float(least.scale)
    for bits, tries in SEARCHES:
        shift = bits - 1 - int(np.floor(np.log2(largest)))
        mantissa = (int(np.floor(largest * 2.0**shift)) - 1) | 1
        for _ in range(tries):
            if mantissa < 1 << (bits - 1):
                mantissa, shift = (1 << bits) - 1, shift + 1
            scale = _scale_for(product, np.ldexp(np.float32(mantissa), -shift), least.scale)
            if scale is not None:
                chosen = grown(float(scale))
                golden = product_golden(depth, first, second, chosen)
                if is_exact(golden, np.array([mantissa]), np.array([shift]))[0]:
                    return chosen
            mantissa -= 2
    return least


def product_golden(
    depth: int, first: Quantized, second: Quantized, result: Quantized
) -> GoldenRequantization:
    """Return onnxruntime's arithmetic for QLinearMatMul on ``depth`` pairs of codes."""
    ends = [
        (a - first.zero_point) * (b - second.zero_point)
        for a in (ACTIVATION.minimum, ACTIVATION.maximum)
        for b in (ACTIVATION.minimum, ACTIVATION.maximum)
    ]
    return GoldenRequantization(
        factors=np.array([first.scale * second.scale / result.scale], np.float32),
        biases=np.zeros(1, np.int64),
        zero_point=result.zero_point,
        output=ACTIVATION,
        lows=np.array([depth * min(ends)]),
        highs=np.array([depth * max(ends)]),
    )


def _scale_for(product: np.float32, factor: np.float32, least: np.float32) -> np.float32 | None:
    candidate = np.float32(float(product) / float(factor))
    for step in sorted(range(-NEIGHBOURS, NEIGHBOURS + 1), key=abs):
        scale = np.float32((candidate.view(np.int32) + np.int32(step)).view(np.float32))
        if scale >= least and product / scale == factor:
            return scale
    return None
