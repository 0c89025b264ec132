"""Constant tables of the elements, packed as `rom_words_t` of millrace_pkg takes them."""

from __future__ import annotations

import numpy as np

from ir.elements import (
    AdderChain,
    Affine,
    AveragePool,
    DotProduct,
    Element,
    FloatMean,
    GlobalAverage,
    LayerNormalization,
    Lookup,
    PairLookup,
    ProcessingElement,
    Rectifier,
    Softmax,
)
from ir.elements.processing import weight_rows
from ir.layer_normalization import BASE_BITS, SLOPE_BITS, roots, score_bits
from ir.numbers import IntArray, clog2
from ir.requantize import Requantization, ScaleRequantization
from rtl.adder_tables import adder_tables, datapath_tables
from rtl.table import Table, signed_bits

__all__ = ["Table", "signed_bits", "tables"]


def tables(element: Element) -> tuple[Table, ...]:
    """Return the constant tables of ``element``, in the order of docs/elements.md."""
    match element:
        case ProcessingElement():
            return _processing_element(element)
        case AdderChain():
            return () if element.datapath is None else datapath_tables(element.datapath)
        case GlobalAverage() | AveragePool() | DotProduct():
            return _requantization(element.requantization, element.accumulator.bits)
        case FloatMean():
            addends = Table("addends", element.addends, element.addend.bits)
            found = (addends, *_requantization(element.requantization, element.accumulator.bits))
            sets = len(element.requantization.thresholds)
            if sets == 1:
                return found
            numbers = np.zeros(1 << clog2(len(element.sets)), np.int64)
            numbers[: len(element.sets)] = element.sets
            return (*found, Table("set_numbers", numbers, clog2(sets)))
        case Affine():
            return _requantization(element.requantization, element.source.output.number.bits)
        case Lookup():
            return (Table("table", element.table.reshape(-1), element.output.number.bits),)
        case Rectifier():
            return tuple(
                Table(name, sides.T.reshape(-1), signed_bits(sides))
                for name, sides in (
                    ("multipliers", element.multipliers),
                    ("offsets", element.offsets),
                )
            )
        case Softmax():
            return (Table("exponentials", element.exponentials, element.fraction_bits + 1),)
        case LayerNormalization():
            lines = roots()[:, 0] | roots()[:, 1] << BASE_BITS
            scales = _requantization(
                element.requantization, score_bits(element.output.shape.channels)
            )
            return (Table("roots", lines, BASE_BITS + SLOPE_BITS), *scales)
        case PairLookup():
            return (Table("table", element.table.reshape(-1), element.output.number.bits),)
        case _:
            return ()


def _processing_element(element: ProcessingElement) -> tuple[Table, ...]:
    if element.datapath is None:
        # Output channel slowest, then kernel row, kernel column, input channel.
        weights = Table("weights", weight_rows(element).reshape(-1), element.weight_number.bits)
        found = [weights, *_requantization(element.requantization, element.accumulator.bits)]
        if element.reads is not None:
            found.append(_numbers("reads", element.reads, element.simd))
    else:
        found = [*adder_tables(element, element.datapath)]
    if element.table is not None:
        found.append(Table("table", element.table, element.output.number.bits))
    if element.members is not None:
        found.append(_numbers("members", element.members, element.pe))
    return tuple(found)


def _numbers(generic: str, numbers: IntArray, of: int) -> Table:
    return Table(generic, numbers.reshape(-1), max(1, clog2(of)))


def _requantization(function: Requantization, input_bits: int) -> tuple[Table, ...]:
    if isinstance(function, ScaleRequantization):
        return (
            Table("multipliers", function.multipliers, function.multiplier_bits),
            Table("offsets", function.offsets, function.offset_bits),
        )
    return (Table("thresholds", function.thresholds.reshape(-1), input_bits),)
