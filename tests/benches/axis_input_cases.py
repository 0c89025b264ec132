"""Cases of ``axis_input_tb``; the bench's input beats carry tlast above tdata."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from harness import Case, beats, random_codes, write_beats, write_lines


def element_bits(bits: int) -> int:
    """Return the width of an element on AXI4-Stream."""
    return 8 if bits <= 8 else 16 if bits <= 16 else 32


def _case(
    name: str,
    packets: Sequence[tuple[int, bool]],
    frame: int,
    lanes: int,
    bits: int,
    seed: int,
    *,
    buffered: bool = True,
) -> Case:
    """``packets``: beats, and whether the last of them has tlast."""
    pad_value = (1 << bits) // 3
    last = [beat == count - 1 and ends for count, ends in packets for beat in range(count)]
    # What each output beat is: the number of an input beat, or -1 for a completing one.
    sources: list[int] = []
    for number, is_last in enumerate(last):
        sources.append(number)
        if is_last:
            sources.extend([-1] * (-len(sources) % frame))

    def write(folder: Path) -> None:
        width = element_bits(bits)
        elements = random_codes(np.random.default_rng(seed), (len(last), lanes), width, False)
        lines = beats(elements, lanes, width)
        ends = ("1" if is_last else "0" for is_last in last)
        write_lines(folder / "input.txt", (e + b for e, b in zip(ends, lines, strict=True)))
        padded = np.vstack([elements, np.full((1, lanes), pad_value)])
        write_beats(folder / "expected.txt", padded[sources], lanes, bits)

    generics = {
        "seed": seed,
        "bits": bits,
        "lanes": lanes,
        "beats": frame,
        "pad_value": pad_value,
        "buffered": buffered,
        "first_edge": int(buffered),
        "last_edge": len(sources) - 1 + buffered,
    }
    how = "" if buffered else ", no FIFO"
    return Case(f"{name}, {frame} beats of {lanes} x {bits}{how}", generics, write)


CASES = (
    _case("frames", [(5, True)] * 6, 5, 2, 8, 1),
    _case("missing tlast", [(5, True), (10, False), (5, True), (5, False)], 5, 1, 4, 2),
    _case("several frames per packet", [(12, True), (4, True), (8, True)], 4, 3, 16, 3),
    _case("early tlast", [(1, True), (6, True), (2, True), (5, True), (6, True)], 6, 2, 9, 4),
    _case("late tlast", [(4, True), (5, True), (4, True), (7, True), (4, True)], 4, 1, 1, 5),
    _case("one beat", [(1, True), (1, False), (3, True)] * 4, 1, 2, 5, 6),
    _case("two beats", [(1, True), (2, True), (1, True), (1, True), (3, True)] * 3, 2, 1, 20, 7),
    _case("cut frame at the end", [(7, True), (3, True)], 7, 1, 7, 8),
    _case("one beat", [(1, True), (3, False)] * 6, 1, 2, 8, 9, buffered=False),
    _case("cut frames", [(1, True), (6, True), (2, True)] * 3, 6, 2, 9, 10, buffered=False),
)
