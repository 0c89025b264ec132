"""The loops over single events, compiled to machine code by Numba.

All arguments are flat int64 arrays.  List l has ``counts[l]`` events per frame, whose nodes begin
at ``bases[l]``, at least ``gaps[l]`` edges apart.  Its waits are ``firsts[l]`` to
``firsts[l + 1] - 1``; by wait w, its event i waits for event ``pool[offsets[w] + i]`` of list
``others[w]``, ``delays[w]`` edges.  ``run_lists``, ``run_begins``, ``run_ends``: stretches of
events of one list, in an order in which nothing waits for a later event of the same frame.
"""

from __future__ import annotations

import numpy as np

from ir.compiled import compiled
from ir.maxplus.events import NEVER
from ir.numbers import IntArray


@compiled
def order_events(
    counts: IntArray,
    firsts: IntArray,
    others: IntArray,
    offsets: IntArray,
    pool: IntArray,
    run_lists: IntArray,
    run_begins: IntArray,
    run_ends: IntArray,
) -> tuple[int, int]:
    """Fill in the runs of one frame; return their number and the events in them.

    A list runs on until an event waits for one that is not there yet, and is woken by it.  Fewer
    events than there are means that the others wait for each other in a circle.
    """
    lists = len(counts)
    done = np.zeros(lists, np.int64)
    needed = np.zeros(lists, np.int64)
    first_waiter = np.full(lists, -1, np.int64)
    next_waiter = np.full(lists, -1, np.int64)
    stack = np.arange(lists - 1, -1, -1).astype(np.int64)
    height, runs, events = lists, 0, 0
    while height > 0:
        height -= 1
        own = stack[height]
        begin = done[own]
        event = begin
        blocker = -1
        while event < counts[own]:
            for wait in range(firsts[own], firsts[own + 1]):
                number = pool[offsets[wait] + event]
                other = others[wait]
                if number >= (event if other == own else done[other]):
                    blocker = other
                    needed[own] = number
                    break
            if blocker >= 0:
                break
            event += 1
        if event > begin:
            run_lists[runs], run_begins[runs], run_ends[runs] = own, begin, event
            runs += 1
            events += event - begin
            done[own] = event
            waiter = first_waiter[own]
            first_waiter[own] = -1
            while waiter >= 0:
                following = next_waiter[waiter]
                if needed[waiter] < event:
                    stack[height] = waiter
                    height += 1
                else:
                    next_waiter[waiter] = first_waiter[own]
                    first_waiter[own] = waiter
                waiter = following
        if blocker >= 0:
            next_waiter[own] = first_waiter[blocker]
            first_waiter[blocker] = own
    return runs, events


@compiled
def earliest_times(
    counts: IntArray,
    bases: IntArray,
    gaps: IntArray,
    firsts: IntArray,
    others: IntArray,
    offsets: IntArray,
    delays: IntArray,
    pool: IntArray,
    run_lists: IntArray,
    run_begins: IntArray,
    run_ends: IntArray,
    times: IntArray,
) -> None:
    """Fill in ``times`` (frames, nodes), each event as early as it can be, none before edge 0."""
    for frame in range(times.shape[0]):
        for run in range(len(run_lists)):
            own = run_lists[run]
            base = bases[own]
            for event in range(run_begins[run], run_ends[run]):
                time = 0
                if event > 0:
                    time = times[frame, base + event - 1] + gaps[own]
                elif frame > 0:
                    time = times[frame - 1, base + counts[own] - 1] + gaps[own]
                for wait in range(firsts[own], firsts[own + 1]):
                    number = pool[offsets[wait] + event]
                    other = others[wait]
                    earlier = 0
                    if number < 0:
                        earlier = (counts[other] - 1 - number) // counts[other]
                        if earlier > frame:
                            continue
                        number += earlier * counts[other]
                    time = max(time, times[frame - earlier, bases[other] + number] + delays[wait])
                times[frame, base + event] = time


