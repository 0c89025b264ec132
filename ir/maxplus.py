"""Earliest times of events that wait for each other: a system of max-plus inequalities.

An *event list* is one kind of thing that happens again and again (a beat crosses a stream, a group
of steps starts).  Event i waits for event i-1 of its own list plus a gap, and for given events of
other lists plus a delay.  The hardware does everything as early as it can, so its times are the
least solution, which repeated relaxation reaches from below (Baccelli et al., Synchronization and
Linearity, 1992).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ir.numbers import IntArray

NEVER = -1
"""Index of an event that need not be waited for."""


@dataclass(slots=True, eq=False)
class EventList:
    """``count`` events in order; times in clock edges."""

    count: int
    gap: int = 1
    times: IntArray = field(init=False)
    waits: list[tuple[EventList, IntArray, int]] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        self.times = np.arange(self.count, dtype=np.int64) * self.gap

    def after(self, other: EventList, index: IntArray, delay: int) -> None:
        """Event i waits until ``delay`` edges after event ``index[i]`` of ``other``."""
        self.waits.append((other, np.asarray(index, np.int64), delay))

    def relax(self) -> bool:
        """Move the events to where their waits allow them now; return whether any moved."""
        times = self.times.copy()
        for other, index, delay in self.waits:
            earliest = np.where(index >= 0, other.times[index] + delay, 0)
            np.maximum(times, earliest, out=times)
        ramp = np.arange(self.count, dtype=np.int64) * self.gap
        times = np.maximum.accumulate(times - ramp) + ramp
        moved = not np.array_equal(times, self.times)
        self.times = times
        return moved


class DeadlockError(Exception):
    """The lists wait for each other in a circle."""


def solve(lists: list[EventList], limit: int) -> None:
    """Relax ``lists``, given in the direction of the data, until nothing moves.

    ``limit``: a time that no event can reach unless the waits form a circle.

    Raises:
        DeadlockError: an event would pass ``limit``.
    """
    moved = True
    while moved:
        moved = False
        for events in (*lists, *reversed(lists)):
            moved |= events.relax()
        if max(int(events.times[-1]) for events in lists if events.count) > limit:
            raise DeadlockError
