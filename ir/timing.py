"""Latencies of the pipelines inside the elements, in clock edges; docs/elements.md derives them.

The test benches hold the VHDL to these numbers and the cycle model is built on them.
"""

from __future__ import annotations

from ir.adders import signed_digits
from ir.elements import (
    Affine,
    DotProduct,
    Extremum,
    FloatMean,
    GlobalAverage,
    Merge,
    PairLookup,
    Pairwise,
    ProcessingElement,
    Product,
)
from ir.elements.processing import weight_rows
from ir.numbers import clog2
from ir.requantize import Requantization, ScaleRequantization, Scaling, beat_edges

REQUANTIZE_LATENCY = 5
"""Parameters and operand, product, sum, shift and clamp, and one more before or behind the sum."""

LOOKUP_LATENCY = 1

REORDER_LATENCY = 2
"""From the issue of a beat to its push: the memory's own register, and one behind it."""

RECTIFIER_LATENCY = 5
"""From taking a beat to its push: operand, side, product, sum, shift and clamp."""


GLOBAL_MAXIMUM_LATENCY = 1
"""From the last pixel's step to the push: the result's register."""


SLIDING_SUM_LATENCY = 3
"""From a step to its push: values, difference, sum."""

WINDOW_MEANS_LATENCY = 5
"""Number of taps inside, parameters, product, sum, shift and clamp."""

AVERAGE_POOL_LATENCY = SLIDING_SUM_LATENCY + WINDOW_MEANS_LATENCY
"""From the step at the end of a window to the push of its code: column sum, requantization."""


