"""The configurations of elements of one piece: joins, pools, pointwise ones, shapes."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from ir.elements import (
    Affine,
    ArgMax,
    Border,
    Concatenate,
    DotProduct,
    Element,
    Extremum,
    LayerNormalization,
    Lookup,
    Loop,
    Merge,
    PairLookup,
    Product,
    Rectifier,
    Reorder,
    SideBySide,
    Softmax,
)
from ir.layer_normalization import score_bits
from ir.numbers import IntArray, IntegerType, frozen_integers
from tools.resource_grid.random_elements import INT8, UINT4, UINT8, scale, sends, stream


def _codes(number: IntegerType, *shape: int) -> IntArray:
    random = np.random.default_rng(shape[-1])
    return frozen_integers(random.integers(number.minimum, number.maximum + 1, shape))


def _pair(
    shape: tuple[int, int, int], lanes: int, numbers: tuple[IntegerType, IntegerType]
) -> tuple[Element, Element]:
    return stream(shape, lanes, numbers[0], "a"), stream(shape, lanes, numbers[1], "b")


def merges() -> Iterator[Element]:
    """Yield sums of residual networks: factors of 1 to 9 bits, with and without rounding."""
    shape = (8, 8, 16)
    for lanes, factors, shift, half_even, numbers in (
        (1, (1, 1), 1, False, (UINT8, UINT8)),
        (4, (1, 1), 1, False, (INT8, UINT8)),
        (4, (181, 37), 8, True, (INT8, UINT8)),
        (8, (4, 1), 2, True, (UINT8, UINT8)),
        (2, (181, -37), 8, True, (UINT8, INT8)),
        (1, (97, 60), 7, False, (INT8, INT8)),
        (16, (1, 2), 1, True, (INT8, INT8)),
        (4, (5, 3), 3, False, (UINT4, UINT4)),
        (1, (77, 1), 6, True, (INT8, INT8)),
        (8, (113, 90), 7, True, (UINT8, UINT8)),
        (2, (1, -1), 0, False, (UINT8, UINT8)),
        (16, (3, 7), 3, True, (UINT4, UINT4)),
    ):
        output = sends(shape, lanes)
        offset = (1 << shift) >> 1
        pair = _pair(shape, lanes, numbers)
        rest = (offset, shift, 0, 255, half_even, 3 * int(half_even), 8)
        yield Merge("sum", "sum", pair, output, factors, *rest)


def products() -> Iterator[Element]:
    """Yield products of two streams, such as gates."""
    shape = (8, 8, 16)
    for lanes, zeros, factor, half_even, numbers in (
        (1, (0, 0), 43, False, (UINT8, UINT8)),
        (2, (-3, 128), 43, True, (INT8, UINT8)),
        (4, (0, 128), 181, True, (INT8, UINT8)),
        (4, (0, 0), 1, False, (UINT8, UINT8)),
        (8, (5, 0), 7, False, (INT8, INT8)),
        (2, (0, 0), 9, True, (UINT4, UINT4)),
        (1, (12, 9), 97, False, (UINT8, UINT8)),
        (8, (-5, 0), 1, True, (INT8, INT8)),
        (4, (0, 3), 64, False, (UINT4, UINT8)),
        (16, (128, 128), 31, True, (UINT8, UINT8)),
    ):
        output, pair = sends(shape, lanes), _pair(shape, lanes, numbers)
        rest = (zeros, factor, 1 << 11, 12, 0, 255, half_even, 12)
        yield Product("product", "product", pair, output, *rest)


def extrema() -> Iterator[Element]:
    """Yield larger and smaller values."""
    for lanes, number in (
        (1, UINT8),
        (4, INT8),
        (8, UINT4),
        (16, UINT8),
        (2, IntegerType(16, True)),
        (2, UINT8),
        (1, INT8),
        (16, INT8),
    ):
        pair = _pair((4, 4, 16), lanes, (number, number))
        yield Extremum("max", "max", pair, sends((4, 4, 16), lanes, number), lanes > 4, 4)


def pair_lookups() -> Iterator[Element]:
    """Yield tables of two operands."""
    for lanes, first, second, output in (
        (1, 4, 4, UINT8),
        (2, 7, 5, UINT8),
        (4, 4, 3, UINT4),
        (1, 3, 3, UINT8),
        (8, 2, 4, UINT4),
        (1, 5, 5, UINT8),
        (2, 4, 4, INT8),
        (1, 6, 6, UINT4),
    ):
        numbers = IntegerType(first, False), IntegerType(second, False)
        table = _codes(output, 1 << first, 1 << second)
        pair = _pair((4, 4, 8), lanes, numbers)
        yield PairLookup("f", "f", pair, sends((4, 4, 8), lanes, output), table, 4)


def dot_products() -> Iterator[Element]:
    """Yield products of matrices, of attention."""
    for channels, simd, zeros in (
        (16, 1, (0, 0)),
        (16, 4, (-3, 128)),
        (64, 8, (0, 128)),
        (32, 16, (0, 0)),
        (12, 3, (5, 7)),
        (24, 2, (0, 3)),
        (64, 1, (-1, 0)),
        (32, 32, (-3, 128)),
        (8, 8, (0, 0)),
        (48, 6, (4, 0)),
    ):
        numbers = (INT8, UINT8)
        bound = channels * 128 * 255
        sums = IntegerType.spanning(-bound, bound)
        pair = _pair((4, 4, channels), simd, numbers)
        function = scale(1, sums, UINT8, channels)
        output = sends((1, 4, 4), 1)
        rest = (zeros, sums, function, simd, 16)
        yield DotProduct("dot", "dot", pair, output, *rest)


def concatenations() -> Iterator[Element]:
    """Yield joins of 2 to 4 branches."""
    for lanes, channels in (
        (1, (8, 8)),
        (4, (8, 16)),
        (2, (4, 6, 2)),
        (8, (8, 8, 16, 8)),
        (1, (64, 32, 96)),
        (16, (16, 16)),
        (2, (2, 2)),
        (4, (4, 4, 4, 4, 4)),
        (1, (6, 10, 3)),
        (8, (64, 8)),
    ):
        branches = tuple(stream((4, 4, c), lanes, name=f"way{n}") for n, c in enumerate(channels))
        output = sends((4, 4, sum(channels)), lanes)
        yield Concatenate("cat", "cat", branches, output, 2)


def side_by_side() -> Iterator[Element]:
    """Yield concatenations of whole pixels, of one and of several."""
    ways = (((4, 4), 1), ((8, 16), 1), ((3, 5, 8), 1), ((2, 6), 4), ((1, 1, 1), 8), ((1, 1), 1))
    ways += (((16, 16), 1), ((2, 3, 4, 5), 1))
    for channels, pixels in ways:
        branches = tuple(
            stream((4, 4, c * pixels), c * pixels, name=f"way{n}") for n, c in enumerate(channels)
        )
        total = sum(channels) * pixels
        yield SideBySide("cat", "cat", branches, sends((4, 4, total), total), pixels)


def affines() -> Iterator[Element]:
    """Yield factors per channel."""
    for channels, lanes, number in (
        (8, 1, UINT8),
        (16, 4, INT8),
        (64, 2, UINT8),
        (8, 8, INT8),
        (32, 1, INT8),
        (16, 2, UINT8),
        (128, 4, INT8),
        (12, 3, UINT4),
        (256, 1, UINT8),
    ):
        function = scale(channels, IntegerType(9, True), UINT8, channels)
        source = stream((4, 4, channels), lanes, number)
        yield Affine("bn", "bn", source, sends((4, 4, channels), lanes), function, 8)


def tables() -> Iterator[Element]:
    """Yield activations as tables, of all channels and of each."""
    for channels, lanes, each, number in (
        (8, 1, False, UINT8),
        (8, 4, False, UINT8),
        (4, 2, True, UINT8),
        (8, 8, False, UINT4),
        (8, 2, True, UINT4),
        (16, 1, True, UINT8),
        (2, 2, True, UINT8),
        (8, 2, False, INT8),
    ):
        values = 1 << number.bits
        table = _codes(UINT8, channels, values) if each else _codes(UINT8, values)
        source = stream((4, 4, channels), lanes, number)
        yield Lookup("f", "f", source, sends((4, 4, channels), lanes), table, 4)


def rectifiers() -> Iterator[Element]:
    """Yield slopes per channel and per value."""
    for values, lanes, number in (
        (8, 2, UINT8),
        (16, 1, INT8),
        (16, 8, INT8),
        (64, 4, UINT8),
        (4, 4, INT8),
        (128, 1, UINT8),
        (32, 2, INT8),
        (12, 4, UINT4),
    ):
        multipliers = _codes(INT8, 2, values)
        offsets = frozen_integers(_codes(INT8, 2, values) * 1024 + 512)
        source = stream((4, 4, values), lanes, number)
        output = sends((4, 4, values), lanes)
        rest = (10, multipliers, offsets, 7, 0, 255, 8)
        yield Rectifier("prelu", "prelu", source, output, *rest)


def arg_maxima() -> Iterator[Element]:
    """Yield the decision of a classifier."""
    for channels, lanes, number in (
        (10, 1, INT8),
        (10, 10, INT8),
        (12, 3, UINT8),
        (1000, 2, INT8),
        (64, 8, INT8),
        (2, 1, INT8),
        (100, 4, UINT8),
        (32, 32, INT8),
        (10, 2, UINT4),
    ):
        index = IntegerType.spanning(0, channels - 1)
        source = stream((1, 1, channels), lanes, number)
        yield ArgMax("argmax", "argmax", source, sends((1, 1, 1), 1, index), 2)


def borders() -> Iterator[Element]:
    """Yield padding and cropping."""
    for size, lanes, sides in (
        ((9, 7, 4), 2, (1, -1, -2, 3)),
        ((32, 32, 3), 3, (1, 1, 1, 1)),
        ((28, 28, 8), 1, (2, 2, 2, 2)),
        ((16, 16, 16), 8, (-2, -2, -2, -2)),
        ((112, 112, 8), 4, (0, 0, 1, 1)),
        ((7, 7, 64), 1, (1, 1, 1, 1)),
        ((1, 100, 4), 4, (0, 3, 0, 2)),
        ((64, 64, 1), 1, (0, 0, -3, 0)),
        ((20, 30, 6), 2, (2, 0, 0, -5)),
    ):
        rows, columns = size[0] + sides[0] + sides[2], size[1] + sides[1] + sides[3]
        output = sends((rows, columns, size[2]), lanes)
        yield Border("pad", "pad", stream(size, lanes), output, *sides, 3, 2)


def reorders() -> Iterator[Element]:
    """Yield upsampling, transposition and the like."""
    for size, lanes, output, block, loops in (
        ((8, 8, 4), 4, (16, 16, 4), 32, ((2, 0), (8, 4), (2, 0), (4, 1))),
        ((8, 8, 16), 2, (16, 16, 16), 128, ((2, 0), (8, 16), (2, 0), (16, 1))),
        ((4, 4, 8), 1, (1, 1, 128), 128, ((8, 1), (16, 8))),
        ((16, 16, 8), 8, (16, 16, 8), 2048, ((16, 8), (16, 128), (8, 1))),
        ((1, 32, 64), 1, (1, 64, 32), 2048, ((64, 1), (32, 64))),
        ((16, 16, 2), 2, (32, 32, 2), 32, ((2, 0), (16, 2), (2, 0), (2, 1))),
        ((1, 1, 64), 1, (1, 1, 64), 64, ((4, 1), (16, 4))),
        ((6, 10, 12), 4, (6, 10, 12), 120, ((10, 12), (12, 1))),
        ((8, 8, 32), 16, (8, 8, 32), 2048, ((8, 32), (8, 256), (32, 1))),
    ):
        nest = tuple(Loop(*loop) for loop in loops)
        yield Reorder("order", "order", stream(size, lanes), sends(output, lanes), block, nest, 3)


def softmaxes() -> Iterator[Element]:
    """Yield softmaxes of classifiers and of attention."""
    for channels, lanes, bits in (
        (10, 1, 16),
        (10, 2, 16),
        (100, 1, 20),
        (16, 4, 16),
        (32, 2, 18),
        (8, 8, 16),
        (64, 1, 16),
        (300, 2, 18),
    ):
        exponentials = frozen_integers(np.rint(2.0**bits * np.exp(-np.arange(256) / 16)))
        source = stream((1, 1, channels), lanes, INT8)
        yield Softmax(
            "softmax", "softmax", source, sends((1, 1, channels), lanes), exponentials, 14
        )


def layer_normalizations() -> Iterator[Element]:
    """Yield layer normalizations of transformers and ConvNeXt."""
    for channels, lanes in (
        (8, 1),
        (64, 1),
        (64, 2),
        (128, 4),
        (16, 4),
        (32, 8),
        (256, 1),
        (24, 3),
    ):
        scores = IntegerType(score_bits(channels), True)
        function = scale(channels, scores, UINT8, channels)
        source = stream((4, 4, channels), lanes, INT8)
        output = sends((4, 4, channels), lanes)
        yield LayerNormalization("norm", "norm", source, output, 22, function, 14)


ELEMENTS: dict[str, Callable[[], Iterator[Element]]] = {
    "extremum": extrema,
    "merge": merges,
    "product": products,
    "pointwise": tables,
    "affine": affines,
    "pair_lookup": pair_lookups,
    "concatenate": concatenations,
    "side_by_side": side_by_side,
    "rectifier": rectifiers,
    "argmax": arg_maxima,
    "border": borders,
    "reorder": reorders,
    "dot_product": dot_products,
    "softmax": softmaxes,
    "layer_normalization": layer_normalizations,
}
"""By the entity that is fitted to them, or which they check."""
