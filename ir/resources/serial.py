"""Requantization bit by bit: serial_requantize, and what makes beats wait for it."""

from __future__ import annotations

import numpy as np

from ir.numbers import clog2
from ir.requantize import ScaleRequantization
from ir.resources.count import Resources
from ir.resources.memory import rom
from ir.resources.part import Part
from ir.resources.tables import different_columns, mapped_table_luts, split_by_depth

DIGIT_WORDS = 128
"""The longest table of single digits: serial_requantize.vhd reads others by the fold."""

FEWEST_DIGITS = 4
"""Of a word that is read by the fold: there is no time to read shorter ones."""

TABLE_BITS = 64
"""Of a look-up table."""

MERGED_FOLDS = 4
"""So many words of the offsets' upper bits are part of the adder's look-up tables."""


def serial_requantize(
    function: ScaleRequantization, input_bits: int, output_bits: int, lanes: int, folds: int
) -> Part:
    """Return an adder per lane, and a table of its operand's bits.

    LUT: ``added``, bits of the adders; ``rom``, tables that are read by the fold; ``digits``, LUTs
    of a table of single digits; ``chosen``, digits that are chosen of a word; ``clamped``, bits of
    codes that are limited; ``compared``, those that say so; ``step``, of the counter of digits;
    ``fold``, of that of folds.
    """
    steps, factor_bits = function.multiplier_bits, function.multiplier_bits - 1
    upper_bits = max(function.offset_bits - factor_bits, 1)
    sums = max(input_bits, upper_bits)
    uppers = (function.offsets >> factor_bits).reshape(folds, lanes)
    lowers = function.offsets & ((1 << factor_bits) - 1)
    words = np.stack([function.multipliers, lowers]).T.reshape(folds, 2 * lanes)
    places = folds << clog2(steps)
    by_digits = places <= DIGIT_WORDS or factor_bits < FEWEST_DIGITS
    scaled = max(sums - (function.shift - function.multiplier_bits), 1)
    merged = folds <= MERGED_FOLDS
    tables = [] if merged else [(uppers, upper_bits)]
    tables += [] if by_digits else [(words, factor_bits)]
    rows = 1 << clog2(max(folds, 2))
    blocks = [rom(rows, table.shape[1] * bits).bram18 for table, bits in tables]
    logic = sum(
        mapped_table_luts(*table)
        for table, halves in zip(tables, blocks, strict=True)
        if not halves
    )
    lut = {
        "one": 1.0,
        **split_by_depth(folds, logic),
        "digits": 2 * lanes * -(-places // TABLE_BITS) if by_digits else 0,
        "chosen": 0 if by_digits else 2 * lanes,
        "added": (sums + 1) * lanes,
        "clamped": output_bits * lanes,
        "compared": max(0, scaled - output_bits) * lanes,
        "step": clog2(steps),
        "fold": clog2(folds),
    }
    ff = {
        "one": 1.0,
        "value": (2 * input_bits + sums) * lanes,
        "digit": 2 * lanes,
        "code": output_bits * lanes,
        "word": sum(
            different_columns(*table) * (1 if halves else 2)
            for table, halves in zip(tables, blocks, strict=True)
        ),
        "step": clog2(steps),
        "fold": 2 * clog2(folds),
    }
    return Part("serial_requantize", lut, ff, Resources(bram18=sum(blocks)))


def pace(interval: int) -> tuple[Part, ...]:
    """Return the counter that keeps beats so many edges apart: none for one edge."""
    if interval == 1:
        return ()
    sizes = {"one": 1.0, "count": clog2(interval)}
    return (Part("pace", sizes, sizes),)
