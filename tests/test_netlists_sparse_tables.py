"""Tables and constants whose ones are all in their uppermost 32 bits reach the netlist.

GHDL 2.0's synthesis takes such constants for zero if their length is a multiple of 32 beyond 32:
each element that reads a table, or adds a wide constant, computes right with the worst one.
Entities whose constants cannot be of that form are not here: ``inverse_root`` begins with 128 words
of zeros, ``average_pool`` has no 32 lines or columns of which only the first window has two rows
inside, and ``window``, ``reorder`` and ``concatenate`` read single numbers of at most 32 bits.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from ir.elements import (
    Affine,
    AveragePool,
    Consumer,
    DotProduct,
    GlobalAverage,
    Input,
    Kernel,
    LayerNormalization,
    Lookup,
    PairLookup,
    ProcessingElement,
    Rectifier,
    Shape,
    Softmax,
    StreamType,
)
from ir.numbers import IntArray, IntegerType, frozen_integers
from ir.requantize import ScaleRequantization, ThresholdRequantization
from tests.test_benches import BENCHES
from tests.test_netlists_elements import check

sys.path.insert(0, str(BENCHES))
from merge_cases import merge_of
from product_cases import product_of

INT8, UINT8, INT16 = IntegerType(8, True), IntegerType(8, False), IntegerType(16, True)


def first_only(*first: int, count: int) -> IntArray:
    """Return numbers of which only the first ones are not 0."""
    numbers = np.zeros(count, np.int64)
    numbers[: len(first)] = first
    return frozen_integers(numbers)


def stream(channels: int, lanes: int, number: IntegerType = UINT8, rows: int = 3) -> StreamType:
    return StreamType(Shape(rows, 4, channels), number, lanes)


def reading(kind: StreamType) -> Input:
    return Input("source", "", "s", kind, 0)


def pair(kind: StreamType) -> tuple[Input, Input]:
    return Input("a", "", "a", kind, 0), Input("b", "", "b", kind, 0)


CHANNELS = 32
FIRST = ScaleRequantization(
    first_only(3 << 8, count=CHANNELS), first_only(1 << 15, count=CHANNELS), 10, 0, 255
)
"""One channel lives."""

LAST = ScaleRequantization(
    frozen_integers(FIRST.multipliers[::-1]), frozen_integers(FIRST.offsets[::-1]), 10, 0, 255
)
"""In a single word of all lanes, the last one is at the top."""

STEPS = ThresholdRequantization(first_only(1 << 16, count=CHANNELS).reshape(-1, 1), 0)
FAR_STEP = ThresholdRequantization(frozen_integers([[1 << 33]]), 0)


def affine(scale: ScaleRequantization, lanes: int) -> Affine:
    kind = stream(CHANNELS, lanes)
    return Affine("dut", "", reading(kind), kind, scale)


def thresholds(
    steps: ThresholdRequantization, weight: int, source: StreamType, bits: int
) -> ProcessingElement:
    """Return a dense layer of one living weight per output, and one output bit."""
    outputs = len(steps.thresholds)
    weights = np.full((1, 1, source.shape.channels, outputs), weight, np.int64)
    return ProcessingElement(
        name="dut",
        layer="",
        source=reading(source),
        output=StreamType(Shape(3, 4, outputs), IntegerType(1, False), 1),
        kernel=Kernel(1, 1),
        pad_value=0,
        weights=frozen_integers(weights),
        weight_number=IntegerType(16, True),
        accumulator=IntegerType(bits, True),
        requantization=steps,
        convolved=IntegerType(1, False),
    )


def rectifier() -> Rectifier:
    kind = stream(CHANNELS, 1)
    sides = frozen_integers([[0] * CHANNELS, [1 << 14, *[0] * (CHANNELS - 1)]])
    return Rectifier("dut", "", reading(kind), kind, 100, sides, sides, 14, 0, 255)


def average(scale: ScaleRequantization, kernel: Kernel, height: int) -> AveragePool:
    size = kernel.output_size(height, 4)
    return AveragePool(
        "dut",
        "",
        reading(stream(1, 1, rows=height)),
        StreamType(Shape(*size, 1), UINT8, 1),
        kernel,
        0,
        IntegerType(14, True),
        scale,
    )


def lookup(table: IntArray, lanes: int, channels: int) -> Lookup:
    kind = stream(channels, lanes, IntegerType(4, False))
    output = StreamType(kind.shape, UINT8, lanes)
    return Lookup("dut", "", reading(kind), output, table)


def normalization(epsilon: int, scale: ScaleRequantization) -> LayerNormalization:
    kind = stream(CHANNELS, 1)
    return LayerNormalization("dut", "", reading(kind), kind, epsilon, scale)


def pair_lookup() -> PairLookup:
    number = IntegerType(2, False)
    kind = stream(1, 1, number)
    table = first_only(200, 100, count=16).reshape(4, 4)
    return PairLookup("dut", "", pair(kind), StreamType(kind.shape, UINT8, 1), table)


def dot_product(number: IntegerType, bits: int, steps: ThresholdRequantization) -> DotProduct:
    output = StreamType(Shape(1, 3, 4), IntegerType(1, False), 1)
    accumulator = IntegerType(bits, True)
    return DotProduct("dut", "", pair(stream(16, 1, number)), output, (0, 0), accumulator, steps)


WIDE = (INT16, INT16, INT16)
SPREAD = ScaleRequantization(
    frozen_integers([1 << 12] * 32), first_only(1 << 17, count=32), 12, 0, 255
)
ELEMENTS: dict[str, Consumer] = {
    "parameters of the first channel": affine(FIRST, 1),
    "parameters of the last lane": affine(LAST, CHANNELS),
    "parameters of a global average": GlobalAverage(
        "dut",
        "",
        reading(stream(CHANNELS, 1)),
        StreamType(Shape(1, 1, CHANNELS), UINT8, 1),
        IntegerType(13, True),
        FIRST,
    ),
    "parameters of an average": average(SPREAD, Kernel(4, 8, pad_top=3, pad_left=7), 4),
    "parameters of a normalization": normalization(900, FIRST),
    "epsilon of a normalization": normalization(
        1 << 61, ScaleRequantization(*(frozen_integers([99] * CHANNELS),) * 2, 2, 0, 255)
    ),
    "steps of the first channel": thresholds(STEPS, 101, stream(3, 1), 20),
    "a step beyond 32 bits": thresholds(FAR_STEP, 32767, stream(16, 1, INT16), 64),
    "the living side of a rectifier": rectifier(),
    "exponentials that vanish": Softmax(
        "dut",
        "",
        reading(stream(4, 2)),
        stream(4, 2),
        first_only(1 << 16, count=256),
    ),
    "first entry of a table": lookup(first_only(77, 3, count=16), 1, 1),
    "first entry of a lane's table": lookup(
        frozen_integers([[77, *[0] * 15], [*range(100, 116)]]), 2, 2
    ),
    "first entry of a table of pairs": pair_lookup(),
    "offset of a merge": merge_of(
        WIDE, 2, (2**29 - 1, -(2**30)), 2**59, 47, (-32768, 32767), None, 6
    ),
    "zero point of a merge": merge_of(
        WIDE, 1, (2**29 - 1, 2**29), 0, 47, (-32768, 32767), 2**12, 7
    ),
    "negative offset of a merge": merge_of(
        WIDE, 1, (2**29 - 1, -(2**30)), -(2**58), 46, (-32768, 32767), None, 6
    ),
    "offset of a product": product_of(
        WIDE, 1, (3, -5), 2**26, 2**60, 46, (-32768, 32767), True, 9
    ),
    "a step of a dot product beyond 32 bits": dot_product(INT16, 64, FAR_STEP),
}  # fmt: skip


@pytest.mark.parametrize("name", ELEMENTS)
def test_a_constant_with_ones_at_its_top_reaches_the_netlist(name: str, tmp_path: Path) -> None:
    check(ELEMENTS[name], tmp_path)
