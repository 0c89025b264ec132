"""Cases of ``rectifier_tb``: values from the interpreter, edges edge by edge."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from harness import Case, random_codes, write_beats, write_table
from pointwise_cases import code_range
from stream_timing import Stage, Step, output_edges

from ir.elements import Input, Rectifier, Shape, StreamType
from ir.interpreter import apply
from ir.numbers import IntegerType
from ir.timing import RECTIFIER_LATENCY
from rtl.tables import signed_bits, tables

FRAMES = 3
SHAPE = (2, 4)
"""Rows and columns of a frame."""


def rectifier_of(
    numbers: tuple[IntegerType, IntegerType],
    channels: int,
    lanes: int,
    knee: int,
    shift: int,
    *,
    everywhere: bool = False,
    depth: int = 7,
    seed: int = 0,
) -> Rectifier:
    """Return an element with random slopes; ``everywhere``: for each value of a frame."""
    source, output = (StreamType(Shape(*SHAPE, channels), number, lanes) for number in numbers)
    low, high = code_range(numbers[1].bits, numbers[1].signed)
    sets = source.shape.size if everywhere else channels
    random = np.random.default_rng([seed, 3])
    bits = max(2, shift + 3 + numbers[1].bits - numbers[0].bits)
    return Rectifier(
        name="dut",
        layer="",
        source=Input("source", "", "s", source, 0),
        output=output,
        knee=knee,
        multipliers=random_codes(random, (2, sets), bits, signed=True),
        offsets=random_codes(random, (2, sets), shift + numbers[1].bits, signed=True),
        shift=shift,
        low=low + (high - low) // 9,
        high=high,
        fifo_depth=depth,
    )


def _case(name: str, element: Rectifier, seed: int) -> Case:
    source, output = element.source.output, element.output
    steps = [Step(takes=True, yields=True)] * (source.beats * FRAMES)
    edges = output_edges([Stage(steps, RECTIFIER_LATENCY, element.fifo_depth)])

    def write(folder: Path) -> None:
        random = np.random.default_rng(seed)
        shape = (FRAMES, *SHAPE, source.shape.channels)
        codes = random_codes(random, shape, source.number.bits, source.number.signed)
        near = np.clip(element.knee + random.integers(-1, 1, shape, endpoint=True),
                       source.number.minimum, source.number.maximum)  # fmt: skip
        codes[1] = near[1]
        write_beats(folder / "input.txt", codes, source.lanes, source.number.bits)
        expected = apply(element, codes)
        write_beats(folder / "expected.txt", expected, source.lanes, output.number.bits)
        for table in tables(element):
            write_table(folder / f"{table.generic}.txt", table.values, table.bits)

    generics: dict[str, int | bool | str] = {
        "seed": seed,
        "input_bits": source.number.bits,
        "input_signed": source.number.signed,
        "output_bits": output.number.bits,
        "output_signed": output.number.signed,
        "lanes": source.lanes,
        "folds": element.multipliers.shape[1] // source.lanes,
        "knee": element.knee,
        "multiplier_bits": signed_bits(element.multipliers),
        "offset_bits": signed_bits(element.offsets),
        "shift": element.shift,
        "low": element.low,
        "high": element.high,
        "fifo_depth": element.fifo_depth,
        "first_edge": edges[0],
        "last_edge": edges[-1],
    }
    return Case(name, generics, write)


INT8, UINT8 = IntegerType(8, True), IntegerType(8, False)
RECTIFIERS = {
    "channels": rectifier_of((UINT8, UINT8), 6, 2, 100, 8, seed=1),
    "all channels at once": rectifier_of((INT8, INT8), 3, 3, -5, 10, seed=2),
    "every value its own": rectifier_of((UINT8, INT8), 4, 1, 17, 6, everywhere=True, seed=3),
    "every value, all lanes": rectifier_of((INT8, UINT8), 2, 2, 0, 9, everywhere=True, seed=4),
    "shallow FIFO": rectifier_of((UINT8, UINT8), 4, 1, 128, 7, depth=1, seed=5),
    "knee at the least code": rectifier_of((INT8, INT8), 2, 1, -128, 3, seed=6),
    "knee at the greatest code": rectifier_of((UINT8, UINT8), 2, 2, 255, 0, depth=3, seed=7),
    "16 bits": rectifier_of(
        (IntegerType(16, True), IntegerType(16, False)), 2, 1, -999, 12, seed=8
    ),
    "narrow": rectifier_of((IntegerType(2, True), IntegerType(3, False)), 5, 5, 1, 2, seed=9),
}
CASES = tuple(
    _case(name, element, seed) for seed, (name, element) in enumerate(RECTIFIERS.items(), start=1)
)
