"""Cases of ``adder_graph_tb``: random datapaths, results by numpy's whole numbers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from harness import Case, IntArray, random_codes, write_beats, write_table

from ir.datapath import OFFSETS, Datapath, Lane, Operation, Operator
from ir.numbers import IntegerType
from rewrite.stream.stages import staged
from rtl.adder_tables import datapath_formals, datapath_tables

BEATS = 30
NEAR = 6
"""Values before an operation that it may read: graphs get deep and have no loose ends."""


@dataclass(frozen=True, slots=True)
class Adders:
    """What varies: ``levels`` operations in a row between registers; ``base`` of the results."""

    number: IntegerType
    inputs: int
    operations: int
    outputs: int
    levels: int
    base: int = 0
    registers_lanes: bool = True


def datapath_of(adders: Adders, random: np.random.Generator) -> Datapath:
    """Return operations on whatever stands before them, in all combinations."""
    span = adders.number.maximum - adders.number.minimum
    ends = [(0, span)] * adders.inputs
    found: list[Operation] = []
    for node in range(adders.inputs, adders.inputs + adders.operations):
        found.append(_operation(ends, adders.number.bits, node, random))
        ends.append((found[-1].low, found[-1].high))
    last = len(ends)
    near = np.arange(max(0, last - 2 * adders.outputs), last)
    lanes = [Lane(int(random.choice(near)), int(random.integers(3))) for _ in range(adders.outputs)]
    if adders.outputs > 2:
        lanes[adders.outputs // 2] = Lane(-1)
    datapath = Datapath(adders.number, adders.inputs, tuple(found), tuple(lanes), adders.base)
    return staged(datapath, adders.levels, registers_lanes=adders.registers_lanes)


def _operation(
    ends: list[tuple[int, int]], bits: int, node: int, random: np.random.Generator
) -> Operation:
    """Return a random operation, its range by the ends of its operands."""
    before = np.arange(max(0, node - NEAR), node)
    left = int(random.choice(before))
    (low, high), shift = ends[left], int(random.choice([0, 0, 1, 2, 5, bits]))
    sums = [Operator.ADD, Operator.ADD_INVERTED]
    wide = high.bit_length() > 48
    kinds = [*([] if wide else [*sums, *sums, *OFFSETS]), Operator.CLAMP, Operator.CONSTANT]
    kind = kinds[int(random.integers(len(kinds)))]
    constant = int(random.integers(-(1 << 10), 1 << 10))
    plain = [value for value in before.tolist() if ends[value][0] >= 0]
    if kind in sums and plain and ends[plain[-1]][1].bit_length() < 40:
        right = plain[-1] if random.random() < 0.5 else int(random.choice(plain))
        least, most = ends[right]
        mask = IntegerType.spanning(least, most).maximum
        if kind == Operator.ADD_INVERTED:
            least, most = mask - most, mask - least
        low, high = low + (least << shift), high + (most << shift)
        return Operation(kind, low, high, left, right, shift)
    if kind == Operator.OFFSET:
        low, high = (constant + (end << shift) for end in (low, high))
        return Operation(kind, low, high, left, shift=shift, constant=constant)
    if kind == Operator.OFFSET_LESS:
        low, high = (constant - (end << shift) for end in (high, low))
        return Operation(kind, low, high, left, shift=shift, constant=constant)
    if kind == Operator.CONSTANT:
        return Operation(kind, abs(constant), abs(constant), constant=abs(constant))
    most = int(random.choice([1, 10, 255, 65535]))
    low, high = (min(max(end >> shift, 0), most) for end in (low, high))
    return Operation(Operator.CLAMP, low, high, left, shift=shift, constant=high)


def lane_type(datapath: Datapath) -> IntegerType:
    """Return a signed type of all results."""
    numbers = datapath.numbers()
    ends = [datapath.base]
    for lane in datapath.lanes:
        if lane.node >= 0:
            number = numbers[lane.node]
            ends += [(e << lane.shift) + datapath.base for e in (number.minimum, number.maximum)]
    return IntegerType.spanning(min(ends), max(ends), signed=True)


def inputs_of(datapath: Datapath, random: np.random.Generator) -> IntArray:
    """Return codes, (beats, inputs), the ends of their type among them."""
    number = datapath.source
    x: IntArray = random_codes(random, (BEATS, datapath.inputs), number.bits, number.signed)
    x[0], x[1] = number.minimum, number.maximum
    return x


def generics_of(datapath: Datapath) -> dict[str, int | bool | str]:
    """Return the generics of the entities that compute ``datapath``."""
    return {
        "input_bits": datapath.source.bits,
        "input_signed": datapath.source.signed,
        "inputs": datapath.inputs,
        "outputs": len(datapath.lanes),
        "output_bits": lane_type(datapath).bits,
        "base": datapath.base,
        **{name: int(text) for name, text in datapath_formals(datapath).items()},
    }


def write_case(folder: Path, datapath: Datapath, x: IntArray) -> None:
    """Write tables, input and what is expected of it."""
    for table in datapath_tables(datapath):
        write_table(folder / f"{table.generic}.txt", table.values, table.bits)
    write_beats(folder / "input.txt", x, datapath.inputs, datapath.source.bits)
    bits = lane_type(datapath).bits
    write_beats(folder / "expected.txt", datapath(x), len(datapath.lanes), bits)


def _case(seed: int, adders: Adders) -> Case:
    random = np.random.default_rng(seed)
    datapath = datapath_of(adders, random)
    x = inputs_of(datapath, random)
    generics = generics_of(datapath) | {
        "seed": seed,
        "first_edge": datapath.stages,
        "last_edge": datapath.stages + BEATS - 1,
    }
    shape = f"{adders.inputs} inputs, {adders.operations} operations, {adders.outputs} outputs"
    name = f"{adders.number}, {shape}, {adders.levels} levels a stage, base {adders.base}"
    return Case(name, generics, lambda folder: write_case(folder, datapath, x))


INT8, UINT8 = IntegerType(8, True), IntegerType(8, False)
ADDERS = (
    Adders(UINT8, 4, 12, 3, 1),
    Adders(INT8, 5, 24, 4, 2, base=-128),
    Adders(UINT8, 3, 20, 3, 20, base=7),
    Adders(IntegerType(1, False), 6, 10, 5, 1),
    Adders(IntegerType(1, True), 4, 8, 2, 3),
    Adders(IntegerType(16, False), 2, 9, 2, 1),
    Adders(IntegerType(4, True), 3, 0, 3, 1),
    Adders(UINT8, 1, 3, 1, 1),
    Adders(UINT8, 9, 60, 12, 4),
    Adders(INT8, 9, 60, 12, 3, base=1),
)
CASES = tuple(_case(seed, adders) for seed, adders in enumerate(ADDERS, start=1))
