"""Cases of ``pair_lookup_tb``: values from the interpreter, edges edge by edge."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
from harness import Case, IntArray, random_codes, write_table
from pairs import INT8, UINT8, case_of, streams

from ir.elements import PairLookup
from ir.numbers import IntegerType


def _case(
    seed: int, numbers: tuple[IntegerType, IntegerType, IntegerType], lanes: int, depth: int
) -> Case:
    a, b, y = numbers
    random = np.random.default_rng(seed)
    table = random_codes(random, (1 << a.bits, 1 << b.bits), y.bits, y.signed)
    sources, output = streams(*numbers, lanes)
    element = PairLookup("dut", "", sources, output, table, depth)
    generics = {"input_a_bits": a.bits, "input_b_bits": b.bits, "output_bits": y.bits}
    name = f"{a} and {b} to {y}, {lanes} lanes, {depth} deep"
    return case_of(name, seed, element, generics, partial(_write, table, y.bits))


def _write(table: IntArray, bits: int, folder: Path) -> None:
    write_table(folder / "table.txt", table, bits)


CASES = tuple(
    _case(seed, *case)
    for seed, case in enumerate(
        (
            ((UINT8, UINT8, UINT8), 1, 4),
            ((UINT8, INT8, INT8), 2, 4),
            ((IntegerType(3, True), IntegerType(5, False), IntegerType(16, True)), 3, 1),
            ((IntegerType(1, False), IntegerType(1, True), IntegerType(1, False)), 1, 4),
        ),
        start=1,
    )
)
