"""Cases of ``serial_requantize_tb``: codes from ``fpbinary``, as those of ``requantize_tb``."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from harness import Case, IntArray, random_codes, write_beats, write_table
from requantize_cases import Scaling, requantized

from ir.numbers import IntegerType

PIXELS = 24


def _case(seed: int, scaling: Scaling) -> Case:
    channels = scaling.lanes * scaling.folds

    def write(folder: Path) -> None:
        random = np.random.default_rng(seed)
        multipliers = random_codes(random, (channels,), scaling.multiplier_bits, signed=True)
        multipliers = np.maximum(multipliers, ~multipliers)
        if scaling.same:
            multipliers = np.resize(multipliers[: scaling.lanes], channels)
        offsets = random_codes(random, (channels,), scaling.offset_bits, signed=True)
        x = random_codes(random, (PIXELS, channels), scaling.input_bits, signed=True)
        # Half of them small, so that not nearly all saturate, and both ends.
        x[1::2] >>= scaling.input_bits // 2
        x[0], x[2] = -(1 << (scaling.input_bits - 1)), (1 << (scaling.input_bits - 1)) - 1
        codes: IntArray = np.array(
            [
                [
                    requantized(*map(int, triple), scaling)
                    for triple in zip(pixel, multipliers, offsets, strict=True)
                ]
                for pixel in x
            ]
        )
        write_table(folder / "multipliers.txt", multipliers, scaling.multiplier_bits)
        write_table(folder / "offsets.txt", offsets, scaling.offset_bits)
        write_beats(folder / "input.txt", x, scaling.lanes, scaling.input_bits)
        write_beats(folder / "expected.txt", codes, scaling.lanes, scaling.output.bits)

    low, high = scaling.limits
    latency = scaling.multiplier_bits + 2
    generics = {
        "seed": seed,
        "input_bits": scaling.input_bits,
        "output_bits": scaling.output.bits,
        "output_signed": scaling.output.signed,
        "multiplier_bits": scaling.multiplier_bits,
        "offset_bits": scaling.offset_bits,
        "shift": scaling.shift,
        "low": low,
        "high": high,
        "lanes": scaling.lanes,
        "folds": scaling.folds,
        "first_edge": latency,
        "last_edge": latency + (PIXELS * scaling.folds - 1) * scaling.multiplier_bits,
    }
    shape = f"{scaling.lanes} lanes, {scaling.folds} folds"
    widths = f"{scaling.input_bits} x {scaling.multiplier_bits} + {scaling.offset_bits}"
    name = f"{widths} over {scaling.shift} to {scaling.output} {low} to {high}, {shape}"
    return Case(name + (", same multipliers" if scaling.same else ""), generics, write)


INT8, UINT8 = IntegerType(8, True), IntegerType(8, False)
CASES = tuple(
    _case(seed, scaling)
    for seed, scaling in enumerate(
        (
            Scaling(18, UINT8, 11, 24, 17, folds=4),
            Scaling(20, INT8, 8, 24, 18),
            Scaling(20, UINT8, 8, 28, 18, lanes=3, folds=4),
            Scaling(16, UINT8, 10, 20, 14, lanes=2, folds=1, low=3, high=200),
            Scaling(12, INT8, 5, 30, 20, lanes=1, folds=5, low=0, high=90),
            Scaling(33, IntegerType(16, False), 17, 40, 33, lanes=1, folds=3),
            Scaling(18, IntegerType(1, True), 3, 19, 17, lanes=2, folds=2),
            Scaling(10, INT8, 4, 30, 25, lanes=2, folds=3),
            Scaling(8, INT8, 4, 4, 4, lanes=1, folds=1),
            Scaling(9, INT8, 2, 3, 2, lanes=1, folds=3),
            Scaling(9, INT8, 2, 12, 3, lanes=2, folds=70),
            Scaling(19, UINT8, 9, 24, 15, lanes=1, folds=33),
            Scaling(14, INT8, 16, 22, 20, lanes=1, folds=12),
            Scaling(18, UINT8, 8, 20, 18, lanes=2, folds=3, same=True),
            # Words of digits in block RAM, and offsets, too.
            Scaling(14, UINT8, 11, 20, 16, lanes=3, folds=150),
            Scaling(14, INT8, 5, 32, 16, lanes=4, folds=90),
        ),
        start=1,
    )
)
