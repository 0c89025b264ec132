"""The integers of a LayerNormalization, and how far its result may be from the real one.

For the n codes x of a pixel, ``u = n * x - sum(x)`` and ``V = n * sum(x**2) - sum(x)**2`` are
exact: n times a deviation and n**2 times the variance, in steps of the input.  The score of a
value, ``(x - mean) / sqrt(variance + epsilon)``, is ``u / sqrt(V + E)``, where
``E = epsilon * (n / scale)**2``.

- ``A = V * 2**10 + round(E * 2**10)`` is moved left by an even number of bits until its highest bit
  or the one below is in place: ``m * 4**p``, m from 1 to 4.
- ``1 / sqrt(m)`` is a line in each of 384 pieces of m, 17 bits behind the point.
- The score has 12 bits behind the point, rounded down; a factor and a summand for each channel
  make the code of it (``ir.requantize``), half a step of the score added.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

from ir.elements import LayerNormalization
from ir.numbers import IntArray, IntegerType, clog2, frozen_integers

EPSILON_FRACTION = 10
SCORE_FRACTION = 12
ROOT_FRACTION = 17
"""Bits behind the points of A, of a score and of an inverse root: half of the first and the second
make the third, so that a score is ``u * root`` without the p lowest bits."""

PIECE_BITS = 9
"""Bits of m that choose a line, two of them in front of the point, and bits along the line."""
PIECES = 384
BASE_BITS, SLOPE_BITS = ROOT_FRACTION + 1, 10

MOST_CHANNELS = 1024
MOST_ROOT_BITS = 60
"""Of A: its arithmetic is that of int64 in the interpreter."""


@cache
def roots() -> IntArray:
    """Return base and slope (384, 2) of each line: ``base - (slope * along >> 9)``."""
    piece = 2.0 ** (2 - PIECE_BITS)
    starts = 1 + np.arange(PIECES + 1) * piece
    values = 2.0**ROOT_FRACTION / np.sqrt(starts)
    sag = 2.0**ROOT_FRACTION * piece**2 * 3 / 4 / starts[:-1] ** 2.5 / 16  # half of the largest
    slopes = np.rint(values[:-1] - values[1:])
    return frozen_integers(np.stack([np.rint(values[:-1] - sag), slopes], axis=1))


@cache
def root_error() -> float:
    """Return the largest relative error of an inverse root, for any bits of m below its last."""
    base, slope = roots().T[:, :, None]
    along = np.arange(1 << PIECE_BITS)
    got = base - (slope * along >> PIECE_BITS)
    step = 2.0 ** (2 - 2 * PIECE_BITS)
    first = 1 + np.arange(PIECES << PIECE_BITS).reshape(PIECES, -1) * step
    errors = [got / 2.0**ROOT_FRACTION * np.sqrt(m) - 1 for m in (first, first + step)]
    return float(np.abs(errors).max())


def half_width(bits: int, channels: int, epsilon: int) -> int:
    """Return half the bits of A, rounded up: it fits, and there are bits for piece and line."""
    width = max(2 * bits + 2 * clog2(channels) + EPSILON_FRACTION, epsilon.bit_length()) + 1
    return max((width + 1) // 2, PIECE_BITS)


def element_half_width(element: LayerNormalization) -> int:
    """Return half the bits of an element's radicands."""
    bits, channels = element.source.output.number.bits, element.output.shape.channels
    return half_width(bits, channels, element.epsilon)


def score_bits(channels: int) -> int:
    """Return the width of a signed score: the largest is sqrt(channels - 1), but for its error."""
    return SCORE_FRACTION + (clog2(channels) + 1) // 2 + 2


def scores(x: IntArray, epsilon: int, bits: int) -> IntArray:
    """Return the scores of codes x of ``bits`` bits over the last axis, with 12 fraction bits."""
    channels = x.shape[-1]
    total = x.sum(axis=-1, keepdims=True)
    variance = channels * (x * x).sum(axis=-1, keepdims=True) - total * total
    radicand = (variance << EPSILON_FRACTION) + epsilon
    half = half_width(bits, channels, epsilon)
    root, moved = inverse_roots(radicand, half)
    result: IntArray = ((channels * x - total) * root) >> (half - 1 - moved)
    return result


def inverse_roots(radicands: IntArray, half: int) -> tuple[IntArray, IntArray]:
    """Return root and moved: ``1 / sqrt(radicand) = root / 2**17 * 2**(moved + 1 - half)``.

    ``radicands``: from 1 up, of at most ``2 * half`` bits.
    """
    m, moved = radicands, np.zeros_like(radicands)
    for bit in reversed(range(clog2(half))):
        places = 2 << bit
        free = (m >> max(2 * half - places, 0) == 0) & (places < 2 * half)
        m = np.where(free, m << places, m)
        moved = moved | (free.astype(np.int64) << bit)
    piece = (m >> (2 * half - PIECE_BITS)) - (1 << (PIECE_BITS - 2))
    along = (m >> (2 * half - 2 * PIECE_BITS)) & ((1 << PIECE_BITS) - 1)
    base, slope = roots().T
    root: IntArray = base[piece] - (slope[piece] * along >> PIECE_BITS)
    return root, moved


LARGEST_ERROR = 0.5
"""In codes, before rounding; what is left to 1 is onnxruntime's, in float32."""


def scale_fraction(channels: int) -> int:
    """Return the bits behind the point of a factor: a score times its error is below 1/64 code."""
    return 5 + (clog2(channels) + 1) // 2


def error_bound(
    channels: int,
    factors: npt.NDArray[np.float64],
    summands: npt.NDArray[np.float64],
    relative: float,
    epsilon: int,
    output: IntegerType,
) -> float:
    """Return the most that a code differs from the real one, before rounding.

    Args:
        channels: of a pixel.
        factors: (channels,), codes for each unit of the score.
        summands: (channels,), codes of the score 0.
        relative: E, real; ``epsilon``: its integer, ``2**10`` times as large.
        epsilon: see ``relative``.
        output: type of the codes; beyond its ends all is clamped.
    """
    if not (np.all(np.isfinite(factors)) and np.all(np.isfinite(summands))):
        return float("inf")
    largest = float(np.abs(factors).max())
    ends = np.abs(summands - output.minimum), np.abs(summands - output.maximum)
    reach = float(np.max(ends)) + 1  # of factor times score, where the code is not clamped
    least = max(channels - 1, 1) + relative  # the smallest V but 0, where every score is 0
    of_epsilon = abs(epsilon / 2**EPSILON_FRACTION - relative) / least / 2
    of_root = reach * (root_error() + of_epsilon)
    of_score = largest * 2.0 ** -(SCORE_FRACTION + 1)
    of_factor = np.sqrt(channels) * 2.0 ** -(scale_fraction(channels) + 1)
    return float(of_root + of_score + of_factor + 2.0**-SCORE_FRACTION)
