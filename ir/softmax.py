"""The table of exponentials of a Softmax, and how far its result may be from the real one.

With F = ``fraction_bits(channels)``, an entry is ``rint(2**F * exp(-scale * difference))``, at most
1/2 away; the entry of the maximum, ``2**F``, is exact.  So the sum S is at most (channels - 1) / 2
away from that of the real exponentials, and at least ``2**F``; a quotient e / S differs from the
real probability p by ``|error of e - p * error of S| / S``, at most ``channels / 2**(F + 1)``.
Times 256, that is at most 1/4 for the F chosen.
"""

from __future__ import annotations

import numpy as np

from ir.numbers import IntArray, IntegerType, clog2, frozen_integers

LEAST_FRACTION_BITS = 16
MOST_CHANNELS = 4096
"""Up to here the float32 sums of onnxruntime are less than 1/4 code away, too."""


def fraction_bits(channels: int) -> int:
    """Return the bits behind the point of the exponentials."""
    return max(LEAST_FRACTION_BITS, 9 + clog2(channels))


def exponentials(scale: np.float32, channels: int, number: IntegerType) -> IntArray:
    """Return the table (2**bits,) by the difference of two codes of ``scale``."""
    differences = np.arange(1 << number.bits)
    real = np.exp(-differences * np.float64(scale)) * 2.0 ** fraction_bits(channels)
    return frozen_integers(np.rint(real))


def error_bound(channels: int) -> float:
    """Return the most that 256 times the quotient differs from the real one, before rounding."""
    return float(256 * channels / 2.0 ** (fraction_bits(channels) + 1))
