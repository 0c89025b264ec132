"""Edge-by-edge model of elements in a row: what docs/elements.md promises, written down plainly.

It is fed always and never stalled behind. The cycle model of the compiler (``ir/cycles``) solves
the same rules in closed form; this one is deliberately another way to the same numbers.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Step:
    """One cycle of a controller: whether it takes an input beat and whether it yields a beat.

    ``pause``: edges without a step in front of it.
    """

    takes: bool
    yields: bool
    pause: int = 0


@dataclass(frozen=True, slots=True)
class Stage:
    """Controller, pipeline of ``latency`` edges from step to push, reserving FIFO of ``depth``.

    Steps that yield are ``interval`` edges apart or more.
    """

    steps: Sequence[Step]
    latency: int
    depth: int
    interval: int = 1


def output_edges(stages: Sequence[Stage]) -> list[int]:
    """Return the edges at which the last stage's beats are taken; edge 0 takes the first input."""
    done = [0] * len(stages)
    last = [-1] * len(stages)
    reserved = [0] * len(stages)
    opens = [0] * len(stages)
    pushed: list[deque[int]] = [deque() for _ in stages]
    expected = sum(step.yields for step in stages[-1].steps)
    taken: list[int] = []
    edge = 0
    while len(taken) < expected:
        # All decisions first: they depend on registers only.
        offers = [bool(beats) and beats[0] < edge for beats in pushed]
        runs = [False] * len(stages)
        for index, stage in enumerate(stages):
            if done[index] < len(stage.steps):
                step = stage.steps[done[index]]
                fed = index == 0 or offers[index - 1]
                room = reserved[index] < stage.depth and opens[index] <= edge
                rested = done[index] == 0 or edge - last[index] > step.pause
                runs[index] = (fed or not step.takes) and (room or not step.yields) and rested
        for index, stage in enumerate(stages):
            if not runs[index]:
                continue
            step = stage.steps[done[index]]
            done[index] += 1
            last[index] = edge
            if step.takes and index > 0:
                pushed[index - 1].popleft()
                reserved[index - 1] -= 1
            if step.yields:
                reserved[index] += 1
                opens[index] = edge + stage.interval
                pushed[index].append(edge + stage.latency)
        if offers[-1]:
            pushed[-1].popleft()
            reserved[-1] -= 1
            taken.append(edge)
        edge += 1
    return taken


def clog2(number: int) -> int:
    """Return ceil(log2(number))."""
    return (number - 1).bit_length()
