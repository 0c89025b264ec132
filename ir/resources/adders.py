"""Sums and requantizations of constant, fully parallel layers: adder_graph.vhd, adder_chain.vhd."""

from __future__ import annotations

import math

import numpy as np

from ir.adders import signed_digits
from ir.datapath import OFFSETS, SUMS, Datapath, Operation, Operator
from ir.elements import AdderChain, ProcessingElement
from ir.elements.processing import weight_rows
from ir.numbers import IntArray, IntegerType
from ir.requantize import ScaleRequantization
from ir.resources.dispatch import parts_of
from ir.resources.part import Part
from ir.resources.plumbing import reserving_fifo

LEAST_SHARE, MORE_SHARE = 0.4, 2.3
"""Adders per digit that adds up, once it is known what rows have in common: the first one of large
matrices, and more by the second one over the root of the digits."""

HEADROOM = 2.2
"""Bits that adders are wider than the inputs, on average, where both operands have some."""

REGISTERS = 1.5
"""Bits of registers per bit of adders, if there is a register behind each."""

CLAMP_LUTS = 2
"""Of a code, beside those of its bits: whether it is too large."""


def adder_graph(element: ProcessingElement) -> Part:
    """Return the adders of ``element``, by its datapath, or before it is solved by its digits.

    LUT: ``bits``, those where both operands of an adder have one, and the like.  FF: bits of all
    registers.
    """
    if element.datapath is not None:
        return _part(element.datapath)
    bits = _guessed(element)
    registers = REGISTERS * bits / element.adder_levels
    return Part("adder_graph", {"one": 1.0, "bits": bits}, {"one": 1.0, "bits": registers})


@parts_of.register
def _adder_chain(element: AdderChain) -> tuple[Part, ...]:
    assert element.datapath is not None
    fifo = reserving_fifo(element.fifo_depth, element.output.width_bits)
    return (_part(element.datapath), *fifo)


def _part(datapath: Datapath) -> Part:
    luts, registers = map(float, cells(datapath))
    return Part("adder_graph", {"one": 1.0, "bits": luts}, {"one": 1.0, "bits": registers})


def cells(datapath: Datapath) -> tuple[int, int]:
    """Return the LUTs and the registers of ``datapath``."""
    numbers = datapath.numbers()
    luts = sum(_luts(operation, numbers) for operation in datapath.operations)
    first, last = datapath.lifetimes()
    held = zip(numbers, first, last, strict=True)
    return luts, sum(number.bits * (end - begin) for number, begin, end in held)


def _luts(operation: Operation, numbers: list[IntegerType]) -> int:
    """Return the LUTs of an operation.

    A sum takes one where both operands have a bit: above them, its carry chain needs none.  An
    offset inverts where its constant has a one, a clamp chooses each bit if it may choose at all.
    """
    if operation.operator in SUMS:
        left, right = numbers[operation.left], numbers[operation.right]
        overlap = right.bits if left.signed else min(left.bits - operation.shift, right.bits)
        return max(0, overlap)
    if operation.operator in OFFSETS:
        bits = operation.number.bits
        return (operation.constant & ((1 << bits) - 1)).bit_count()
    if operation.operator == Operator.CLAMP:
        read, bits = numbers[operation.left], operation.number.bits
        limits = read.signed or (read.maximum >> operation.shift) > operation.high
        return bits + CLAMP_LUTS if limits else 0
    return 0


def _guessed(element: ProcessingElement) -> float:
    """Return LUTs of adders, offsets and clamps that are to be expected."""
    matrix, function = weight_rows(element), element.requantization
    digits = int(signed_digits(matrix).sum())
    summed = digits - int(np.count_nonzero(matrix.any(axis=1)))
    share = LEAST_SHARE + MORE_SHARE / math.sqrt(max(digits, 16))
    bits = summed * share * (element.input.number.bits + HEADROOM)
    if isinstance(function, ScaleRequantization):
        bits += _more_digits(function.multipliers) * (element.accumulator.bits + HEADROOM)
        bits += element.pe * (element.accumulator.bits / 2 + element.convolved.bits + CLAMP_LUTS)
    return bits


def _more_digits(factors: IntArray) -> int:
    return int(np.maximum(signed_digits(factors) - 1, 0).sum())
