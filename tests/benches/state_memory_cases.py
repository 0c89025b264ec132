"""Cases of ``state_memory_tb``: the state that each step finds, and the new one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from harness import Case, random_codes, write_beats
from stream_timing import Stage, Step, output_edges

FRAMES = 2


def _case(seed: int, words: int, width: int, rounds: int, depth: int) -> Case:
    steps = [Step(True, True)] * (FRAMES * rounds * words)
    edges = output_edges([Stage(steps, 1, depth)])

    def write(folder: Path) -> None:
        random = np.random.default_rng(seed)
        states = random_codes(random, (FRAMES, rounds, words), width, False)
        found = np.zeros_like(states)
        found[:, 1:] = states[:, :-1]
        write_beats(folder / "input.txt", states, 1, width)
        write_beats(folder / "expected.txt", np.stack([states, found], axis=-1), 2, width)

    generics: dict[str, int | bool | str] = {
        "seed": seed,
        "words": words,
        "width": width,
        "rounds": rounds,
        "fifo_depth": depth,
        "first_edge": edges[0],
        "last_edge": edges[-1],
    }
    return Case(f"{words} x {width}, {rounds} rounds, depth {depth}", generics, write)


CASES = (
    _case(1, 1, 8, 7, 4),  # a register
    _case(2, 2, 16, 4, 3),
    _case(3, 5, 12, 3, 1),
    _case(4, 255, 16, 3, 4),  # the largest that is read one step ahead
    _case(5, 256, 16, 3, 4),  # two steps
    _case(6, 129, 32, 4, 3),
)
