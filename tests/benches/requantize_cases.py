"""Cases of ``requantize_tb``: expected codes from ``fpbinary``, not from the interpreter.

``fpbinary`` has its own fixed-point arithmetic: multiplier and offset are fractions of 2**shift,
the exact sum is resized to whole numbers by its floor and saturating modes.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from fpbinary import FpBinary, OverflowEnum, RoundingEnum
from harness import Case, IntArray, random_codes, write_beats, write_table

from ir.numbers import IntegerType
from ir.timing import REQUANTIZE_LATENCY

PIXELS = 40


@dataclass(frozen=True, slots=True)
class Scaling:
    """Generics of the entity; ``low`` and ``high`` are those of the output unless given."""

    input_bits: int
    output: IntegerType
    multiplier_bits: int
    offset_bits: int
    shift: int
    lanes: int = 1
    folds: int = 1
    low: int | None = None
    high: int | None = None
    factor_bits: int = 25
    in_logic: bool = False
    same: bool = False

    @property
    def limits(self) -> tuple[int, int]:
        """Least and greatest code."""
        low = self.output.minimum if self.low is None else self.low
        return low, self.output.maximum if self.high is None else self.high


def requantized(x: int, multiplier: int, offset: int, scaling: Scaling) -> int:
    """Return the code of one value by fpbinary's arithmetic, rounding and saturation."""
    real = _fixed(x, 0) * _fixed(multiplier, scaling.shift) + _fixed(offset, scaling.shift)
    code = real.resize(
        (scaling.output.bits + (not scaling.output.signed), 0),
        overflow_mode=OverflowEnum.sat,
        round_mode=RoundingEnum.direct_neg_inf,
    )
    low, high = scaling.limits
    return min(max(code.bits_to_signed(), low), high)


def _fixed(number: int, fraction_bits: int) -> FpBinary:
    bits = 96
    pattern = number & ((1 << bits) - 1)
    return FpBinary(
        int_bits=bits - fraction_bits, frac_bits=fraction_bits, signed=True, bit_field=pattern
    )


def _case(seed: int, scaling: Scaling) -> Case:
    def write(folder: Path) -> None:
        random = np.random.default_rng(seed)
        channels = scaling.lanes * scaling.folds
        multipliers = random_codes(random, (channels,), scaling.multiplier_bits, signed=True)
        if scaling.same:
            multipliers = np.resize(multipliers[: scaling.lanes], channels)
        offsets = random_codes(random, (channels,), scaling.offset_bits, signed=True)
        x = random_codes(random, (PIXELS, channels), scaling.input_bits, signed=True)
        # Half of them small, so that not nearly all saturate.
        x[1::2] >>= scaling.input_bits // 2
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
    generics = {
        "seed": seed,
        "input_bits": scaling.input_bits,
        "output_bits": scaling.output.bits,
        "output_signed": scaling.output.signed,
        "factor_bits": scaling.factor_bits,
        "in_logic": scaling.in_logic,
        "multiplier_bits": scaling.multiplier_bits,
        "offset_bits": scaling.offset_bits,
        "shift": scaling.shift,
        "low": low,
        "high": high,
        "lanes": scaling.lanes,
        "folds": scaling.folds,
        "first_edge": REQUANTIZE_LATENCY,
        "last_edge": REQUANTIZE_LATENCY + PIXELS * scaling.folds - 1,
    }
    shape = f"{scaling.lanes} lanes, {scaling.folds} folds"
    widths = f"{scaling.input_bits} x {scaling.multiplier_bits} + {scaling.offset_bits}"
    if scaling.factor_bits != 25:
        shape += f", factors of {scaling.factor_bits}"
    if scaling.in_logic:
        shape += ", in logic"
    name = f"{widths} over {scaling.shift} to {scaling.output} {low} to {high}, {shape}"
    return Case(name + (", same multipliers" if scaling.same else ""), generics, write)


INT8, UINT8 = IntegerType(8, True), IntegerType(8, False)
CASES = tuple(
    _case(seed, scaling)
    for seed, scaling in enumerate(
        (
            Scaling(20, INT8, 8, 24, 18),
            Scaling(20, UINT8, 8, 28, 18, lanes=3, folds=4),
            Scaling(16, UINT8, 10, 20, 14, lanes=2, folds=1, low=3, high=200),
            Scaling(12, INT8, 5, 14, 0, lanes=1, folds=5, low=0, high=90),
            Scaling(24, IntegerType(16, True), 24, 46, 30, lanes=2, folds=2),
            Scaling(33, IntegerType(16, False), 17, 40, 33, lanes=1, folds=3),
            Scaling(18, IntegerType(1, False), 3, 19, 16, lanes=4, folds=2),
            Scaling(18, IntegerType(1, True), 3, 19, 17, lanes=2, folds=2),
            Scaling(1, IntegerType(4, True), 1, 1, 0, lanes=2, folds=2),
            Scaling(10, INT8, 4, 30, 25, lanes=2, folds=3),
            Scaling(8, INT8, 4, 4, 14, lanes=1, folds=1),
            Scaling(24, INT8, 8, 28, 18, lanes=2, folds=3, factor_bits=18),
            Scaling(19, UINT8, 8, 28, 18, lanes=1, folds=2, factor_bits=18),
            Scaling(18, UINT8, 8, 20, 18, lanes=2, folds=2, factor_bits=18),
            Scaling(20, INT8, 9, 28, 18, lanes=2, folds=3, in_logic=True),
            Scaling(33, IntegerType(16, False), 17, 40, 33, lanes=1, folds=3, in_logic=True),
            Scaling(18, IntegerType(1, False), 3, 19, 16, lanes=4, folds=2, in_logic=True),
            Scaling(1, IntegerType(4, True), 1, 1, 0, lanes=2, folds=2, in_logic=True),
            Scaling(12, INT8, 6, 14, 4, lanes=1, folds=5, in_logic=True),
            Scaling(18, UINT8, 8, 20, 18, lanes=2, folds=3, same=True),
        ),
        start=1,
    )
)
