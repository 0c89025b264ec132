"""Elements that read several streams."""

from __future__ import annotations

from ir.elements import (
    Concatenate,
    DotProduct,
    Extremum,
    Merge,
    PairLookup,
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
from ir.timing import dot_product_latency, pairwise_latency


def pair_pipeline(
    operands: int, output: int, pairs: int, latency: int, depth: int
) -> tuple[Part, ...]:
    """Return what takes pairs of beats: registers of the ``operands`` bits, a count of pairs."""
    sizes = {"one": 1.0, "pair": clog2(pairs)}
    ff = sizes | {"operands": operands, "latency": latency}
    return (Part("pair_pipeline", sizes, ff), *reserving_fifo(depth, output))


@parts_of.register
def merge(element: Merge) -> tuple[Part, ...]:
    """Return the parts of a weighted sum.

    LUT: ``sum``, bits of the two adders; ``rounded``, of the one that rounds to even;
    ``clamped``, bits of codes.  A factor whose product is large enough is a DSP.
    """
    lanes, code = element.output.lanes, element.output.number.bits
    widths = [source.output.number.bits for source in element.sources]
    factors = [abs(factor) for factor in element.factors]
    factor_bits = [factor.bit_length() + 1 for factor in factors]
    used = [_constant_dsps(width, factor) for width, factor in zip(widths, factors, strict=True)]
    products = [width + 1 + bits for width, bits in zip(widths, factor_bits, strict=True)]
    sums = max(*products, element.offset.bit_length() + 1) + 2
    soft = sum(
        width * (factor.bit_count() - 1)
        for width, factor, dsp in zip(widths, factors, used, strict=True)
        if not dsp
    )
    lut = {
        "one": 1.0,
        "sum": lanes * sums,
        "soft": lanes * soft,
        "rounded": lanes * sums if element.half_even else 0,
        "clamped": lanes * code,
    }
    ff = {
        "one": 1.0,
        "sum": lanes * sums,
        "rounded": lanes * sums if element.half_even else 0,
        "clamped": lanes * code,
    }
    own = Part("merge", lut, ff, Resources(dsp=lanes * sum(used)))
    return (own, *_pipeline(element))


@parts_of.register
def product(element: Product) -> tuple[Part, ...]:
    """Return the parts of a scaled product: a DSP for the product and one for its factor."""
    lanes, code = element.output.lanes, element.output.number.bits
    widths = [
        source.output.number.bits + int(zero != 0)
        for source, zero in zip(element.sources, element.zero_points, strict=True)
    ]
    scaled = sum(widths) + abs(element.factor).bit_length() + 1
    used = dsps(*widths) + _constant_dsps(sum(widths), abs(element.factor))
    lut = {
        "one": 1.0,
        "centred": lanes
        * sum(width for width, zero in zip(widths, element.zero_points, strict=True) if zero),
        "sum": lanes * scaled,
        "rounded": lanes * scaled if element.half_even else 0,
        "clamped": lanes * code,
    }
    ff = {
        "one": 1.0,
        "centred": lut["centred"],
        "sum": lanes * scaled if element.half_even else 0,
        "rounded": lanes * scaled if element.half_even else 0,
        "clamped": lanes * code,
    }
    own = Part("product", lut, ff, Resources(dsp=lanes * used))
    return (own, *_pipeline(element))


@parts_of.register
def extremum(element: Extremum) -> tuple[Part, ...]:
    """Return a comparator and a choice per lane: bits of a beat."""
    sizes = {"beat": float(element.output.width_bits)}
    return (Part("extremum", sizes, sizes), *_pipeline(element))


@parts_of.register
def pair_lookup(element: PairLookup) -> tuple[Part, ...]:
    """Return a table per lane, and registers behind."""
    output = element.output
    table = lookup(element.table.reshape(-1), output.number.bits, output.lanes)
    held = Part("pair_lookup", {}, {"result": output.width_bits})
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
    ff = {"one": 1.0, "tree": tree, "sum": element.accumulator.bits}
    own = Part("dot_product", lut, ff, Resources(dsp=dsps(*widths) * element.simd))
    read = sum(source.output.number.bits for source in element.sources) * element.simd
    code = element.output.number.bits
    return (
        own,
        *requantization(element.requantization, element.accumulator.bits, code, 1, 1),
        *pair_pipeline(read, code, element.steps, dot_product_latency(element), element.fifo_depth),
    )


@parts_of.register
def concatenate(element: Concatenate) -> tuple[Part, ...]:
    """Return the choice among streams: ``chosen``, bits of each way; ``words``, of the count."""
    ways, width = len(element.sources), element.output.width_bits
    most = max(source.output.shape.channels for source in element.sources) // element.output.lanes
    lut = {"one": 1.0, "chosen": (ways - 1) * width, "ways": ways, "words": clog2(most)}
    ff = {"one": 1.0, "ways": ways, "words": clog2(most)}
    return (Part("concatenate", lut, ff), stream_fifo(element.fifo_depth, width))


@parts_of.register
def side_by_side(element: SideBySide) -> tuple[Part, ...]:
    """Return a FIFO for each stream, and what waits for all of them."""
    ways = len(element.sources)
    widths = [source.output.width_bits for source in element.sources]
    own = Part("side_by_side", {"one": 1.0, "ways": ways}, {})
    return (own, *(stream_fifo(element.fifo_depth, width) for width in widths))


def _pipeline(element: Merge | Product | Extremum | PairLookup) -> tuple[Part, ...]:
    read = sum(source.output.number.bits for source in element.sources) * element.output.lanes
    latency = pairwise_latency(element)
    return pair_pipeline(read, element.output.width_bits, 1, latency, element.fifo_depth)


def _constant_dsps(bits: int, factor: int) -> int:
    """Return the DSPs of a product with a constant: none if that is a shift."""
    return 0 if factor.bit_count() < 2 else dsps(bits, factor.bit_length())
