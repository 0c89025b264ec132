"""Cases of ``processing_element_tb``: values from the interpreter, edges from the cycle model."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from harness import Case, IntArray, random_codes, write_beats, write_table

from ir.cycles import predict
from ir.elements import (
    ALONE,
    IN_LOGIC,
    Input,
    Kernel,
    Output,
    ProcessingElement,
    Shape,
    Sharing,
    StreamType,
)
from ir.graph import StreamGraph
from ir.interpreter import apply
from ir.numbers import IntegerType
from ir.requantize import (
    Requantization,
    ScaleRequantization,
    Scaling,
    ThresholdRequantization,
)
from rewrite.stream.blocks.elements import Builder
from rewrite.stream.blocks.grid import Block
from rewrite.stream.datapaths import element_datapath
from rtl.generics import Context, instance
from rtl.knobs import knobs
from rtl.tables import tables

FRAMES = 3
TABLES = ("weights", "multipliers", "offsets", "thresholds", "table", "reads", "members")
TABLES += ("graph", "sums")


INT4, INT8, UINT8 = IntegerType(4, True), IntegerType(8, True), IntegerType(8, False)
INT16, UINT16 = IntegerType(16, True), IntegerType(16, False)
BIT, UBIT = IntegerType(1, True), IntegerType(1, False)


@dataclass(frozen=True, slots=True)
class Layer:
    """What varies between the cases."""

    shape: Shape
    kernel: Kernel
    channels: int
    pe: int = 1
    simd: int = 1
    number: IntegerType = INT8
    weight: IntegerType = INT8
    output: IntegerType = UINT8
    levels: int = 0
    table: bool = False
    pool: Kernel | None = None
    pad_value: int = 0
    fifo_depth: int = 24
    extra_rows: int = 0
    groups: int = 1
    lanes: int = 0
    sharing: Sharing = ALONE
    taps: int = 1
    factor_bits: int = 25
    block: Block | None = None
    adder_levels: int = 0
    block_rom: bool = False
    scaling: Scaling = Scaling.MULTIPLIED


def _requantization(layer: Layer, bound: int, random: np.random.Generator) -> Requantization:
    """Return a random one that uses the output's range for accumulators within ``bound``."""
    if layer.levels:
        shape = (layer.channels, layer.levels)
        steps = np.sort(random.integers(-bound, bound, shape, endpoint=True), axis=1)
        return ThresholdRequantization(steps, layer.output.minimum)
    shift = 6 + bound.bit_length()
    size = 2 ** (shift + layer.output.bits) // bound
    multipliers = random.integers(size // 4, size, layer.channels, endpoint=True)
    offsets = random.integers(-(2**shift), 2**shift, layer.channels)
    high = layer.output.maximum - (layer.output.bits > 4)
    return ScaleRequantization(multipliers, offsets, shift, layer.output.minimum, high)


def element_of(layer: Layer, seed: int) -> ProcessingElement:
    random = np.random.default_rng(seed)
    kernel, inputs = layer.kernel, layer.shape.channels // layer.groups
    weights = random_codes(
        random,
        (kernel.height, kernel.width, inputs, layer.channels),
        layer.weight.bits,
        layer.weight.signed,
    )
    if layer.sharing.rows > 1:
        # One may be borrowed of each.
        weights = np.maximum(weights, layer.weight.minimum + 1)
    largest = max(-layer.number.minimum, layer.number.maximum)
    bound = max(1, int(np.abs(weights).sum(axis=(0, 1, 2)).max()) * largest)
    rows, columns = kernel.output_size(layer.shape.height, layer.shape.width)
    if layer.pool is not None:
        rows, columns = layer.pool.output_size(rows, columns)
    table = None
    if layer.table:
        table = random_codes(random, (2**layer.output.bits,), layer.output.bits, False)
        table = table + layer.output.minimum
    lanes = layer.simd if layer.taps == 1 else layer.shape.channels
    source = Input("source", "", "s", StreamType(layer.shape, layer.number, lanes), 0)
    shape = Shape(rows, columns, layer.channels)
    element = ProcessingElement(
        name="dut",
        layer="",
        source=source,
        output=StreamType(shape, layer.output, layer.lanes or layer.pe),
        kernel=kernel,
        pad_value=layer.pad_value,
        weights=weights,
        weight_number=layer.weight,
        accumulator=IntegerType.spanning(-bound, bound),
        requantization=_requantization(layer, bound, random),
        convolved=layer.output,
        groups=layer.groups,
        table=table,
        pool=layer.pool,
        pe=layer.pe,
        simd=layer.simd,
        taps=layer.taps,
        sharing=layer.sharing,
        scaling=layer.scaling,
        fifo_depth=layer.fifo_depth,
        extra_rows=layer.extra_rows,
        block_rom=layer.block_rom,
    )
    if layer.block is not None:
        element = _in_blocks(element, layer.block)
    element = replace(element, adder_levels=layer.adder_levels)
    return replace(element, datapath=element_datapath(element)) if layer.adder_levels else element


def _in_blocks(element: ProcessingElement, block: Block) -> ProcessingElement:
    """Return ``element`` with several pixels at a time."""

    def source(_: int, shape: Shape) -> Input:
        stream = StreamType(shape, element.input.number, shape.channels)
        return Input("source", "", "s", stream, 0)

    found = Builder(source, lambda kind: kind).blocks(element, block)
    assert isinstance(found, ProcessingElement)
    return replace(found, fifo_depth=element.fifo_depth, sharing=element.sharing)


def _last_edge(element: ProcessingElement) -> int:
    """Return the edge of the last output beat; the core's two AXI FIFOs add one edge each."""
    assert isinstance(element.source, Input)
    sink = Output("sink", "", element, element.output, "m")
    graph = StreamGraph("core", (element.source,), (sink,), {})
    return predict(graph, FRAMES).completions[-1] - 2


def _case(name: str, seed: int, layer: Layer) -> Case:
    element = element_of(layer, seed)

    def write(folder: Path) -> None:
        shape, number = element.input.shape, layer.number
        size = (FRAMES, shape.height, shape.width, shape.channels)
        x: IntArray = random_codes(
            np.random.default_rng(seed + 1000), size, number.bits, number.signed
        )
        write_beats(folder / "input.txt", x, element.input_lanes, number.bits)
        lanes = element.output.lanes
        write_beats(folder / "expected.txt", apply(element, x), lanes, layer.output.bits)
        for generic in TABLES:
            (folder / f"{generic}.txt").write_text("")
        for table in tables(element):
            write_table(folder / f"{table.generic}.txt", table.values, table.bits)

    context = Context(
        {knob.suffix: str(knob.default) for knob in knobs(element)},
        "simd",
        "lanes",
        "tables",
        factor_bits=str(layer.factor_bits),
    )
    _, formals = instance(element, context)
    generics: dict[str, int | bool | str] = {
        formal: actual
        for formal, actual in formals.items()
        if formal not in (*TABLES, "requantization")
    }
    generics["scaling"] = layer.scaling.value
    generics["simd"] = element.simd
    generics |= {"seed": seed, "uses_steps": bool(layer.levels), "last_edge": _last_edge(element)}
    return Case(name, generics, write)


SAME = Kernel(3, 3, 1, 1, 1, 1, 1, 1, 1, 1)
POOL = Kernel(2, 2, 2, 2)
LAYERS = {
    "3x3 same": Layer(Shape(5, 5, 4), SAME, 4, pe=2, simd=2, pad_value=-3),
    "3x3, one at a time": Layer(Shape(4, 5, 3), Kernel(3, 3), 3),
    "3x3, all at a time": Layer(Shape(4, 5, 3), Kernel(3, 3), 5, pe=5, simd=3),
    "3x3 stride 2": Layer(Shape(6, 6, 2), Kernel(3, 3, 2, 2, 1, 1, 0, 0, 1, 1), 2, simd=2),
    "table": Layer(Shape(3, 4, 2), Kernel(2, 2), 4, pe=2, simd=1, table=True),
    "pool": Layer(Shape(6, 6, 2), SAME, 4, pe=2, simd=2, pool=POOL),
    "pool 3x3 stride 2, odd": Layer(
        Shape(7, 5, 2), SAME, 2, pe=1, simd=2, pool=Kernel(3, 3, 2, 2, 1, 1, 1, 1, 1, 1)
    ),
    "stride 2, then pool": Layer(
        Shape(9, 8, 2), Kernel(3, 3, 2, 2), 2, simd=2, pad_value=5, pool=POOL
    ),
    "dilated, then pool": Layer(
        Shape(8, 9, 2), Kernel(3, 2, 1, 2, 2, 3, 2, 1, 1, 2), 4, pe=2, pad_value=-7, pool=POOL
    ),
    "dense": Layer(Shape(1, 1, 24), Kernel(1, 1), 12, pe=3, simd=4, output=INT8),
    "dense, one beat": Layer(Shape(1, 1, 5), Kernel(1, 1), 6, pe=2, simd=5),
    "pointwise": Layer(Shape(3, 3, 6), Kernel(1, 1), 4, pe=2, simd=3, number=UINT8),
    "direct": Layer(Shape(3, 3, 6), Kernel(1, 1), 4, pe=4, simd=3, number=UINT8),
    "direct, one beat": Layer(Shape(4, 4, 3), Kernel(1, 1), 2, pe=2, simd=3),
    "thresholds": Layer(Shape(4, 4, 2), SAME, 4, pe=2, output=UINT8, levels=255),
    "few thresholds": Layer(Shape(4, 4, 2), SAME, 3, simd=2, output=INT4, levels=9, table=True),
    "one threshold": Layer(Shape(4, 4, 4), SAME, 2, pe=2, simd=4, output=UBIT, levels=1),
    "1 bit": Layer(
        Shape(4, 4, 8), SAME, 4, pe=2, simd=8, number=UBIT, weight=BIT, output=BIT, levels=1
    ),
    "1 bit, other signs": Layer(
        Shape(4, 4, 4), SAME, 4, pe=4, simd=4, number=BIT, weight=UBIT, output=IntegerType(3, False)
    ),
    "16 bits": Layer(
        Shape(4, 4, 3),
        Kernel(3, 3),
        2,
        simd=3,
        number=INT16,
        weight=INT16,
        output=INT16,
    ),
    "16 bits, unsigned": Layer(
        Shape(3, 4, 3),
        Kernel(2, 2),
        2,
        pe=2,
        number=UINT16,
        weight=UINT16,
        output=UINT16,
    ),
    "4 by 2 bits": Layer(
        Shape(5, 4, 5),
        SAME,
        6,
        pe=3,
        simd=5,
        number=IntegerType(4, False),
        weight=IntegerType(2, True),
        output=IntegerType(4, False),
        pool=POOL,
    ),
    "shallow FIFO": Layer(Shape(4, 4, 2), Kernel(1, 1), 2, simd=2, fifo_depth=3),
    "FIFO of one": Layer(Shape(4, 4, 2), SAME, 2, simd=2, fifo_depth=1),
    "depthwise": Layer(Shape(5, 6, 4), SAME, 4, pe=2, simd=2, pad_value=-3, groups=4),
    "depthwise, one at a time": Layer(Shape(4, 4, 3), Kernel(3, 3), 3, groups=3),
    "depthwise, all at a time": Layer(
        Shape(4, 5, 3), SAME, 3, pe=3, simd=3, fifo_depth=4, groups=3
    ),
    "depthwise stride 2, table": Layer(
        Shape(7, 6, 4),
        Kernel(3, 3, 2, 2, 1, 1, 0, 0, 1, 1),
        4,
        pe=2,
        simd=2,
        table=True,
        groups=4,
    ),
    "depthwise, then pool": Layer(
        Shape(6, 6, 4), SAME, 4, pe=2, simd=2, pool=POOL, pad_value=8, groups=4
    ),
    "depthwise, thresholds": Layer(
        Shape(5, 4, 2), Kernel(2, 3, 1, 1, 2, 1), 2, output=INT4, levels=15, groups=2
    ),
    "depth multiplier": Layer(
        Shape(5, 4, 3), SAME, 6, pe=2, simd=1, pad_value=5, fifo_depth=6, groups=3
    ),
    "depth multiplier, all at a time": Layer(
        Shape(5, 4, 2), Kernel(3, 2, 2, 1), 6, pe=6, simd=2, groups=2, pool=POOL
    ),
    "depthwise, one pixel": Layer(Shape(3, 4, 6), Kernel(1, 1), 6, pe=2, simd=2, groups=6),
    "two groups": Layer(Shape(5, 4, 6), SAME, 4, pe=1, simd=3, pad_value=-9, groups=2),
    "three groups, one at a time": Layer(
        Shape(4, 4, 6), Kernel(2, 3, 1, 2, 2, 1), 6, output=INT8, groups=3
    ),
    "groups of one output": Layer(Shape(4, 5, 4), Kernel(3, 3), 2, simd=2, groups=2),
    "groups, one pixel": Layer(Shape(3, 3, 8), Kernel(1, 1), 8, pe=2, simd=2, groups=2),
    "groups, direct": Layer(Shape(3, 4, 8), Kernel(1, 1), 4, pe=2, simd=2, groups=2),
    "sums in parts": Layer(Shape(5, 5, 4), SAME, 8, pe=4, simd=2, lanes=1),
    "sums in parts, no time to spare": Layer(
        Shape(4, 3, 6), Kernel(1, 1), 12, pe=6, simd=2, lanes=2, pool=POOL
    ),
    "sums in parts, direct": Layer(Shape(3, 4, 6), Kernel(1, 1), 4, pe=4, simd=2, lanes=2),
    "sums in parts, a shallow FIFO": Layer(
        Shape(4, 4, 2), SAME, 4, pe=4, simd=2, lanes=1, fifo_depth=5, output=UINT8, levels=255
    ),
    "sums in parts, a FIFO for one group": Layer(
        Shape(4, 4, 2), SAME, 4, pe=4, simd=2, lanes=2, fifo_depth=2
    ),
    "depthwise in parts": Layer(
        Shape(5, 6, 4), SAME, 4, pe=4, simd=4, lanes=1, pool=POOL, groups=4
    ),
    "factors of 18 bits": Layer(
        Shape(4, 4, 8),
        SAME,
        4,
        pe=4,
        simd=4,
        number=UINT8,
        sharing=Sharing(2, 17, True, 4),
        factor_bits=18,
    ),
    "two packed, chain of four": Layer(
        Shape(4, 4, 4), SAME, 4, pe=4, simd=4, number=UINT8, sharing=Sharing(2, 17, True, 4)
    ),
    "three packed, in parts": Layer(
        Shape(4, 4, 4),
        SAME,
        6,
        pe=6,
        simd=4,
        lanes=2,
        number=IntegerType(4, False),
        weight=INT4,
        sharing=Sharing(3, 10, False, 4),
    ),
    "uneven": Layer(Shape(4, 4, 2), SAME, 5, pe=2, simd=1, lanes=1, pad_value=-3),
    "uneven, a shallow FIFO": Layer(Shape(4, 4, 2), SAME, 5, pe=3, simd=2, lanes=1, fifo_depth=4),
    "uneven, packed": Layer(
        Shape(5, 4, 4),
        SAME,
        10,
        pe=4,
        simd=4,
        lanes=2,
        number=UINT8,
        sharing=Sharing(2, 17, True, 4),
        pool=POOL,
    ),
    "uneven, dense": Layer(Shape(1, 1, 24), Kernel(1, 1), 13, pe=5, simd=4, lanes=1),
    "uneven, rows of the kernel": Layer(
        Shape(5, 5, 2), SAME, 7, pe=3, simd=6, taps=3, lanes=1, output=UINT8, levels=255
    ),
    "in logic": Layer(
        Shape(4, 4, 4),
        SAME,
        4,
        pe=4,
        simd=2,
        lanes=2,
        number=UINT8,
        sharing=IN_LOGIC,
        scaling=Scaling.IN_LOGIC,
    ),
    "bit by bit": Layer(Shape(5, 5, 4), SAME, 4, pe=1, simd=2, scaling=Scaling.SERIAL),
    "bit by bit, groups wait": Layer(
        Shape(3, 3, 4), Kernel(1, 1), 6, pe=1, simd=2, fifo_depth=4, scaling=Scaling.SERIAL
    ),
    "bit by bit, a shallow FIFO": Layer(
        Shape(4, 4, 2), SAME, 2, simd=2, fifo_depth=1, scaling=Scaling.SERIAL
    ),
    "bit by bit, direct": Layer(
        Shape(1, 1, 40), Kernel(1, 1), 2, pe=2, simd=1, lanes=1, scaling=Scaling.SERIAL
    ),
    "bit by bit, in parts": Layer(
        Shape(6, 6, 8), SAME, 4, pe=4, simd=1, lanes=1, pool=POOL, scaling=Scaling.SERIAL
    ),
    "bit by bit, parts wait": Layer(
        Shape(4, 5, 2), SAME, 8, pe=4, simd=2, lanes=2, table=True, scaling=Scaling.SERIAL
    ),
    "bit by bit, uneven": Layer(
        Shape(4, 4, 2), SAME, 5, pe=2, simd=1, lanes=1, pad_value=-3, scaling=Scaling.SERIAL
    ),
    "bit by bit, whole windows": Layer(
        Shape(5, 6, 2), SAME, 4, pe=2, simd=18, taps=9, pad_value=-3, scaling=Scaling.SERIAL
    ),
    "bit by bit, depthwise": Layer(
        Shape(5, 6, 4), SAME, 4, pe=2, simd=2, pool=POOL, groups=4, scaling=Scaling.SERIAL
    ),
    "depthwise in logic": Layer(
        Shape(5, 6, 4), SAME, 4, pe=2, simd=2, pool=POOL, groups=4, sharing=IN_LOGIC
    ),
    "extra rows": Layer(Shape(6, 5, 2), SAME, 2, simd=2, extra_rows=2),
    "whole windows": Layer(Shape(5, 6, 2), SAME, 4, pe=4, simd=18, taps=9, pad_value=-3),
    "whole windows, folded": Layer(
        Shape(6, 5, 3), SAME, 4, pe=2, simd=27, taps=9, pad_value=8, pool=POOL
    ),
    "whole windows, a chain": Layer(
        Shape(5, 5, 2),
        SAME,
        4,
        pe=4,
        simd=18,
        taps=9,
        number=UINT8,
        sharing=Sharing(2, 17, True, 3),
    ),
    "whole windows, stride 2": Layer(
        Shape(7, 6, 1), Kernel(3, 3, 2, 2, 1, 1, 0, 0, 1, 1), 2, pe=2, simd=9, taps=9
    ),
    "rows of the kernel": Layer(
        Shape(5, 5, 2), SAME, 6, pe=6, simd=6, taps=3, lanes=2, pad_value=5, extra_rows=1
    ),
    "rows of the kernel, dilated": Layer(
        Shape(8, 9, 2), Kernel(3, 2, 1, 2, 2, 3, 2, 1, 1, 2), 4, simd=4, taps=2, pad_value=-7
    ),
    "whole windows, thresholds": Layer(
        Shape(4, 4, 1), Kernel(2, 2), 3, pe=3, simd=4, taps=4, output=INT4, levels=9, table=True
    ),
    "whole windows, depthwise": Layer(
        Shape(5, 6, 4), SAME, 4, pe=2, simd=18, taps=9, pad_value=-3, groups=4
    ),
    "rows, depth multiplier": Layer(
        Shape(6, 5, 3), SAME, 6, pe=2, simd=3, taps=3, pad_value=5, groups=3, pool=POOL
    ),
    "whole windows, depthwise, all at a time": Layer(
        Shape(7, 6, 2), Kernel(3, 3, 2, 2, 1, 1, 0, 0, 1, 1), 4, pe=4, simd=18, taps=9, groups=2
    ),
    "rows, two groups": Layer(
        Shape(5, 4, 6), SAME, 4, pe=1, simd=9, taps=3, pad_value=-9, groups=2
    ),
    "whole windows, groups of two outputs": Layer(
        Shape(4, 5, 4), Kernel(2, 3), 4, pe=2, simd=12, taps=6, groups=2
    ),
    "a small table in block RAM": Layer(
        Shape(1, 1, 16), Kernel(1, 1), 6, pe=2, simd=4, block_rom=True
    ),
    "adders": Layer(Shape(1, 1, 8), Kernel(1, 1), 6, pe=6, simd=8, number=UINT8, adder_levels=1),
    "adders, signed codes, three levels a stage": Layer(
        Shape(3, 4, 5), Kernel(1, 1), 4, pe=4, simd=5, output=INT8, adder_levels=3
    ),
    "adders, thresholds and table": Layer(
        Shape(2, 3, 4),
        Kernel(1, 1),
        3,
        pe=3,
        simd=4,
        output=INT4,
        levels=9,
        table=True,
        adder_levels=1,
    ),
    "adders, whole windows": Layer(
        Shape(5, 6, 2), SAME, 3, pe=3, simd=18, taps=9, pad_value=-3, adder_levels=2, pool=POOL
    ),
    "adders, depthwise": Layer(
        Shape(5, 4, 2), SAME, 4, pe=4, simd=18, taps=9, groups=2, number=UINT8, adder_levels=1
    ),
    "adders, 1 bit": Layer(
        Shape(3, 3, 6), Kernel(1, 1), 4, pe=4, simd=6, number=UBIT, weight=BIT, adder_levels=1
    ),
    "adders, a shallow FIFO": Layer(
        Shape(3, 3, 3), Kernel(1, 1), 2, pe=2, simd=3, fifo_depth=3, adder_levels=1
    ),
    "whole windows, a shallow FIFO": Layer(
        Shape(5, 4, 2), SAME, 2, pe=2, simd=18, taps=9, fifo_depth=3
    ),
    "whole windows, one line": Layer(
        Shape(1, 4, 2), Kernel(1, 3, pad_left=1, pad_right=1), 2, pe=2, simd=6, taps=3, pad_value=3
    ),
    "two columns": Layer(Shape(4, 6, 2), SAME, 2, pad_value=-3, block=Block(1, 2)),
    "three columns, stride 2": Layer(
        Shape(5, 12, 1), Kernel(3, 3, 2, 2, 1, 1, 0, 0, 0, 1), 2, pad_value=7, block=Block(1, 3)
    ),
    "one position of two columns": Layer(
        Shape(5, 8, 2), Kernel(3, 3, 2, 2, 1, 1, 0, 0, 0, 1), 3, pad_value=3, block=Block(1, 1)
    ),
    "two columns, no padding": Layer(Shape(4, 8, 1), Kernel(3, 3), 2, block=Block(1, 2)),
    "rows, a pool": Layer(Shape(4, 6, 1), SAME, 2, pool=POOL, block=Block(1, 3)),
    "whole rows": Layer(Shape(5, 4, 1), SAME, 2, pad_value=-9, block=Block(1, 4)),
    "whole rows, thresholds": Layer(
        Shape(4, 3, 1), SAME, 2, pad_value=4, levels=15, output=INT4, block=Block(1, 3)
    ),
    "two rows, depthwise": Layer(Shape(4, 4, 2), SAME, 2, pad_value=5, groups=2, block=Block(2, 4)),
    "two rows, a chain": Layer(
        Shape(4, 2, 2),
        SAME,
        4,
        number=UINT8,
        sharing=Sharing(2, 17, True, 4),
        block=Block(2, 2),
    ),
    "a whole frame": Layer(Shape(3, 3, 2), SAME, 2, pad_value=-5, table=True, block=Block(3, 3)),
    "a whole frame, a pool": Layer(
        Shape(5, 4, 1),
        SAME,
        2,
        pad_value=-5,
        pool=Kernel(3, 3, 2, 2, pad_top=1, pad_left=1),
        block=Block(2, 2),
    ),
    "a whole frame, adders": Layer(
        Shape(5, 4, 1),
        SAME,
        2,
        number=UINT8,
        pad_value=3,
        pool=Kernel(3, 3, 2, 2, pad_top=1, pad_left=1),
        block=Block(2, 2),
        adder_levels=1,
    ),
    "whole rows, adders": Layer(
        Shape(5, 4, 2), SAME, 2, pad_value=-9, block=Block(1, 4), adder_levels=2
    ),
    "a whole frame, a shallow FIFO": Layer(
        Shape(3, 3, 1), SAME, 2, fifo_depth=3, block=Block(3, 3)
    ),
}
CASES = tuple(
    _case(name, seed, layer) for seed, (name, layer) in enumerate(LAYERS.items(), start=1)
)
