"""Cases of ``window_means_tb``: codes of the interpreter for sums of its windows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from average_pool_cases import INT8, UINT8, average_pool_of, formals_of
from harness import Case, random_codes, write_beats, write_table

from ir.elements import Kernel, Shape
from ir.interpreter import apply
from ir.interpreter.windows import windows
from ir.numbers import IntegerType
from ir.timing import WINDOW_MEANS_LATENCY
from rtl.tables import tables

FRAMES = 3
OF_SUMS = {"input_signed", "channels", "pad_value", "accumulator_bits", "extra_beats", "fifo_depth"}
"""Generics of ``average_pool`` that concern sums and buffers."""


def _case(
    seed: int, shape: tuple[int, int, int], kernel: Kernel, lanes: int, number: IntegerType
) -> Case:
    element = average_pool_of(Shape(*shape), kernel, lanes, number, number.maximum, 2, 0, seed)
    output = element.output

    def write(folder: Path) -> None:
        random = np.random.default_rng(seed)
        x = random_codes(random, (FRAMES, *shape), number.bits, number.signed)
        sums = windows(kernel, x, element.pad_value).sum(axis=(3, 4))
        write_beats(folder / "input.txt", sums, lanes, element.accumulator.bits)
        write_beats(folder / "expected.txt", apply(element, x), lanes, output.number.bits)
        for table in tables(element):
            write_table(folder / f"{table.generic}.txt", table.values, table.bits)

    formals = formals_of(element)
    generics = {name: value for name, value in formals.items() if name not in OF_SUMS}
    generics |= {
        "seed": seed,
        "input_bits": element.accumulator.bits,
        "folds": shape[2] // lanes,
        "first_edge": WINDOW_MEANS_LATENCY,
        "last_edge": WINDOW_MEANS_LATENCY + FRAMES * output.beats - 1,
    }
    return Case(f"{shape} {kernel.height}x{kernel.width}, {lanes} x {number}", generics, write)


CASES = (
    _case(1, (5, 4, 2), Kernel(3, 3, pad_top=1, pad_left=1, pad_bottom=1, pad_right=1), 1, UINT8),
    _case(2, (6, 5, 4), Kernel(2, 3, 2, 2, pad_left=1, pad_right=2), 2, INT8),
    _case(3, (4, 4, 3), Kernel(2, 2), 3, UINT8),
    _case(4, (3, 3, 2), Kernel(4, 1, pad_top=3, pad_bottom=2), 1, IntegerType(3, True)),
    _case(5, (2, 2, 1), Kernel(2, 2), 1, IntegerType(16, False)),
)
