"""Elements that work on each value or pixel alone."""

from __future__ import annotations

from ir.elements import Affine, ArgMax, Lookup, Rectifier
from ir.numbers import IntegerType, clog2
from ir.resources.codes import lookup, requantization
from ir.resources.count import Resources
from ir.resources.dispatch import parts_of
from ir.resources.memory import rom
from ir.resources.part import Part
from ir.resources.plumbing import reserving_fifo
from ir.resources.products import dsps
from ir.resources.tables import different_columns, mapped_table_luts, split_by_depth


@parts_of.register
def affine(element: Affine) -> tuple[Part, ...]:
    """Return a register in front of a requantization, which may be part of a DSP."""
    read = element.source.output
    value = read.number.bits if read.number.signed else read.number.bits + 1
    lanes, folds = element.output.lanes, read.shape.channels // element.output.lanes
    own = requantization(element.requantization, value, element.output.number.bits, lanes, folds)
    return (Part("pointwise", {}, {"one": 1.0}), *own, *_fifo(element))


@parts_of.register
def table(element: Lookup) -> tuple[Part, ...]:
    """Return a register in front of tables."""
    output = element.output
    own = lookup(element.table, output.number.bits, output.lanes)
    register = Part(
        "pointwise", {"one": 1.0}, {"one": 1.0, "operand": element.source.output.width_bits}
    )
    return (register, own, *_fifo(element))


@parts_of.register
def rectifier(element: Rectifier) -> tuple[Part, ...]:
    """Return two lines for each value, of which a comparison chooses one.

    LUT: ``rom``, those of tables in logic; ``chosen``, bits of parameters; ``clamped``, of codes.
    """
    read, lanes = element.source.output.number, element.output.lanes
    value = read.bits if read.signed else read.bits + 1
    folds = element.multipliers.shape[1] // lanes
    luts, chosen, halves, registers, widths = 0.0, 0, 0, 0, []
    for values in (element.multipliers, element.offsets):
        bits = IntegerType.spanning(int(values.min()), int(values.max()), signed=True).bits
        words = values.T.reshape(folds, lanes * 2)
        place = rom(folds, lanes * 2 * bits)
        luts += mapped_table_luts(words, bits)
        chosen += lanes * bits
        halves += place.bram18
        registers += 0 if place.bram18 else different_columns(words, bits)
        widths.append(bits)
    code = element.output.width_bits
    lut = {
        "one": 1.0,
        **split_by_depth(folds, luts),
        "chosen": chosen,
        "clamped": code,
        "fold": clog2(folds),
    }
    ff = {
        "one": 1.0,
        "word": registers,
        "chosen": chosen,
        "value": value * lanes,
        "clamped": code,
        "fold": clog2(folds),
    }
    exact = Resources(dsp=dsps(value, widths[0]) * lanes, bram18=halves)
    return (Part("rectifier", lut, ff, exact), *_fifo(element))


@parts_of.register
def arg_max(element: ArgMax) -> tuple[Part, ...]:
    """Return a tree of comparators and the best so far.

    ``tree``, bits of values and their indices behind the comparators; ``index``, of the result.
    """
    read, index = element.source.output, element.output.number.bits
    tree = (read.lanes - 1) * (read.number.bits + clog2(read.lanes))
    sizes = {
        "one": 1.0,
        "tree": tree,
        "value": read.number.bits,
        "index": index,
        "fold": clog2(read.shape.channels // read.lanes),
    }
    own = Part("argmax", sizes, sizes | {"beat": read.width_bits})
    return (own, *reserving_fifo(element.fifo_depth, element.output.width_bits))


def _fifo(element: Affine | Lookup | Rectifier) -> tuple[Part, ...]:
    return reserving_fifo(element.fifo_depth, element.output.width_bits)
