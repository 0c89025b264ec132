"""Tables of adder_graph and saturate: an element's sums and requantization without multipliers."""

from __future__ import annotations

import numpy as np

from ir.adders import AdderGraph
from ir.elements import ProcessingElement
from ir.numbers import IntArray, IntegerType
from ir.requantize import ScaleRequantization
from rtl.table import Table, signed_bits

NUMBER_BITS = 20
"""Width of the numbers that adder_graph.vhd and saturate.vhd read."""


def sum_bits(element: ProcessingElement, graph: AdderGraph) -> int:
    """Return the width of the signed sums that leave the adders of ``element``."""
    if not isinstance(element.requantization, ScaleRequantization):
        return element.accumulator.bits
    numbers = graph.numbers(element.input.number)
    left = _shifts(graph, element.requantization)[0]
    widths = (
        numbers[of.node].bits + (not numbers[of.node].signed) + int(shift)
        for of, shift in zip(graph.sums, left, strict=True)
        if of.node >= 0
    )
    return max(widths, default=1)


def offset_bits(element: ProcessingElement, graph: AdderGraph) -> int:
    """Return the width of the signed offsets that are added behind the adders."""
    assert isinstance(element.requantization, ScaleRequantization)
    return signed_bits(_offsets(graph, element.requantization))


def adder_tables(element: ProcessingElement, graph: AdderGraph) -> tuple[Table, ...]:
    """Return the tables of an element whose sums are ``graph``."""
    function = element.requantization
    values = values_table(graph, element.input.number)
    if not isinstance(function, ScaleRequantization):
        thresholds = Table("thresholds", function.thresholds.reshape(-1), element.accumulator.bits)
        shifts = np.array([of.shift for of in graph.sums], np.int64)
        return (values, sums_table(graph, shifts), thresholds)
    left, right = _shifts(graph, function)
    offsets = _offsets(graph, function)
    lines = np.stack([_line_bits(element, graph, function), right, _negative(graph)], axis=1)
    return (
        values,
        sums_table(graph, left),
        Table("offsets", offsets, signed_bits(offsets)),
        Table("lines", lines.reshape(-1), NUMBER_BITS),
    )


def values_table(graph: AdderGraph, inputs: IntegerType) -> Table:
    """Return what adder_graph.vhd adds, eight numbers for each value: its header says which."""
    numbers = graph.numbers(inputs)
    first, last = graph.lifetimes()
    rows = np.zeros((len(numbers), 8), np.int64)
    for row, number in zip(rows, numbers, strict=True):
        row[4:6] = number.bits, number.signed
    for row, addition in zip(rows[graph.inputs :], graph.additions, strict=True):
        row[:4] = addition.left, addition.right, addition.shift, addition.subtracts
        row[4] = max(row[4], addition.shift + 1)  # the right operand may be 0 always
    rows[:, 6], rows[:, 7] = first, last
    return Table("graph", rows.reshape(-1), NUMBER_BITS)


def sums_table(graph: AdderGraph, shifts: IntArray) -> Table:
    """Return which values leave adder_graph.vhd, and how far each is shifted to the left."""
    rows = np.array([(of.node >= 0, max(of.node, 0), 0) for of in graph.sums], np.int64)
    rows[:, 2] = shifts
    return Table("sums", rows.reshape(-1), NUMBER_BITS)


def _negative(graph: AdderGraph) -> IntArray:
    return np.array([of.negative for of in graph.sums], np.int64)


def _shifts(graph: AdderGraph, function: ScaleRequantization) -> tuple[IntArray, IntArray]:
    """Return shifts of the sums to the left, and of what is requantized to the right.

    Bits that both shifts have in common are zeros in the sum.
    """
    shifts = np.array([of.shift for of in graph.sums], np.int64)
    common = np.minimum(shifts, function.shift)
    return shifts - common, function.shift - common


def _offsets(graph: AdderGraph, function: ScaleRequantization) -> IntArray:
    offsets: IntArray = function.offsets >> (function.shift - _shifts(graph, function)[1])
    return offsets


def _line_bits(
    element: ProcessingElement, graph: AdderGraph, function: ScaleRequantization
) -> IntArray:
    """Return the width of each lane's input less or plus its offset, and of both of them."""
    lows, highs = graph.ranges(element.input.number)
    left, _ = _shifts(graph, function)
    bits = []
    for of, shift, offset in zip(graph.sums, left, _offsets(graph, function), strict=True):
        low, high = 0, 0
        if of.node >= 0:
            low, high = lows[of.node] << int(shift), highs[of.node] << int(shift)
            low, high = (-high, -low) if of.negative else (low, high)
        reached = IntegerType.spanning(low + int(offset), high + int(offset), signed=True)
        bits.append(reached.bits)
    return np.array(bits, np.int64)
