"""Cases of ``softmax_tb``: values from the interpreter, edges from the cycle model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from element_edges import output_edges_of
from harness import Case, random_codes, write_beats, write_table

from ir.elements import Input, Shape, Softmax, StreamType
from ir.interpreter import apply
from ir.numbers import IntegerType
from ir.softmax import exponentials
from rtl.tables import tables

FRAMES = 3
SHAPE = (2, 3)
"""Rows and columns of a frame."""


def softmax_of(
    number: IntegerType, channels: int, lanes: int, scale: float, *, signed: bool, depth: int
) -> Softmax:
    """Return an element for input codes of ``scale``."""
    source = StreamType(Shape(*SHAPE, channels), number, lanes)
    output = StreamType(source.shape, IntegerType(8, signed), lanes)
    table = exponentials(np.float32(scale), channels, number)
    return Softmax("dut", "", Input("source", "", "s", source, 0), output, table, depth)


def _case(name: str, element: Softmax, seed: int) -> Case:
    source, lanes = element.source.output, element.output.lanes
    edges = output_edges_of(element, FRAMES)

    def write(folder: Path) -> None:
        random = np.random.default_rng(seed)
        shape = (FRAMES, *SHAPE, source.shape.channels)
        codes = random_codes(random, shape, source.number.bits, source.number.signed)
        codes[0, 0] = source.number.maximum
        codes[0, 1, 0] = source.number.minimum
        codes[0, 1, 0, -1] = source.number.maximum
        write_beats(folder / "input.txt", codes, lanes, source.number.bits)
        write_beats(folder / "expected.txt", apply(element, codes), lanes, 8)
        for table in tables(element):
            write_table(folder / f"{table.generic}.txt", table.values, table.bits)

    generics: dict[str, int | bool | str] = {
        "seed": seed,
        "bits": source.number.bits,
        "is_signed": source.number.signed,
        "output_signed": element.output.number.signed,
        "lanes": lanes,
        "channels": source.shape.channels,
        "fraction_bits": element.fraction_bits,
        "fifo_depth": element.fifo_depth,
        "first_edge": edges[0],
        "last_edge": edges[-1],
    }
    return Case(name, generics, write)


INT8, UINT8 = IntegerType(8, True), IntegerType(8, False)
ELEMENTS = {
    "a channel per beat": softmax_of(UINT8, 10, 1, 0.05, signed=False, depth=14),
    "several channels per beat": softmax_of(INT8, 12, 3, 0.02, signed=True, depth=14),
    "all channels at once": softmax_of(UINT8, 5, 5, 0.1, signed=False, depth=14),
    "two channels": softmax_of(UINT8, 2, 2, 0.01, signed=True, depth=14),
    "one channel": softmax_of(INT8, 1, 1, 0.3, signed=False, depth=14),
    "shallow FIFO": softmax_of(UINT8, 4, 2, 0.04, signed=False, depth=2),
    "few bits": softmax_of(IntegerType(3, True), 6, 2, 0.7, signed=False, depth=5),
}
CASES = tuple(
    _case(name, element, seed) for seed, (name, element) in enumerate(ELEMENTS.items(), start=1)
)
