"""Tables of adder_graph: what an element adds, and what it makes of its sums."""

from __future__ import annotations

import numpy as np

from ir.datapath import OFFSETS, Datapath, Operation, Operator
from ir.elements import ProcessingElement
from ir.numbers import IntArray, IntegerType
from ir.requantize import ScaleRequantization
from rtl.formals import Formals
from rtl.table import Table, signed_bits

NUMBER_BITS = 20
"""Width of the numbers that adder_graph.vhd reads."""

COLUMNS = 9
"""Numbers of a value."""


def sum_bits(element: ProcessingElement, datapath: Datapath) -> int:
    """Return the width of the signed sums that leave ``datapath`` and of their thresholds.

    Codes leave it where there are no thresholds; the width is then that of the accumulator.
    """
    if isinstance(element.requantization, ScaleRequantization):
        return element.accumulator.bits
    numbers, thresholds = datapath.numbers(), _thresholds(element, datapath)
    ends = [numbers[lane.node].maximum << lane.shift for lane in datapath.lanes if lane.node >= 0]
    low, high = int(thresholds.min()), int(thresholds.max())
    return IntegerType.spanning(min(0, low), max(0, high, *ends), signed=True).bits


def datapath_formals(datapath: Datapath) -> Formals:
    """Return the generics that say how large ``datapath`` is."""
    return {
        "operations": str(len(datapath.operations)),
        "stages": str(datapath.stages),
        "offset_bits": str(signed_bits(_constants(datapath))),
    }


def adder_tables(element: ProcessingElement, datapath: Datapath) -> tuple[Table, ...]:
    """Return the tables of an element that computes ``datapath``."""
    found = datapath_tables(datapath)
    if isinstance(element.requantization, ScaleRequantization):
        return found
    thresholds = _thresholds(element, datapath)
    return (*found, Table("thresholds", thresholds.reshape(-1), sum_bits(element, datapath)))


def datapath_tables(datapath: Datapath) -> tuple[Table, ...]:
    """Return what adder_graph.vhd reads: operations, lanes, constants."""
    constants = _constants(datapath)
    return (
        Table("graph", _graph(datapath), NUMBER_BITS),
        Table("sums", _lanes(datapath), NUMBER_BITS),
        Table("offsets", constants, signed_bits(constants)),
    )


def _has_constant(operation: Operation) -> bool:
    return operation.operator in (*OFFSETS, Operator.CLAMP, Operator.CONSTANT)


def _constants(datapath: Datapath) -> IntArray:
    """Return the constants, in the order of the operations that have one."""
    found = [each.constant for each in datapath.operations if _has_constant(each)]
    return np.array(found or [0], np.int64)


def _graph(datapath: Datapath) -> IntArray:
    """Return nine numbers for each value: the header of adder_graph.vhd says which."""
    numbers = datapath.numbers()
    first, last = datapath.lifetimes()
    rows = np.zeros((len(numbers), COLUMNS), np.int64)
    rows[:, 5] = [number.bits for number in numbers]
    rows[:, 6] = [number.signed for number in numbers]
    rows[:, 7], rows[:, 8] = first, last
    constants = 0
    for row, each in zip(rows[datapath.inputs :], datapath.operations, strict=True):
        row[:4] = each.operator, max(each.left, 0), max(each.right, 0), each.shift
        if _has_constant(each):
            row[4] = constants
            constants += 1
        if each.right >= 0:
            row[5] = max(row[5], each.shift + 1)  # the right operand may be 0 always
    return rows.reshape(-1)


def _lanes(datapath: Datapath) -> IntArray:
    """Return which values leave adder_graph.vhd, and how far each is shifted to the left."""
    rows = [(lane.node >= 0, max(lane.node, 0), lane.shift) for lane in datapath.lanes]
    return np.array(rows, np.int64).reshape(-1)


def _thresholds(element: ProcessingElement, datapath: Datapath) -> IntArray:
    """Return the steps of each channel, as much more as its sums are."""
    assert not isinstance(element.requantization, ScaleRequantization)
    more = np.array([lane.excess for lane in datapath.lanes], np.int64)
    moved: IntArray = element.requantization.thresholds + more[:, None]
    return moved
