"""Softmax and layer normalization: passes over a pixel, and what waits for each of them."""

from __future__ import annotations

from ir.elements import LayerNormalization, Softmax
from ir.layer_normalization import element_half_width, score_bits
from ir.numbers import clog2
from ir.resources.codes import lookup, requantization
from ir.resources.count import Resources
from ir.resources.dispatch import parts_of
from ir.resources.part import Part
from ir.resources.plumbing import reserving_fifo
from ir.timing import channel_reduce_latency

QUOTIENT_BITS = 10
"""Stages of divide.vhd."""

ROOT_BITS = 18


def pass_buffer(width: int, number_width: int, folds: int, depth: int) -> tuple[Part, ...]:
    """Return FIFOs of beats and of a number for each pixel, and counts of beats."""
    sizes = {"one": 1.0, "folds": 2 * clog2(folds)}
    return (
        Part("pass_buffer", sizes, sizes),
        *reserving_fifo(depth, width),
        *reserving_fifo(-(-depth // folds), number_width),
    )


@parts_of.register
def softmax(element: Softmax) -> tuple[Part, ...]:
    """Return the passes of maxima, exponentials and quotients, and what waits in between.

    ``divided``, bits of the remainders of all stages; ``denominator``, of the registers beside
    them; ``added``, of sums of exponentials; ``compared``, of codes.
    """
    lanes, bits = element.output.lanes, element.source.output.number.bits
    channels = element.output.shape.channels
    folds, exponential = channels // lanes, element.fraction_bits + 1
    sums = exponential + clog2(channels)
    sizes = {
        "one": 1.0,
        "divided": lanes * QUOTIENT_BITS * (sums + 2),
        "denominator": QUOTIENT_BITS * sums,
        "added": lanes * sums,
        "compared": lanes * bits,
        "folds": 2 * clog2(folds),
    }
    waits = folds + channel_reduce_latency(lanes) + 1
    # Each bit of a quotient waits for those behind it, all but the last two in a shift register.
    exact = Resources(lut_memory=lanes * (QUOTIENT_BITS - 2))
    return (
        Part("softmax", sizes, sizes, exact),
        *pass_buffer(lanes * bits, bits, folds, waits),
        lookup(element.exponentials, exponential, lanes),
        *pass_buffer(lanes * exponential, sums, folds, waits + 3),
        *reserving_fifo(element.fifo_depth, element.output.width_bits),
    )


@parts_of.register
def layer_normalization(element: LayerNormalization) -> tuple[Part, ...]:
    """Return moments, an inverse root, a score per lane, what waits for them, and the codes.

    ``scores``, ``radicand``: bits of the stages that move these; ``added``, of the sums of values
    and squares.
    """
    read, lanes = element.source.output, element.output.lanes
    channels, bits = element.output.shape.channels, read.number.bits
    folds, value = channels // lanes, bits if read.number.signed else bits + 1
    half, score = element_half_width(element), score_bits(channels)
    moves, total = clog2(half), value + clog2(channels)
    sizes = {
        "one": 1.0,
        "scores": lanes * moves * (total + ROOT_BITS + 2),
        "radicand": moves * 2 * half,
        "added": lanes * (total + 2 * bits + clog2(channels)),
        "folds": 2 * clog2(folds),
    }
    # For each lane a square and a score; a total and a root; the table of roots.  Values and the
    # sum of squares are multiplied by the channels, too.
    times = 0 if channels & (channels - 1) == 0 else lanes + 1
    # In shift registers: totals and moves that wait for a root, moves for a score, values for their
    # squares.
    waiting = total + 2 * moves + lanes * bits
    exact = Resources(dsp=2 * lanes + 2 + times, bram18=1, lut_memory=waiting)
    waits = folds + channel_reduce_latency(lanes) + moves + 10
    code = element.output.number.bits
    return (
        Part("layer_normalization", sizes, sizes, exact),
        *pass_buffer(lanes * bits, total + ROOT_BITS + moves, folds, waits),
        *requantization(element.requantization, score, code, lanes, folds),
        *reserving_fifo(element.fifo_depth, element.output.width_bits),
    )
