"""Sums and requantizations of constant, fully parallel layers: adder_graph.vhd and saturate.vhd."""

from __future__ import annotations

import math

import numpy as np

from ir.adders import AdderGraph, signed_digits
from ir.elements import ProcessingElement
from ir.elements.processing import weight_rows
from ir.numbers import IntArray, IntegerType
from ir.requantize import ScaleRequantization
from ir.resources.count import Resources
from ir.resources.part import Part

LEAST_SHARE, MORE_SHARE = 0.42, 2.4
"""Adders per digit that adds up, once da4ml has found what rows have in common: the first one of
large matrices, and more by the second one over the root of the digits."""

HEADROOM = 3.6
"""Bits that adders are wider than the inputs, on average."""

REGISTERS = 1.35
"""Bits of registers per bit of adders, if there is a register behind each."""


def adder_graph(element: ProcessingElement) -> Part:
    """Return the adders of ``element``, by its graph, or before it is solved by its digits.

    LUT: ``bits``, those where both operands of an adder have one.  FF: bits of all registers.
    """
    if element.adders is not None:
        bits, registers = map(float, cells(element.adders, element.input.number))
    else:
        bits = _guessed(element)
        registers = REGISTERS * bits / element.adder_levels
    return Part("adder_graph", {"one": 1.0, "bits": bits}, {"one": 1.0, "bits": registers})


def saturate(element: ProcessingElement, function: ScaleRequantization) -> Part:
    """Return the offsets and clamps of ``element``.

    LUT: ``offset``, bits of the offsets that are set; ``clamped``, bits of codes.
    """
    lanes, bits = element.pe, element.convolved.bits
    ones = int(np.bitwise_count(np.abs(function.offsets)).sum())
    held = lanes * (bits + 2) if element.adder_levels == 1 else 0
    lut = {"one": 1.0, "offset": ones, "clamped": bits * lanes}
    return Part("saturate", lut, {"one": 1.0, "code": bits * lanes, "sum": held}, Resources())


def cells(graph: AdderGraph, inputs: IntegerType) -> tuple[int, int]:
    """Return the LUTs of the adders and the registers of ``graph`` for inputs of one type."""
    numbers = graph.numbers(inputs)
    bits = 0
    for addition, number in zip(graph.additions, numbers[graph.inputs :], strict=True):
        left, right = numbers[addition.left], numbers[addition.right]
        top = number.bits
        ends = (top if left.signed else left.bits), (top if right.signed else right.bits)
        both = min(ends[0], ends[1] + addition.shift, top) - addition.shift
        # Ones above a right operand that is subtracted are inverted, too.
        bits += top - addition.shift if addition.subtracts else max(0, both)
    first, last = graph.lifetimes()
    held = zip(numbers, first, last, strict=True)
    return bits, sum(number.bits * (end - begin) for number, begin, end in held)


def _guessed(element: ProcessingElement) -> float:
    """Return bits of adders that are to be expected."""
    matrix, function = weight_rows(element), element.requantization
    digits = int(signed_digits(matrix).sum())
    summed = digits - int(np.count_nonzero(matrix.any(axis=1)))
    share = LEAST_SHARE + MORE_SHARE / math.sqrt(max(digits, 16))
    bits = summed * share * (element.input.number.bits + HEADROOM)
    if isinstance(function, ScaleRequantization):
        bits += _more_digits(function.multipliers) * (element.accumulator.bits + HEADROOM)
    return bits


def _more_digits(factors: IntArray) -> int:
    return int(np.maximum(signed_digits(factors) - 1, 0).sum())
