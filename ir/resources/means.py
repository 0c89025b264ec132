"""Averages of windows and frames, and the maximum of a frame."""

from __future__ import annotations

from dataclasses import replace

from ir.elements import AveragePool, FloatMean, GlobalAverage, GlobalMaximum, Kernel
from ir.float_sums import FLOAT32_BITS
from ir.numbers import clog2
from ir.resources.codes import lookup, requantization
from ir.resources.count import Resources
from ir.resources.dispatch import parts_of
from ir.resources.memory import Mapping, ram
from ir.resources.part import Part
from ir.resources.plumbing import reserving_fifo, state_memory
from ir.resources.pools import Slide, slides, sliding_steps
from ir.resources.products import dsps
from ir.resources.serial import pace


def sliding_sum(bits: int, sums: int, lanes: int, slide: Slide) -> tuple[Part, ...]:
    """Return the parts of sliding_sum.vhd; names as its generics.

    ``sum``, bits of the adders; ``difference``, of those in front where windows overlap;
    ``padded``, bits that may be padding; ``place``, of the memories' addresses.
    """
    inner, overlaps = slide.inner, slide.stride < slide.kernel
    remembered = slide.kernel * inner
    values = _memory(remembered, lanes * bits) if overlaps else Mapping(0.0)
    counters = clog2(inner) + (clog2(remembered) if overlaps else 0)
    lut = {
        "one": 1.0,
        "sum": lanes * sums,
        "difference": lanes * sums if overlaps else 0,
        "padded": lanes * bits * int(slide.flushes),
        "place": counters,
        "multiplexed": (values.rows - 1) * lanes * bits,
    }
    ff = {
        "one": 1.0,
        "sum": lanes * sums,
        "value": lanes * bits,
        "oldest": lanes * bits if overlaps and not values.bram18 else 0,
        "held": lanes * bits if overlaps else 0,
        "place": counters,
    }
    own = Part("sliding_sum", lut, ff, values.resources())
    # A single sum is what goes out, too.
    past = (state_memory(inner, lanes * sums),) if inner > 1 else ()
    return (own, *past, sliding_steps(slide))


@parts_of.register
def average_pool(element: AveragePool) -> tuple[Part, ...]:
    """Return sums along rows, then columns, and a multiplier per lane for their means."""
    read, kernel, lanes = element.input, element.kernel, element.output.lanes
    bits = read.number.bits
    row_bits = (bits if read.number.signed else bits + 1) + clog2(kernel.width)
    shape, sums = element.output.shape, element.accumulator.bits
    across, down = slides(read.shape, kernel, lanes)
    function, code = element.requantization, element.output.number.bits
    each = dsps(sums, function.multiplier_bits) if kernel.taps > 1 else 0
    counters = clog2(across.inner) + clog2(shape.width) + clog2(shape.height)
    sizes = {
        "one": 1.0,
        "counters": counters,
        "clamped": lanes * code,
        "parameters": function.multiplier_bits + function.offset_bits if kernel.is_padded else 0,
    }
    registers = sizes | {"value": lanes * sums}
    means = Part("window_means", sizes, registers, Resources(dsp=each * lanes))
    return (
        *sliding_sum(bits, row_bits, lanes, across),
        *reserving_fifo(element.row_depth, lanes * row_bits),
        *sliding_sum(row_bits, sums, lanes, down),
        means,
        *reserving_fifo(element.fifo_depth, lanes * code),
    )


@parts_of.register
def global_average(element: GlobalAverage) -> tuple[Part, ...]:
    """Return an accumulator per lane, the others' in memory, and a requantization."""
    read, lanes = element.source.output, element.output.lanes
    folds, sums = read.shape.channels // lanes, element.accumulator.bits
    sizes = {
        "one": 1.0,
        "sum": lanes * sums,
        "counters": clog2(read.shape.pixels) + clog2(folds),
        "value": read.width_bits,
    }
    code = element.output.number.bits
    return (
        Part("global_average", sizes, sizes),
        state_memory(folds, lanes * sums),
        *requantization(element.requantization, sums, code, lanes, folds, element.scaling),
        *reserving_fifo(element.fifo_depth, lanes * code),
        *pace(element.beat_edges),
    )


@parts_of.register
def float_mean(element: FloatMean) -> tuple[Part, ...]:
    """Return addends and a rounding adder per lane, sums in memory, and thresholds per lane."""
    read, lanes, code = element.input, element.output.lanes, element.output.number.bits
    sums, shape = element.accumulator.bits, read.shape
    rows = element.requantization.thresholds
    by_set = [replace(element.requantization, thresholds=row[None]) for row in rows]
    codes = [part for each in by_set for part in requantization(each, sums, code, 1, 1)]
    chosen = (lookup(element.sets, clog2(len(rows)), 1),) if len(rows) > 1 else ()
    kept = _memory(element.sums, lanes * sums)
    own = Part(
        "float_mean",
        {"one": 1.0, "past": lanes * sums},
        {
            "one": 1.0,
            "code": read.width_bits,
            "addend": lanes * element.addend.bits,
            "past": lanes * sums if kept.luts else 0.0,
        },
        # The sums' indices go along in shift registers.
        kept.resources() + Resources(lut_memory=clog2(element.sums)),
    )
    return (
        own,
        _tile_steps(element.kernel, shape.height, shape.width, shape.channels // lanes),
        lookup(element.addends, element.addend.bits, lanes),
        _rounding_adder(sums, lanes),
        *codes * lanes,
        *chosen,
        *reserving_fifo(element.fifo_depth, lanes * code),
    )


def _tile_steps(kernel: Kernel, height: int, width: int, folds: int) -> Part:
    """Return the counters of places in the map, in a window, and of sums."""
    counted = (height, width, kernel.stride_height, kernel.stride_width, folds)
    _, columns = kernel.output_size(height, width)
    sizes = {"one": 1.0, "counters": sum(map(clog2, counted)) + clog2(columns * folds)}
    return Part("tile_steps", sizes, sizes)


def _rounding_adder(bits: int, lanes: int) -> Part:
    """Return two adders per lane; ``dropped``: bits that a sum may lose."""
    dropped = lanes * max(0, bits - 1 - FLOAT32_BITS)
    lut = {"one": 1.0, "sum": 2 * lanes * bits, "dropped": dropped}
    ff = {"one": 1.0, "sum": 4 * lanes * bits, "dropped": 2 * dropped}
    return Part("rounding_adder", lut, ff)


@parts_of.register
def global_maximum(element: GlobalMaximum) -> tuple[Part, ...]:
    """Return a comparator per lane and the largest so far, in memory."""
    read, lanes = element.source.output, element.output.lanes
    folds = read.shape.channels // lanes
    sizes = {
        "one": 1.0,
        "value": read.width_bits,
        "counters": clog2(read.shape.pixels) + clog2(folds),
    }
    return (
        Part("global_maximum", sizes, sizes),
        state_memory(folds, read.width_bits),
        *reserving_fifo(element.fifo_depth, read.width_bits),
    )


def _memory(words: int, width: int) -> Mapping:
    """Return the memory of so many words; a single one is registers."""
    return ram(words, width) if words > 1 else Mapping(0.0)
