"""Cases of ``axis_output_tb``; the bench's output beats carry tlast above tdata."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from axis_input_cases import element_bits
from harness import Case, beats, random_codes, write_beats, write_lines


def _case(
    frame: int, lanes: int, bits: int, signed: bool, seed: int, *, buffered: bool = True
) -> Case:
    frames = 4 + 20 // frame
    count = frames * frame

    def write(folder: Path) -> None:
        values = random_codes(np.random.default_rng(seed), (count, lanes), bits, signed)
        write_beats(folder / "input.txt", values, lanes, bits)
        lines = beats(values, lanes, element_bits(bits))
        ends = ("1" if (number + 1) % frame == 0 else "0" for number in range(count))
        write_lines(folder / "expected.txt", (e + b for e, b in zip(ends, lines, strict=True)))

    generics = {
        "seed": seed,
        "bits": bits,
        "is_signed": signed,
        "lanes": lanes,
        "beats": frame,
        "buffered": buffered,
        "first_edge": int(buffered),
        "last_edge": count - 1 + buffered,
    }
    name = f"{frame} beats of {lanes} x {'s' if signed else 'u'}{bits}"
    return Case(name if buffered else f"{name}, no FIFO", generics, write)


CASES = (
    _case(5, 2, 8, True, 1),
    _case(1, 1, 1, False, 2),
    _case(2, 3, 4, True, 3),
    _case(7, 1, 4, False, 4),
    _case(3, 2, 9, True, 5),
    _case(6, 2, 16, False, 6),
    _case(4, 1, 20, True, 7),
    _case(4, 1, 1, True, 8),
    _case(1, 3, 8, False, 9, buffered=False),
    _case(5, 2, 9, True, 10, buffered=False),
)
