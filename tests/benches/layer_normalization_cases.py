"""Cases of ``layer_normalization_tb``: values from the interpreter, edges from the cycle model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from element_edges import output_edges_of
from harness import Case, random_codes, write_beats, write_table

from ir.elements import Input, LayerNormalization, Shape, StreamType
from ir.interpreter import apply
from ir.layer_normalization import element_half_width
from ir.numbers import IntegerType, frozen_integers
from ir.requantize import ScaleRequantization
from rtl.tables import tables

FRAMES = 3
SHAPE = (2, 3)
"""Rows and columns of a frame."""


def normalization_of(
    numbers: tuple[IntegerType, IntegerType],
    channels: int,
    lanes: int,
    epsilon: int,
    *,
    depth: int = 16,
    seed: int = 0,
) -> LayerNormalization:
    """Return an element with random factors and summands."""
    source, output = (StreamType(Shape(*SHAPE, channels), number, lanes) for number in numbers)
    random, number = np.random.default_rng([seed, 3]), numbers[1]
    middle = (number.minimum + number.maximum + 1) // 2
    factors = random.integers(-2000, 2000, channels)
    summands = (random.integers(-20, 20, channels) + middle << 18) + (1 << 17)
    scale = ScaleRequantization(
        frozen_integers(factors), frozen_integers(summands), 18, number.minimum, number.maximum
    )
    entry = Input("source", "", "s", source, 0)
    return LayerNormalization("dut", "", entry, output, epsilon, scale, depth)


def _case(name: str, element: LayerNormalization, seed: int) -> Case:
    source, output, lanes = element.source.output, element.output, element.output.lanes
    edges = output_edges_of(element, FRAMES)
    function = element.requantization

    def write(folder: Path) -> None:
        random = np.random.default_rng(seed)
        shape = (FRAMES, *SHAPE, source.shape.channels)
        codes = random_codes(random, shape, source.number.bits, source.number.signed)
        codes[0, 0] = source.number.maximum
        codes[0, 1] = source.number.minimum
        codes[0, 1, 0, -1] = source.number.maximum
        codes[1, 0, :, 0] = codes[1, 0, :, -1] - (codes[1, 0, :, -1] > source.number.minimum)
        write_beats(folder / "input.txt", codes, lanes, source.number.bits)
        write_beats(folder / "expected.txt", apply(element, codes), lanes, output.number.bits)
        for table in tables(element):
            write_table(folder / f"{table.generic}.txt", table.values, table.bits)

    generics: dict[str, int | bool | str] = {
        "seed": seed,
        "bits": source.number.bits,
        "is_signed": source.number.signed,
        "output_bits": output.number.bits,
        "output_signed": output.number.signed,
        "lanes": lanes,
        "channels": source.shape.channels,
        "epsilon": f"{element.epsilon:b}",
        "half_width": element_half_width(element),
        "multiplier_bits": function.multiplier_bits,
        "offset_bits": function.offset_bits,
        "shift": function.shift,
        "low": function.low,
        "high": function.high,
        "fifo_depth": element.fifo_depth,
        "first_edge": edges[0],
        "last_edge": edges[-1],
    }
    return Case(name, generics, write)


INT8, UINT8 = IntegerType(8, True), IntegerType(8, False)
ELEMENTS = {
    "a channel per beat": normalization_of((UINT8, UINT8), 10, 1, 4000, seed=1),
    "several channels per beat": normalization_of((INT8, INT8), 12, 3, 1, seed=2),
    "all channels at once": normalization_of((UINT8, INT8), 5, 5, 77, seed=3),
    "two channels": normalization_of((INT8, UINT8), 2, 2, 1 << 20, seed=4),
    "two channels in turn": normalization_of((UINT8, UINT8), 2, 1, 3, seed=5),
    "one channel": normalization_of((UINT8, INT8), 1, 1, 900, seed=9),
    "shallow FIFO": normalization_of((UINT8, UINT8), 4, 2, 9, depth=2, seed=6),
    "few bits": normalization_of((IntegerType(3, True), IntegerType(5, True)), 6, 2, 5, seed=7),
    "a large epsilon": normalization_of((UINT8, UINT8), 8, 4, (1 << 50) + 12345, seed=8),
}
CASES = tuple(
    _case(name, element, seed) for seed, (name, element) in enumerate(ELEMENTS.items(), start=1)
)
