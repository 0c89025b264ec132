"""Offsets move in front of adders: the same lanes, a level less, and nothing that is not read."""

from __future__ import annotations

import numpy as np
import pytest

from ir.datapath import Datapath, Lane, Operation, Operator, levels
from ir.numbers import IntegerType
from rewrite.stream.early_offsets import early_offsets, without_unread

UINT4 = IntegerType(4, False)
ADD, INVERTED = Operator.ADD, Operator.ADD_INVERTED
OFFSET, LESS = Operator.OFFSET, Operator.OFFSET_LESS
FIFTEEN = 15


def datapath(*operations: Operation, lanes: tuple[int, ...] = (-1,)) -> Datapath:
    """Return operations on three inputs of 4 bits; lane -1 is the last value."""
    last = 3 + len(operations) - 1
    found = tuple(Lane(last if node < 0 else node) for node in lanes)
    return Datapath(UINT4, 3, operations, found)


def late(kind: Operator, shift: int, exchanged: bool) -> tuple[Operation, Operation]:
    """Return a sum of two inputs, and its sum with the third, which is there before."""
    first = Operation(ADD, 0, 30, 0, 1)
    left, right = (2, 3) if not exchanged else (3, 2)
    most = {2: FIFTEEN, 3: 31 if kind == INVERTED and right == 3 else 30}
    high = most[left] + (most[right] << shift)
    low = 1 << shift if kind == INVERTED and right == 3 else 0
    return first, Operation(kind, low, high, left, right, shift)


def every_input() -> np.ndarray:
    return np.stack(np.meshgrid(*[np.arange(16)] * 3), axis=-1).reshape(-1, 3)


@pytest.mark.parametrize("kind", [ADD, INVERTED])
@pytest.mark.parametrize("offset", [OFFSET, LESS])
@pytest.mark.parametrize(("shift", "exchanged"), [(0, False), (0, True), (2, False)])
def test_an_offset_goes_to_what_is_there_first(
    kind: Operator, offset: Operator, shift: int, exchanged: bool
) -> None:
    first, second = late(kind, shift, exchanged)
    ends = (-9 - second.high, -9 - second.low) if offset == LESS else (second.low - 9,) * 2
    last = Operation(offset, min(ends), max(ends[1], second.high - 9), 4, constant=-9)
    before = datapath(first, second, last)
    after = early_offsets(before)
    assert (max(levels(before)), max(levels(after))) == (3, 2)
    assert len(after.operations) == len(before.operations)
    assert np.array_equal(after(every_input()), before(every_input()))
    for value, number in zip(after.values(every_input()).T, after.numbers(), strict=True):
        assert number.minimum <= value.min()
        assert value.max() <= number.maximum
    assert early_offsets(after) == after


def test_an_offset_goes_down_as_far_as_it_helps() -> None:
    row = [Operation(ADD, 0, 30, 0, 1), Operation(ADD, 0, 45, 2, 3), Operation(ADD, 0, 60, 2, 4)]
    before = datapath(*row, Operation(OFFSET, 7, 67, 5, constant=7))
    after = early_offsets(before)
    assert (max(levels(before)), max(levels(after))) == (4, 3)
    assert np.array_equal(after(every_input()), before(every_input()))


def test_an_offset_stays_where_nothing_is_there_first() -> None:
    both = datapath(Operation(ADD, 0, 30, 0, 1), Operation(OFFSET, 5, 35, 3, constant=5))
    assert early_offsets(both) == both


def test_an_offset_of_a_sum_that_others_read_stays() -> None:
    first, second = late(ADD, 0, exchanged=False)
    last = Operation(OFFSET, -9, 36, 4, constant=-9)
    shared = datapath(first, second, last, lanes=(-1, 4))
    assert early_offsets(shared) == shared
    shifted = datapath(first, second, Operation(OFFSET, -9, 81, 4, shift=1, constant=-9))
    assert early_offsets(shifted) == shifted


def test_what_nothing_reads_goes() -> None:
    unread = datapath(
        Operation(ADD, 0, 30, 0, 1), Operation(ADD, 0, 30, 1, 2), Operation(ADD, 0, 45, 0, 4)
    )
    kept = without_unread(unread)
    assert kept.operations == (Operation(ADD, 0, 30, 1, 2), Operation(ADD, 0, 45, 0, 3))
    assert np.array_equal(kept(every_input()), unread(every_input()))