def matrix_vector_latency(simd: int, chain: int = 1) -> int:
    """From the issue of a group's last beat to its accumulators.

    Operands, product, an edge per multiplier of a chain, a level of the tree each, sum.
    """
    return 4 + (chain if chain > 1 else 0) + clog2(simd // chain)


THRESHOLD_LOGIC_BITS = 8192
"""The largest table of a stage of thresholds that is read from logic."""

THRESHOLD_LUT_WORDS = 64
"""The longest table of which a stage reads a word when the one before has chosen it."""

THRESHOLD_DIRECT_WORDS = 32
"""The longest table of which a stage reads the word with which it is comparing."""


def threshold_latency(levels: int, input_bits: int, folds: int) -> int:
    """Return an edge per stage of the binary search, and those it waits for a word of its table."""
    latency = 0
    for stage in range(clog2(levels + 1)):
        words = folds << stage
        large = words * input_bits > THRESHOLD_LOGIC_BITS
        is_known = words > THRESHOLD_LUT_WORDS if stage else not large
        is_known |= words <= THRESHOLD_DIRECT_WORDS
        latency += 1 + int(large) + int(not is_known)
    return latency


def requantization_latency(
    requantization: Requantization,
    input_bits: int,
    folds: int,
    scaling: Scaling = Scaling.MULTIPLIED,
) -> int:
    """From raw accumulators of ``input_bits`` to output codes.

    ``folds``: beats whose lanes have other parameters, before they are those of the first again.
    Bit by bit: operand, an edge for each bit of the factors, the offset's upper bits, clamp.
    """
    if isinstance(requantization, ScaleRequantization):
        if scaling is Scaling.SERIAL:
            return beat_edges(requantization, scaling) + 2
        return REQUANTIZE_LATENCY
    return threshold_latency(requantization.levels, input_bits, folds)


def processing_latency(element: ProcessingElement) -> int:
    """From the issue of a group's last beat to the push of its first beat into the output FIFO.

    The push is the edge after the one at which the result is in its pipeline's last register.
    """
    lookup = LOOKUP_LATENCY if element.table is not None else 0
    maxima = 0 if element.members is None else lane_maxima_latency(element.members.shape[1])
    # A padded window has a register between its memory and the choice of the padding; one that
    # sends several taps has one between what is issued and what is done with the data.
    late = 1 if element.kernel.is_padded or element.taps > 1 else 0
    if element.adder_levels:
        return late + adders_latency(element) + lookup + maxima + 1
    requantization = requantization_latency(
        element.requantization, element.accumulator.bits, element.pixel_beats, element.scaling
    )
    sums = (
        matrix_vector_latency(element.taps)
        if element.depthwise
        else matrix_vector_latency(element.fan_in, element.sharing.chain)
    )
    serializer = serializer_latency(element.beat_edges) if element.parts > 1 else 0
    return late + sums + serializer + requantization + lookup + maxima + 1


def serializer_latency(beat_edges: int) -> int:
    """From a beat to its first part, with ``beat_edges`` edges from a part to the next.

    Parts that go at every edge have a register behind their choice.
    """
    return 2 if beat_edges == 1 else 1


def lane_maxima_latency(members: int) -> int:
    """From the values of a beat to their maxima: a register per level of the tree."""
    return clog2(members)


def adders_latency(element: ProcessingElement) -> int:
    """From the issue of a window to its codes: the stages of its datapath, then its thresholds.

    Before the adders are solved their levels are guessed: as many as the digits of the longest row
    need, one for the offset and one for the clamp.
    """
    scaled = isinstance(element.requantization, ScaleRequantization)
    if element.datapath is None:
        digits = int(signed_digits(weight_rows(element)).sum(axis=1).max())
        levels = max(1, clog2(max(1, digits))) + (2 if scaled else 0)
        stages = -(-levels // element.adder_levels)
    else:
        stages = element.datapath.stages
    if isinstance(element.requantization, ScaleRequantization):
        return stages
    return stages + threshold_latency(element.requantization.levels, element.accumulator.bits, 1)


def sliding_maximum_latency(kernel: int) -> int:
    """From a step to its push: operands, then a register per level of the tree."""
    return 1 + clog2(kernel)


def pointwise_latency(inner: int) -> int:
    """From taking a beat to its push: input register, then the function's ``inner`` latency."""
    return 1 + inner


def affine_latency(element: Affine) -> int:
    """From taking a beat to its push."""
    source = element.source.output
    folds = source.shape.channels // source.lanes
    return pointwise_latency(
        requantization_latency(element.requantization, source.number.bits, folds)
    )


def global_average_latency(element: GlobalAverage) -> int:
    """From the last pixel's step to the push: sum register, then requantization."""
    folds, scaling = element.output.beats, element.scaling
    sums = element.accumulator.bits
    return 1 + requantization_latency(element.requantization, sums, folds, scaling)


ADDITION_LATENCY = 6
"""Edges between two steps that add to one sum of a float mean.

The sum so far is read, then the addition's four: sum, its size, the bit to round by, the rounded
sum; it is in the memory an edge later.
"""

ADDEND_LATENCY = 1
"""Edges by which a float mean reads a code before the sum that it adds to: a table's register."""


def float_mean_pause(folds: int) -> int:
    """Return the edges from the last beat of a pixel to the next one, which may add to its sums."""
    return max(1, ADDITION_LATENCY + 1 - folds)


def float_mean_latency(element: FloatMean) -> int:
    """From the step at the end of a window to the push of its code."""
    function, bits = element.requantization, element.accumulator.bits
    return ADDEND_LATENCY + ADDITION_LATENCY + threshold_latency(function.levels, bits, 1)


def arg_max_latency(lanes: int) -> int:
    """From a pixel's last beat to the push: input register, tree, running maximum."""
    return 2 + clog2(lanes)


def dot_product_latency(element: DotProduct) -> int:
    """From a pixel's last pair of beats to its push.

    Operands, less zero points, products, tree, sum, requantization.
    """
    codes = requantization_latency(element.requantization, element.accumulator.bits, 1)
    return 4 + clog2(element.simd) + codes


def pairwise_latency(element: Pairwise) -> int:
    """From taking a pair of beats to its push."""
    match element:
        case Merge():  # operands, products, a sum each, rounding, shift and clamp
            return 5 + int(element.half_even)
        case Product():  # operands, less zero points, product, factor, sum, rounding, clamp
            return 6 + int(element.half_even)
        case Extremum():  # operands, choice
            return 2
        case PairLookup():  # operands, table, a register behind it
            return pointwise_latency(LOOKUP_LATENCY) + 1


SOFTMAX_EXPONENTIAL_LATENCY = 3
"""From taking a value behind the maximum to the push of its exponential.

Difference, the table's own register, and one behind it.
"""

SOFTMAX_QUOTIENT_LATENCY = 12
"""From taking an exponential behind the sum to its push: operands, a bit each of 10, rounding."""


def channel_reduce_latency(lanes: int) -> int:
    """From a pixel's last beat to its maximum or sum: operands, tree, running result."""
    return 2 + clog2(lanes)


def root_latency(half_width: int) -> int:
    """From a radicand to its inverse root.

    A stage per bit of the move, line read and held, product, root.
    """
    return clog2(half_width) + 4


def moments_latency(lanes: int, half_width: int) -> int:
    """From a pixel's last beat to the push of its mean and deviation.

    Operands, squares; sums; products, variance, radicand; root.
    """
    return 2 + channel_reduce_latency(lanes) + 3 + root_latency(half_width)


def score_latency(half_width: int) -> int:
    """From taking a value behind its pixel's moments to the push of its code.

    Factor, deviation, product, a stage per bit of the shift; requantization.
    """
    return 3 + clog2(half_width) + REQUANTIZE_LATENCY


def pass_depth(folds: int, reduction: int) -> int:
    """Return the beats that wait while those of a pixel are reduced, a beat per cycle.

    A beat waits for the last of its pixel, ``folds - 1`` edges, for the number, ``reduction``, and
    an edge each to be taken and to make room.
    """
    return folds + reduction + 1


def number_depth(folds: int, reduction: int) -> int:
    """Return the numbers that are on their way or used at a time: one for each pixel."""
    return -(-pass_depth(folds, reduction) // folds)
