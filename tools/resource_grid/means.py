"""The configurations of means over windows and frames, and of maxima over frames."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ir.average_proof import GoldenMean
from ir.elements import AveragePool, Element, FloatMean, GlobalAverage, GlobalMaximum, Kernel
from ir.float_mean import accumulator_of, float_sums, prove_float_mean
from ir.numbers import IntegerType, frozen_integers
from ir.requantize import ScaleRequantization
from tools.resource_grid.random_elements import UINT4, UINT8, kernel, scale, sends, stream

FRAMES = (
    ((7, 7, 8), 2),
    ((8, 8, 64), 4),
    ((4, 4, 16), 16),
    ((7, 7, 256), 2),
    ((8, 8, 32), 1),
    ((1, 50, 24), 3),
    ((12, 12, 10), 10),
    ((16, 16, 128), 8),
)
"""Sizes and lanes of what has a result for each frame."""


def average_pools() -> Iterator[Element]:
    """Yield means over windows."""
    padded = Kernel(3, 3, 2, 2, 1, 1, 1, 1, 1, 1)
    for size, window, lanes in (
        ((8, 8, 4), kernel(2, 2), 1),
        ((8, 8, 4), kernel(2, 2), 4),
        ((9, 9, 8), kernel(3), 2),
        ((14, 14, 16), padded, 4),
        ((16, 16, 32), kernel(4, 4), 2),
        ((28, 28, 6), kernel(2, 2), 2),
        ((12, 12, 8), kernel(3, 3), 8),
        ((1, 64, 16), Kernel(1, 4, 1, 4), 4),
    ):
        bound = window.taps * 255
        counts = np.multiply.outer(np.arange(1, window.height + 1), np.arange(1, window.width + 1))
        factors = frozen_integers(np.rint(2**10 / counts.reshape(-1)))
        offsets = frozen_integers(np.full(window.taps, 1 << 9))
        function = ScaleRequantization(factors, offsets, 10, 0, 255)
        rows, columns = window.output_size(size[0], size[1])
        sent = sends((rows, columns, size[2]), lanes)
        sums = IntegerType.spanning(-bound, bound)
        yield AveragePool("mean", "mean", stream(size, lanes), sent, window, 0, sums, function, 4)


def global_averages() -> Iterator[Element]:
    """Yield means over frames."""
    for size, lanes in FRAMES:
        bound = size[0] * size[1] * 255
        sums = IntegerType.spanning(-1, bound)
        function = scale(size[2], sums, UINT8, size[2])
        source = stream(size, lanes)
        yield GlobalAverage("gap", "gap", source, sends((1, 1, size[2]), lanes), sums, function, 8)


def global_maxima() -> Iterator[Element]:
    """Yield maxima over frames."""
    for size, lanes in FRAMES:
        yield GlobalMaximum("gmp", "gmp", stream(size, lanes), sends((1, 1, size[2]), lanes), 4)


def float_means() -> Iterator[Element]:
    """Yield means that round as float32 does: of windows and frames, of several divisors."""
    for size, window, lanes, number, scale_, zero_point, fewer in (
        ((4, 4, 8), kernel(4, 4), 1, UINT8, 0.0372913, 0, ()),
        ((8, 8, 4), kernel(2, 2), 2, UINT4, 0.51271, 7, ()),
        ((7, 7, 16), kernel(7, 7), 1, UINT4, 1.77e-5, 3, ()),
        ((6, 6, 4), kernel(3, 3), 4, UINT4, 0.00911, 5, ()),
        ((8, 8, 32), kernel(8, 8), 2, UINT4, 0.0219, 12, ()),
        ((6, 6, 2), kernel(2, 2), 1, UINT4, 0.1, 3, (2,)),
        ((9, 9, 8), kernel(3, 3), 2, UINT4, 0.037, 0, (6, 4)),
        ((1, 24, 8), Kernel(1, 4, 1, 4), 8, UINT4, 0.021, 0, ()),
    ):
        yield float_mean(size, window, lanes, number, scale_, zero_point, fewer)


def float_mean(
    size: tuple[int, int, int],
    window: Kernel,
    lanes: int,
    number: IntegerType,
    scale_: float,
    zero_point: int,
    fewer: tuple[int, ...],
) -> FloatMean:
    """Return a mean of numbers of ``scale_``; ``fewer``: other divisors than its values, in turn.

    Its codes are of 0.7 times that scale.
    """
    entering = np.float32(scale_)
    golden = GoldenMean(
        entering,
        zero_point,
        np.float32(entering * 0.7),
        number.minimum + 3,
        number,
        window.taps,
        np.array([*fewer, window.taps]),
        number.minimum,
        number.maximum,
    )
    sums = float_sums(golden, number)
    function, _ = prove_float_mean("mean", golden, sums)
    rows, columns = window.output_size(size[0], size[1])
    return FloatMean(
        "mean",
        "mean",
        stream(size, lanes, number),
        sends((rows, columns, size[2]), lanes, number),
        window,
        sums.addends,
        accumulator_of(sums, function),
        function,
        frozen_integers(np.arange(rows * columns) % (len(fewer) + 1)),
        16,
    )


MEANS = {
    "global_average": global_averages,
    "global_maximum": global_maxima,
    "sliding_sum": average_pools,
    "float_mean": float_means,
}
"""By the entity that is fitted to them."""
