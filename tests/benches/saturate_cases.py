"""Cases of ``saturate_tb``: codes by Python's whole numbers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from harness import Case, IntArray, random_codes, write_beats, write_table

from ir.numbers import IntegerType
from rtl.adder_tables import NUMBER_BITS

BEATS = 60


@dataclass(frozen=True, slots=True)
class Lanes:
    """Generics of the entity; ``low`` and ``high`` are those of the output unless given."""

    input_bits: int
    output: IntegerType
    offset_bits: int
    most_shift: int
    lanes: int = 3
    registers_sum: bool = True
    low: int | None = None
    high: int | None = None


def _case(seed: int, lanes: Lanes) -> Case:
    random = np.random.default_rng(seed)
    count, output = lanes.lanes, lanes.output
    low = output.minimum if lanes.low is None else lanes.low
    high = output.maximum if lanes.high is None else lanes.high
    offsets = random_codes(random, (count,), lanes.offset_bits, signed=True)
    shifts = random.integers(0, lanes.most_shift, count, endpoint=True)
    signs = random.choice([-1, 1], count)
    x: IntArray = random_codes(random, (BEATS, count), lanes.input_bits, signed=True)
    x[1::2] >>= lanes.input_bits // 2
    ends = IntegerType(lanes.input_bits, True)
    bits = [
        IntegerType.spanning(
            min(sign * ends.minimum, sign * ends.maximum) + int(offset),
            max(sign * ends.minimum, sign * ends.maximum) + int(offset),
            signed=True,
        ).bits
        for sign, offset in zip(signs.tolist(), offsets.tolist(), strict=True)
    ]
    codes = np.clip((offsets + signs * x) >> shifts, low, high)

    def write(folder: Path) -> None:
        lines = np.stack([np.array(bits), shifts, signs < 0], axis=1)
        write_table(folder / "offsets.txt", offsets, lanes.offset_bits)
        write_table(folder / "lines.txt", lines, NUMBER_BITS)
        write_beats(folder / "input.txt", x, count, lanes.input_bits)
        write_beats(folder / "expected.txt", codes, count, output.bits)

    latency = 2 if lanes.registers_sum else 1
    generics = {
        "seed": seed,
        "input_bits": lanes.input_bits,
        "output_bits": output.bits,
        "output_signed": output.signed,
        "low": low,
        "high": high,
        "lanes": count,
        "offset_bits": lanes.offset_bits,
        "registers_sum": lanes.registers_sum,
        "first_edge": latency,
        "last_edge": latency + BEATS - 1,
    }
    what = f"{lanes.input_bits} + {lanes.offset_bits} to {output} {low} to {high}, {count} lanes"
    return Case(what + ("" if lanes.registers_sum else ", one register"), generics, write)


INT8, UINT8 = IntegerType(8, True), IntegerType(8, False)
CASES = tuple(
    _case(seed, lanes)
    for seed, lanes in enumerate(
        (
            Lanes(20, UINT8, 22, 12),
            Lanes(16, INT8, 12, 8, registers_sum=False),
            Lanes(32, UINT8, 30, 24, low=3, high=200),
            Lanes(10, IntegerType(1, False), 4, 20, lanes=5),
            Lanes(1, IntegerType(4, True), 1, 0, lanes=4, registers_sum=False),
            Lanes(40, IntegerType(16, True), 42, 30, lanes=2),
        ),
        start=1,
    )
)
