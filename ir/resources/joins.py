"""Elements that read several streams."""

from __future__ import annotations

from ir.elements import (
    Concatenate,
    DotProduct,
    Extremum,
    Merge,
    PairLookup,
    Pairwise,
    Product,
    SideBySide,
)
from ir.numbers import clog2
from ir.resources.codes import lookup, requantization
from ir.resources.count import Resources
from ir.resources.dispatch import parts_of
from ir.resources.part import Part
from ir.resources.plumbing import reserving_fifo, stream_fifo
from ir.resources.products import dsps
from ir.resources.windows import MULTIPLEXED
from ir.timing import dot_product_latency, pairwise_latency


def pair_pipeline(output: int, pairs: int, latency: int, depth: int) -> tuple[Part, ...]:
    """Return what takes pairs of beats: a count of pairs, a flip-flop for each edge.

    The registers of the operands are counted with what computes, as DSPs have some.
    """
    sizes = {"one": 1.0, "pair": clog2(pairs)}
    return (
        Part("pair_pipeline", sizes, sizes | {"latency": latency}),
        *reserving_fifo(depth, output),
    )


@parts_of.register
def merge(element: Merge) -> tuple[Part, ...]:
    """Return the parts of a weighted sum.

    A factor whose product is large enough is a DSP, which holds its operand, too.
    LUT: ``sum``, bits of an adder; ``soft``, of products in logic; ``rounded``, of the adder that
    rounds to even; ``clamped``, bits of codes that are limited.  FF: ``sum``, of sums that no DSP
    forms; ``operands``, bits that no DSP holds, ``first``, those of the first operand.
    """
    lanes, code = element.output.lanes, element.output.number.bits
    widths = [source.output.number.bits for source in element.sources]
    factors = [abs(factor) for factor in element.factors]
    factor_bits = [factor.bit_length() + 1 for factor in factors]
    used = [_constant_dsps(width, factor) for width, factor in zip(widths, factors, strict=True)]
    products = [width + 1 + bits for width, bits in zip(widths, factor_bits, strict=True)]
    sums = max(*products, element.offset.bit_length() + 1) + 2
    soft = [
        width * (factor.bit_count() - 1) * int(not dsp)
        for width, factor, dsp in zip(widths, factors, used, strict=True)
    ]
    kept = max(1, sums - element.shift)
    in_logic = [0 if dsp else width for width, dsp in zip(widths, used, strict=True)]
    # Three registers in a row are a shift register: of the first one, if nothing is added to it.
    adds = int(element.offset != 0 or element.zero_point != 0 or element.factors[0] < 0)
    shifted = [
        0 if each or (first and adds) else width
        for width, each, first in zip(in_logic, soft, (True, False), strict=True)
    ]
    lut = {
        "one": 1.0,
        "sum": lanes * sums,
        "soft": lanes * sum(soft),
        "rounded": lanes * kept if element.half_even else 0,
        "clamped": lanes * code,
    }
    ff = lut | {
        "sum": lanes * sums * (used.count(0) - int(shifted[0] > 0)),
        "operands": lanes * (sum(in_logic) - sum(shifted)),
        "first": lanes * (in_logic[0] - shifted[0]),
    }
    exact = Resources(dsp=lanes * sum(used), lut_memory=lanes * sum(shifted))
    return (Part("merge", lut, ff, exact), *_pipeline(element))


@parts_of.register
def product(element: Product) -> tuple[Part, ...]:
    """Return the parts of a scaled product: a DSP for the product and one for its factor.

    LUT: ``soft``, bits of a product in logic; ``rounded``, of the adder that rounds to even;
    ``clamped``, bits of codes that are limited, ``compared``, those that say so.  FF: ``centred``,
    operands that are moved by a zero point, the others are those of a DSP.
    """
    lanes, code = element.output.lanes, element.output.number.bits
    bits = [source.output.number.bits for source in element.sources]
    zeros = [int(zero != 0) for zero in element.zero_points]
    widths = [width + zero for width, zero in zip(bits, zeros, strict=True)]
    scaled = sum(widths) + abs(element.factor).bit_length()
    each = dsps(*widths)
    used = each + _constant_dsps(sum(widths), abs(element.factor))
    high = max(1, scaled - element.shift)
    signed = any(zeros) or any(source.output.number.signed for source in element.sources)
    limited = high + int(signed) > code
    lut = {
        "one": 1.0,
        "soft": 0 if each else lanes * widths[0] * widths[1],
        "rounded": lanes * scaled if element.half_even else 0,
        "clamped": lanes * code if limited else 0,
        "compared": lanes * max(0, high - code),
    }
    ff = {
        "one": 1.0,
        "centred": lanes * sum(width for width, zero in zip(widths, zeros, strict=True) if zero),
        "soft": 0 if each else lanes * 2 * sum(widths),
        "rounded": lanes * high if element.half_even else 0,
        "code": lanes * min(high, code),
    }
    own = Part("product", lut, ff, Resources(dsp=lanes * used))
    return (own, *_pipeline(element))


