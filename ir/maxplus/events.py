"""Event lists: one kind of thing that happens again and again, and what it waits for."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ir.numbers import IntArray

NEVER = -(2**62)
"""Index of an event that need not be waited for."""


@dataclass(frozen=True, slots=True, eq=False)
class Wait:
    """Event i of a list waits until ``delay`` edges after event ``index[i]`` of ``other``."""

    other: EventList
    index: IntArray
    delay: int


@dataclass(slots=True, eq=False)
class EventList:
    """``count`` events in each frame, in order, at least ``gap`` clock edges apart.

    Events are numbered within their frame.  A negative number stands for an event of an earlier
    frame: -1 is the last of the frame before.
    """

    count: int
    gap: int = 1
    waits: list[Wait] = field(init=False, default_factory=list)
    same_as: tuple[EventList, IntArray] | None = field(init=False, default=None)

    def after(self, other: EventList, index: IntArray, delay: int) -> None:
        """Event i waits until ``delay`` edges after event ``index[i]`` of ``other``.

        Raises:
            ValueError: an index is beyond the frame, or the lists wait for each other at one edge.
        """
        numbers = np.asarray(index, np.int64)
        if len(numbers) != self.count or (len(numbers) and int(numbers.max()) >= other.count):
            raise ValueError(f"index must have {self.count} numbers below {other.count}")
        if delay == 0 and any(w.other is self and w.delay == 0 for w in other.waits):
            raise ValueError("events that wait for each other are one event: use together()")
        self.waits.append(Wait(other, numbers, delay))

    def together(self, other: EventList, index: IntArray) -> None:
        """Event i is the same as event ``index[i]`` of ``other``: it happens at the same edge.

        Raises:
            ValueError: ``index`` does not ascend, or the list is the same as another already.
        """
        numbers = np.asarray(index, np.int64)
        if len(numbers) != self.count or np.any(np.diff(numbers) < 1) or self.gap > other.gap:
            raise ValueError(f"index must be {self.count} ascending numbers")
        if len(numbers) and not 0 <= int(numbers[0]) <= int(numbers[-1]) < other.count:
            raise ValueError(f"index must be within the frame's {other.count} events")
        if self.same_as is not None:
            raise ValueError("a list can be the same as one other")
        self.same_as = (other, numbers)
