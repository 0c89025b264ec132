"""What makes codes of sums: requantization by a multiplier or thresholds, and tables."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from ir.numbers import IntArray, IntegerType, clog2
from ir.requantize import (
    Requantization,
    ScaleRequantization,
    Scaling,
    ThresholdRequantization,
)
from ir.resources.count import Resources
from ir.resources.in_logic import logic_products
from ir.resources.memory import rom
from ir.resources.part import Part
from ir.resources.products import dsps
from ir.resources.serial import serial_requantize
from ir.resources.tables import (
    SHALLOW_WORDS,
    different_columns,
    logic_luts,
    mapped_table_luts,
    split_by_depth,
)
from ir.timing import (
    THRESHOLD_DIRECT_WORDS,
    THRESHOLD_LOGIC_BITS,
    THRESHOLD_LUT_WORDS,
    threshold_latency,
)


@dataclass(frozen=True, slots=True)
class _Function:
    """A function as the key of a cache: it is the same, not merely equal."""

    identity: int
    function: Requantization = field(compare=False)


def requantization(
    function: Requantization,
    input_bits: int,
    output_bits: int,
    lanes: int,
    folds: int,
    scaling: Scaling = Scaling.MULTIPLIED,
) -> tuple[Part, ...]:
    """Return the parts of what requantizes, of the form that ``function`` has.

    ``folds``: beats whose lanes have other parameters, before they are those of the first again.
    """
    key = _Function(id(function), function)
    return _requantization(key, input_bits, output_bits, lanes, folds, scaling)


@lru_cache(256)
def _requantization(
    key: _Function, input_bits: int, output_bits: int, lanes: int, folds: int, scaling: Scaling
) -> tuple[Part, ...]:
    function = key.function
    if not isinstance(function, ScaleRequantization):
        return (_threshold(function, input_bits, output_bits, lanes, folds),)
    if scaling is Scaling.SERIAL:
        return (serial_requantize(function, input_bits, output_bits, lanes, folds),)
    in_logic = scaling is Scaling.IN_LOGIC
    own = _requantize(function, input_bits, output_bits, lanes, folds, in_logic)
    if not in_logic:
        return (own,)
    sums = IntegerType(input_bits, True)
    return (own, logic_products(sums, function.multiplier_bits, lanes, lanes))


def _requantize(
    function: ScaleRequantization,
    input_bits: int,
    output_bits: int,
    lanes: int,
    folds: int,
    in_logic: bool,
) -> Part:
    """Return a multiplier per lane, with its sum in the same DSP, or the sum alone.

    LUT: ``rom``, those of the tables in logic; ``clamped``, bits of codes that are limited;
    ``split``, bits of the sums of products that need several DSPs, or none.
    """
    multipliers = function.multipliers.reshape(folds, lanes)
    offsets = function.offsets.reshape(folds, lanes)
    bits = function.multiplier_bits, function.offset_bits
    each = 0 if in_logic else dsps(input_bits, bits[0])
    tables = rom(folds, lanes * bits[0]), rom(folds, lanes * bits[1])
    columns = 0 if tables[1].bram18 else different_columns(offsets, bits[1])
    product = input_bits + bits[0]
    high = max(product, bits[1]) + 1 - function.shift
    same = bool(np.all(multipliers == multipliers[0]))
    shifts = int(np.count_nonzero(_is_shift(multipliers[0]))) if same else 0
    split = product * (lanes if in_logic else lanes * max(0, each - 1) + shifts)
    lut = {
        "one": 1.0,
        **split_by_depth(
            folds, mapped_table_luts(multipliers, bits[0]) + mapped_table_luts(offsets, bits[1])
        ),
        "clamped": output_bits * lanes if high > output_bits else 0,
        "compared": max(0, high - output_bits) * lanes,
        "split": split,
        "soft": 0 if each or in_logic else input_bits * bits[0] * lanes,
        "fold": clog2(folds),
    }
    ff = {
        "one": 1.0,
        "code": output_bits * lanes,
        "limited": lanes * (product if in_logic else output_bits + 3),
        "offset": columns,
        "split": split,
        "soft": 0 if each or in_logic else (product + input_bits) * lanes,
        "fold": 2 * clog2(folds),
    }
    used = each * (lanes - shifts)
    # Without multipliers, offsets wait an edge more, in shift registers.
    exact = Resources(
        lut_memory=columns if in_logic else 0,
        dsp=used,
        bram18=sum(table.bram18 for table in tables),
    )
    return Part("requantize", lut, ff, exact)


def _is_shift(factors: IntArray) -> npt.NDArray[np.bool_]:
    """Return which factors are powers of two, or zero: as constants they need no multiplier."""
    magnitudes = np.abs(factors)
    shifts: npt.NDArray[np.bool_] = (magnitudes & (magnitudes - 1)) == 0
    return shifts


def _threshold(
    function: ThresholdRequantization, input_bits: int, output_bits: int, lanes: int, folds: int
) -> Part:
    """Return a stage per bit of the code for each lane: a table and a comparator.

    LUT: ``rom``, those of the tables in logic; ``compared_rom``, of those that are part of the
    comparators; ``compared``, bits of the comparators; ``chosen``, of those that also choose a
    threshold; ``fold``, bits of the folds that go along.  FF: ``value``, bits of the sums that go
    along; ``word``, of thresholds that are held; ``count``, of the codes.
    """
    stages = clog2(function.levels + 1)
    tables = {"rom": 0.0, "deep_rom": 0.0, "compared_rom": 0.0}
    columns, halves = 0, 0
    pairs = [folds << stage > THRESHOLD_LUT_WORDS and stage > 0 for stage in range(stages)]
    for lane in range(lanes):
        own = function.thresholds[lane::lanes]
        for stage, paired in enumerate(pairs):
            words = _stage(own, stage, stages).reshape(-1, 2 if paired else 1)
            width = words.shape[1] * input_bits
            large = len(words) * width > THRESHOLD_LOGIC_BITS
            place = rom(len(words), width)
            if large and place.bram18:
                halves += place.bram18
                columns += width
                continue
            found = different_columns(words, input_bits)
            if len(words) <= THRESHOLD_DIRECT_WORDS:
                tables["compared_rom"] += logic_luts(len(words), found)
            else:
                columns += found
                kind = "rom" if len(words) <= SHALLOW_WORDS else "deep_rom"
                tables[kind] += logic_luts(len(words), found)
    edges = threshold_latency(function.levels, input_bits, folds)
    chosen = sum(pairs)
    lut = {
        "one": 1.0,
        **tables,
        "compared": (stages - chosen) * input_bits * lanes,
        "chosen": chosen * (input_bits + 1) * lanes,
        "code": output_bits * lanes,
        "fold": clog2(folds),
    }
    ff = {
        "one": 1.0,
        "value": input_bits * (edges - 1) * lanes,
        "count": sum(range(stages)) * lanes,
        "word": columns,
        "code": output_bits * lanes,
        "fold": clog2(folds) * edges,
    }
    return Part("threshold", lut, ff, Resources(bram18=halves))


def _stage(thresholds: IntArray, stage: int, stages: int) -> IntArray:
    """Return the table of a stage: (folds * nodes, 1), zero where no level is."""
    weight = 1 << (stages - 1 - stage)
    levels = np.arange(1 << stage) * 2 * weight + weight - 1
    there = np.minimum(levels, thresholds.shape[1] - 1)
    return np.where(levels < thresholds.shape[1], thresholds[:, there], 0).reshape(-1, 1)


def lookup(table: IntArray, output_bits: int, lanes: int) -> Part:
    """Return a table for each lane; ``table``: (words,), or (folds * lanes, words) of channels.

    LUT: ``rom``, those of tables in logic; ``fold``, bits of the counter of tables.
    """
    own = np.broadcast_to(table, (lanes, table.shape[0])) if table.ndim == 1 else table
    folds = len(own) // lanes
    luts, halves, registers = 0.0, 0, 0
    for lane in range(lanes):
        words = own[lane::lanes].reshape(-1, 1)
        place = rom(len(words), output_bits)
        halves += place.bram18
        registers += 0 if place.bram18 else output_bits
        luts += mapped_table_luts(words, output_bits)
    lut = {"one": 1.0, **split_by_depth(table.shape[-1] * folds, luts), "fold": clog2(folds)}
    ff = {"one": 1.0, "code": registers, "fold": clog2(folds)}
    return Part("lookup", lut, ff, Resources(bram18=halves))