@parts_of.register
def extremum(element: Extremum) -> tuple[Part, ...]:
    """Return a comparator and a choice per lane: bits of a beat; two operands and the result."""
    sizes = {"beat": float(element.output.width_bits)}
    return (Part("extremum", sizes, sizes), *_pipeline(element))


@parts_of.register
def pair_lookup(element: PairLookup) -> tuple[Part, ...]:
    """Return a table per lane, and registers in front and behind.

    LUT: ``table``, as the table is not on the longest path here.
    """
    output = element.output
    table = lookup(element.table.reshape(-1), output.number.bits, output.lanes)
    lut = {"table": table.lut.get("deep_rom", 0.0)}
    ff = {"operands": _read_bits(element), "result": output.width_bits}
    held = Part("pair_lookup", lut, ff)
    return (table, held, *_pipeline(element))


@parts_of.register
def dot_product(element: DotProduct) -> tuple[Part, ...]:
    """Return a product per channel and cycle, a tree of adders and an accumulator."""
    widths = [source.output.number.bits + 1 for source in element.sources]
    bits = sum(widths) + clog2(element.simd)
    tree = (element.simd - 1) * bits
    lut = {
        "one": 1.0,
        "centred": element.simd
        * sum(width for width, zero in zip(widths, element.zero_points, strict=True) if zero),
        "tree": tree,
        "sum": element.accumulator.bits,
    }
    ff = {
        "one": 1.0,
        "operands": sum(source.output.number.bits for source in element.sources) * element.simd,
        "tree": tree,
        "sum": element.accumulator.bits,
    }
    # Whether a pair is the first one goes along in a shift register.
    exact = Resources(dsp=dsps(*widths) * element.simd, lut_memory=1)
    own = Part("dot_product", lut, ff, exact)
    code = element.output.number.bits
    return (
        own,
        *requantization(element.requantization, element.accumulator.bits, code, 1, 1),
        *pair_pipeline(code, element.steps, dot_product_latency(element), element.fifo_depth),
    )


@parts_of.register
def concatenate(element: Concatenate) -> tuple[Part, ...]:
    """Return the choice among streams: ``chosen``, LUTs of three ways; ``words``, of the count."""
    ways, width = len(element.sources), element.output.width_bits
    most = max(source.output.shape.channels for source in element.sources) // element.output.lanes
    lut = {
        "one": 1.0,
        "chosen": width * -(-ways // MULTIPLEXED),
        "ways": ways,
        "words": clog2(most),
    }
    ff = {"one": 1.0, "ways": ways, "words": clog2(most)}
    return (Part("concatenate", lut, ff), stream_fifo(element.fifo_depth, width))


@parts_of.register
def side_by_side(element: SideBySide) -> tuple[Part, ...]:
    """Return a FIFO for each stream, and what waits for all of them."""
    ways = len(element.sources)
    widths = [source.output.width_bits for source in element.sources]
    own = Part("side_by_side", {"one": 1.0, "ways": ways}, {})
    return (own, *(stream_fifo(element.fifo_depth, width) for width in widths))


def _pipeline(element: Pairwise) -> tuple[Part, ...]:
    latency = pairwise_latency(element)
    return pair_pipeline(element.output.width_bits, 1, latency, element.fifo_depth)


def _read_bits(element: Pairwise) -> int:
    return sum(source.output.number.bits for source in element.sources) * element.output.lanes


def _constant_dsps(bits: int, factor: int) -> int:
    """Return the DSPs of a product with a constant: none if that is a shift."""
    return 0 if factor.bit_count() < 2 else dsps(bits, factor.bit_length())
