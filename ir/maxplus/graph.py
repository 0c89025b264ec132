"""Event lists compiled to flat arrays, and what can be computed of them."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from ir.maxplus import kernels
from ir.maxplus.events import NEVER, EventList
from ir.numbers import IntArray

_Arrays = tuple[
    IntArray, IntArray, IntArray, IntArray, IntArray, IntArray, IntArray, IntArray,
    IntArray, IntArray, IntArray,
]  # fmt: skip


_LATE = 2**60
"""Later than any event of a schedule."""


class DeadlockError(Exception):
    """Events wait for each other in a circle."""


class EventGraph:
    """The events of one frame and their waits, the same in every frame.

    Raises:
        DeadlockError: the waits within a frame form a circuit.
    """

    def __init__(self, lists: Sequence[EventList]) -> None:
        own = [events for events in lists if events.same_as is None]
        self._place = {id(events): n for n, events in enumerate(own)}
        self._counts = np.array([events.count for events in own], np.int64)
        self._bases = np.concatenate([[0], np.cumsum(self._counts)]).astype(np.int64)
        self._gaps = np.array([events.gap for events in own], np.int64)
        self._compile_waits(lists, own)
        self._order_events()

    def _compile_waits(self, lists: Sequence[EventList], own: Sequence[EventList]) -> None:
        """Move all waits to the lists that are their own, and lay their indices out in a row."""
        found: list[list[tuple[int, IntArray, int]]] = [[] for _ in own]
        for events in lists:
            host, numbers = _host(events)
            for wait in events.waits:
                other, their_numbers = _host(wait.other)
                index = _through(their_numbers, wait.other.count, other.count, wait.index)
                if numbers is not None:
                    spread = np.full(host.count, NEVER)
                    spread[numbers] = index
                    index = spread
                waits = found[self._place[id(host)]]
                waits.append((self._place[id(other)], index, wait.delay))
        flat = [wait for waits in found for wait in waits]
        lengths = [len(index) for _, index, _ in flat]
        self._firsts = np.cumsum([0, *(len(waits) for waits in found)]).astype(np.int64)
        self._others = np.array([other for other, _, _ in flat], np.int64)
        self._delays = np.array([delay for _, _, delay in flat], np.int64)
        self._offsets = np.cumsum([0, *lengths[:-1]]).astype(np.int64)
        empty = np.zeros(0, np.int64)
        self._pool = np.concatenate([empty, *(index for _, index, _ in flat)])

    def _order_events(self) -> None:
        nodes = int(self._bases[-1])
        runs = (np.empty(nodes, np.int64), np.empty(nodes, np.int64), np.empty(nodes, np.int64))
        count, events = kernels.order_events(
            self._counts, self._firsts, self._others, self._offsets, self._pool, *runs
        )
        if events < nodes:
            raise DeadlockError
        self._runs = (runs[0][:count].copy(), runs[1][:count].copy(), runs[2][:count].copy())

    @property
    def events(self) -> int:
        """Events per frame."""
        return int(self._bases[-1])

    def times(self, frames: int) -> IntArray:
        """Return (frames, events) the earliest times in clock edges; ``of`` picks a list's."""
        times = np.zeros((frames, self.events), np.int64)
        kernels.earliest_times(*self._arrays(), times)
        return times

    def of(self, events: EventList, times: IntArray) -> IntArray:
        """Return the part of ``times`` (..., events) that belongs to a list."""
        begin, numbers = self._nodes(events)
        return times[..., begin + numbers]

    def _nodes(self, events: EventList) -> tuple[int, IntArray]:
        """Return the first node of the list that hosts ``events``, and their numbers in it."""
        host, numbers = _host(events)
        begin = int(self._bases[self._place[id(host)]])
        return begin, np.arange(host.count) if numbers is None else numbers

    def schedule(self, period: Fraction | int) -> IntArray | None:
        """Return times (events) of a frame such that frames can follow each other at ``period``.

        They are in units of 1/denominator of the period.  None: no such schedule exists.
        """
        times, _, _ = self._relaxed(Fraction(period))
        return times

    def lateness(self, period: Fraction | int) -> Fraction:
        """Return the edges that a circuit of waits takes longer than its frames at ``period``.

        0: there is no such circuit, hence a schedule.
        """
        times, edges, frames = self._relaxed(Fraction(period))
        return Fraction(0) if times is not None else edges - frames * Fraction(period)

    def late_schedule(
        self, schedule: IntArray, period: Fraction | int, kept: EventList, rounds: int = 4
    ) -> IntArray:
        """Return ``schedule`` with all events as late as those of the list ``kept`` allow.

        What lies more than ``rounds`` frames of waiting away from ``kept`` is not looked at, so
        that this is an estimate, unless the events within reach depend on nothing else.  Events
        that ``kept`` does not wait for stay where they are.
        """
        period = Fraction(period)
        times = np.full(self.events, _LATE, np.int64)
        begin, numbers = self._nodes(kept)
        nodes = begin + numbers
        times[nodes] = schedule[nodes]
        scale = period.denominator
        for _ in range(rounds):
            if not kernels.lower_deadlines(*self._arrays(), period.numerator, scale, times):
                break
        return np.where(times < _LATE // 2, times, schedule)

    def period(self, at_least: int) -> Fraction:
        """Return the cycles per frame in the long run, known to be no less than ``at_least``.

        That is the largest quotient of edges and frames over all circuits of waits.  Each circuit
        that a shorter period violates has a larger quotient, which is tried next (Newton's method
        on the cycle ratio: A. Dasdan, ACM Trans. Des. Autom. Electron. Syst. 9 (2004)).
        """
        period = Fraction(at_least)
        while True:
            times, edges, frames = self._relaxed(period)
            if times is not None:
                return period
            period = Fraction(edges, frames)

    def _relaxed(self, period: Fraction) -> tuple[IntArray | None, int, int]:
        """Return a schedule of ``period``, or None and a slower circuit's edges and frames.

        Times only rise.  Once a time depends on itself, its circuit takes longer than ``period``;
        if such a circuit exists one is found like this (B. V. Cherkassky, A. V. Goldberg,
        Negative-cycle detection algorithms, Math. Program. 85 (1999)).
        """
        times = np.zeros(self.events, np.int64)
        parents = np.full(self.events, -1, np.int64)
        delays, frames = np.zeros_like(times), np.zeros_like(times)
        arguments = (period.numerator, period.denominator, times, parents, delays, frames)
        while kernels.raise_potentials(*self._arrays(), *arguments):
            edges, turns = kernels.find_circuit(parents, delays, frames)
            if turns:
                return None, int(edges), int(turns)
        return times, 0, 0

    def _arrays(self) -> _Arrays:
        return (
            self._counts, self._bases, self._gaps, self._firsts, self._others, self._offsets,
            self._delays, self._pool, *self._runs,
        )  # fmt: skip


def _host(events: EventList) -> tuple[EventList, IntArray | None]:
    """Return the list whose events ``events`` are, and their numbers in it (None: all)."""
    numbers: IntArray | None = None
    while events.same_as is not None:
        events, index = events.same_as
        numbers = index if numbers is None else index[numbers]
    return events, numbers


def _through(numbers: IntArray | None, count: int, host_count: int, index: IntArray) -> IntArray:
    """Return event numbers of a list as numbers of its host."""
    if numbers is None:
        return index
    frames, within = np.divmod(index, count)
    return np.where(index == NEVER, NEVER, numbers[within] + frames * host_count)