@compiled
def raise_potentials(
    counts: IntArray,
    bases: IntArray,
    gaps: IntArray,
    firsts: IntArray,
    others: IntArray,
    offsets: IntArray,
    delays: IntArray,
    pool: IntArray,
    run_lists: IntArray,
    run_begins: IntArray,
    run_ends: IntArray,
    period: int,
    scale: int,
    times: IntArray,
    parents: IntArray,
    parent_delays: IntArray,
    parent_frames: IntArray,
) -> bool:
    """Raise ``times`` (nodes) once where a wait asks for it; return whether anything moved.

    Frames follow each other after ``period``, and an edge is ``scale`` units of time.  ``parents``
    and the arrays beside it tell which wait set a node's time.
    """
    moved = False
    for run in range(len(run_lists)):
        own = run_lists[run]
        base = bases[own]
        for event in range(run_begins[run], run_ends[run]):
            node = base + event
            time = times[node]
            frames = 1 if event == 0 else 0
            source = node - 1 + frames * counts[own]
            candidate = times[source] + gaps[own] * scale - frames * period
            if candidate > time:
                time = candidate
                parents[node] = source
                parent_delays[node] = gaps[own]
                parent_frames[node] = frames
            for wait in range(firsts[own], firsts[own + 1]):
                number = pool[offsets[wait] + event]
                if number == NEVER:
                    continue
                other = others[wait]
                frames = 0
                if number < 0:
                    frames = (counts[other] - 1 - number) // counts[other]
                    number += frames * counts[other]
                source = bases[other] + number
                candidate = times[source] + delays[wait] * scale - frames * period
                if candidate > time:
                    time = candidate
                    parents[node] = source
                    parent_delays[node] = delays[wait]
                    parent_frames[node] = frames
            if time > times[node]:
                times[node] = time
                moved = True
    return moved


@compiled
def lower_deadlines(
    counts: IntArray,
    bases: IntArray,
    gaps: IntArray,
    firsts: IntArray,
    others: IntArray,
    offsets: IntArray,
    delays: IntArray,
    pool: IntArray,
    run_lists: IntArray,
    run_begins: IntArray,
    run_ends: IntArray,
    period: int,
    scale: int,
    times: IntArray,
) -> bool:
    """Lower ``times`` (nodes) once to what is waited for in time; return whether anything moved.

    The counterpart of ``raise_potentials``: from the events back to those that they wait for.
    """
    moved = False
    for run in range(len(run_lists) - 1, -1, -1):
        own = run_lists[run]
        base = bases[own]
        for event in range(run_ends[run] - 1, run_begins[run] - 1, -1):
            time = times[base + event]
            frames = 1 if event == 0 else 0
            source = base + event - 1 + frames * counts[own]
            latest = time - gaps[own] * scale + frames * period
            if latest < times[source]:
                times[source] = latest
                moved = True
            for wait in range(firsts[own], firsts[own + 1]):
                number = pool[offsets[wait] + event]
                if number == NEVER:
                    continue
                other = others[wait]
                frames = 0
                if number < 0:
                    frames = (counts[other] - 1 - number) // counts[other]
                    number += frames * counts[other]
                source = bases[other] + number
                latest = time - delays[wait] * scale + frames * period
                if latest < times[source]:
                    times[source] = latest
                    moved = True
    return moved


@compiled
def find_circuit(
    parents: IntArray, parent_delays: IntArray, parent_frames: IntArray
) -> tuple[int, int]:
    """Return the edges and frames along a circuit of ``parents``, or (0, 0) if there is none."""
    visit = np.zeros(len(parents), np.int64)
    for start in range(len(parents)):
        node = start
        while node >= 0 and visit[node] == 0:
            visit[node] = start + 1
            node = parents[node]
        if node >= 0 and visit[node] == start + 1:
            delay, frames, end = 0, 0, node
            while True:
                delay += parent_delays[node]
                frames += parent_frames[node]
                node = parents[node]
                if node == end:
                    return delay, frames
    return 0, 0
