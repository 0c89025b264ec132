"""Timed marked graphs: times, period, schedules and deadlocks against a plain unrolling."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise

import numba
import numpy as np
import pytest

from ir.compiled import compiled
from ir.maxplus import NEVER, DeadlockError, EventGraph, EventList
from ir.numbers import IntArray

FRAMES = 60


def ring(*delays: int, tokens: int) -> EventGraph:
    """Lists of one event in a circle; the first waits for the last, ``tokens`` frames ago."""
    lists = [EventList(1) for _ in delays]
    for sender, receiver, delay in zip(lists, lists[1:], delays, strict=False):
        receiver.after(sender, np.array([0]), delay)
    lists[0].after(lists[-1], np.array([-tokens]), delays[-1])
    return EventGraph(lists)


def unrolled(lists: list[EventList], frames: int) -> IntArray | None:
    """Relax every event of all frames until nothing moves; None if that has no end."""
    bases = np.cumsum([0, *(events.count for events in lists)])
    place = {id(events): int(base) for events, base in zip(lists, bases, strict=False)}
    times = np.zeros((frames, bases[-1]), np.int64)
    for _ in range(times.size + 1):
        before = times.copy()
        for events in lists:
            base = place[id(events)]
            for frame in range(frames):
                for event in range(events.count):
                    earliest = [0]
                    last, row = (event - 1, frame) if event else (events.count - 1, frame - 1)
                    if row >= 0:
                        earliest.append(int(times[row, base + last]) + events.gap)
                    for wait in events.waits:
                        number = int(wait.index[event])
                        if number != NEVER:
                            turns, within = divmod(number, wait.other.count)
                            if frame + turns >= 0:
                                at = times[frame + turns, place[id(wait.other)] + within]
                                earliest.append(int(at) + wait.delay)
                    times[frame, base + event] = max(earliest)
        if np.array_equal(times, before):
            return times
    return None


def random_lists(seed: int) -> list[EventList]:
    """A few lists with random waits: forward within the frame, backward into earlier frames."""
    random = np.random.default_rng(seed)
    lists = [EventList(int(random.integers(1, 6)), int(random.integers(1, 4))) for _ in range(4)]
    for _ in range(7):
        first, second = random.integers(0, 4, 2)
        sender, receiver = lists[first], lists[second]
        index = random.integers(-3 * sender.count, sender.count, receiver.count)
        if first == second:
            index = np.minimum(index, np.arange(receiver.count) - 1)
        index = np.where(random.random(receiver.count) < 0.2, NEVER, np.sort(index))
        receiver.after(sender, index, int(random.integers(1, 9)))
    return lists


def keeps_waits(lists: list[EventList], graph: EventGraph, times: IntArray, pace: Fraction) -> bool:
    for events in lists:
        own = graph.of(events, times)
        gaps = np.diff([*own, own[0] + pace.numerator])
        if np.any(gaps < events.gap * pace.denominator):
            return False
        for wait in events.waits:
            kept = wait.index != NEVER
            turns, within = np.divmod(wait.index[kept], wait.other.count)
            sent = graph.of(wait.other, times)[within] + turns * pace.numerator
            if np.any(own[kept] < sent + wait.delay * pace.denominator):
                return False
    return True


def test_random_graphs_equal_a_plain_unrolling() -> None:
    deadlocks = 0
    for seed in range(80):
        lists = random_lists(seed)
        expected = unrolled(lists, 4)
        if expected is None:
            deadlocks += 1
            with pytest.raises(DeadlockError):
                EventGraph(lists)
        else:
            assert np.array_equal(EventGraph(lists).times(4), expected), seed
    assert 3 < deadlocks < 40


def test_the_period_is_the_pace_in_the_long_run() -> None:
    fractional = 0
    for seed in range(80):
        try:
            graph = EventGraph(random_lists(seed))
        except DeadlockError:
            continue
        period = graph.period(1)
        fractional += period.denominator > 1
        ends = graph.times(FRAMES).max(axis=1)
        turns = 12 * period.denominator
        assert ends[-1] - ends[-1 - turns] == turns * period, seed
    assert fractional


def test_a_schedule_exists_from_the_period_on_and_keeps_every_wait() -> None:
    for seed in range(40):
        lists = random_lists(seed)
        try:
            graph = EventGraph(lists)
        except DeadlockError:
            continue
        period = graph.period(1)
        assert graph.schedule(period - Fraction(1, 1000)) is None
        for pace in (period, period + 1):
            schedule = graph.schedule(pace)
            assert schedule is not None
            assert keeps_waits(lists, graph, schedule, pace)


def test_the_latest_schedule_keeps_one_list_and_delays_the_others() -> None:
    delayed = 0
    for seed in range(40):
        lists = random_lists(seed)
        for sender, receiver in zip(lists, [*lists[1:], lists[0]], strict=True):
            receiver.after(sender, np.full(receiver.count, -3 * sender.count), 1)
        try:
            graph = EventGraph(lists)
        except DeadlockError:
            continue
        pace = graph.period(1) + 3
        early = graph.schedule(pace)
        assert early is not None
        late = graph.late_schedule(early, pace, lists[2], 100)
        assert np.array_equal(graph.of(lists[2], late), graph.of(lists[2], early))
        assert np.all(late >= early)
        assert keeps_waits(lists, graph, late, pace)
        delayed += np.any(late > early)
    assert delayed > 10


def test_a_ring_takes_its_delays_over_its_tokens() -> None:
    assert ring(3, 4, 5, tokens=1).period(1) == 12
    assert ring(3, 4, 5, tokens=5).period(1) == Fraction(12, 5)
    assert ring(3, 4, 5, tokens=5).period(7) == 7
    ends = ring(3, 4, 5, tokens=5).times(16)[:, -1].tolist()
    assert [b - a for a, b in pairwise(ends[::5])] == [12, 12, 12]


def test_a_ring_without_tokens_is_a_deadlock() -> None:
    with pytest.raises(DeadlockError):
        ring(1, 1, tokens=0)


def test_events_that_are_the_same_happen_at_the_same_edge() -> None:
    steps, stream, source = EventList(4), EventList(2), EventList(2, gap=10)
    stream.together(steps, np.array([1, 3]))
    stream.after(source, np.array([0, 1]), 5)
    source.after(stream, np.array([-2, -1]), 1)
    graph = EventGraph([source, stream, steps])
    times = graph.times(2)
    assert graph.of(stream, times).tolist() == [[5, 15], [25, 35]]
    assert graph.of(steps, times).tolist() == [[0, 5, 6, 15], [16, 25, 26, 35]]
    assert graph.events == 6


def test_waits_that_make_no_sense_are_refused() -> None:
    first, second = EventList(2), EventList(2)
    with pytest.raises(ValueError, match="index must have 2 numbers below 2"):
        first.after(second, np.array([0, 2]), 1)
    with pytest.raises(ValueError, match="index must have 2 numbers below 2"):
        first.after(second, np.array([0]), 1)
    first.after(second, np.array([0, 1]), 0)
    with pytest.raises(ValueError, match="wait for each other are one event: use together"):
        second.after(first, np.array([0, 1]), 0)
    with pytest.raises(ValueError, match="index must be 2 ascending numbers"):
        first.together(second, np.array([1, 1]))
    with pytest.raises(ValueError, match="index must be within the frame's 2 events"):
        first.together(second, np.array([1, 2]))
    first.together(second, np.array([0, 1]))
    with pytest.raises(ValueError, match="a list can be the same as one other"):
        first.together(second, np.array([0, 1]))


def test_kernels_are_compiled_where_no_folder_can_keep_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def njit(function: Callable[[int], int] | None = None, *, cache: bool = False) -> object:
        if cache:
            raise RuntimeError("cannot cache function: no locator available")
        return compile_anew(function)

    def following(number: int) -> int:
        return number + 1

    compile_anew = numba.njit
    monkeypatch.setattr(numba, "njit", njit)
    fast = compiled(following)
    assert fast is not following
    assert fast(3) == 4
