"""Cases of ``average_pool_tb``: values from the interpreter, edges from the cycle model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from harness import Case, IntArray, random_codes, write_beats, write_table

from ir.cycles import predict
from ir.elements import AveragePool, Input, Kernel, Output, Shape, StreamType
from ir.graph import StreamGraph
from ir.interpreter import apply
from ir.numbers import IntegerType, frozen_integers
from ir.requantize import ScaleRequantization
from rtl.generics import Context, instance
from rtl.knobs import knobs
from rtl.tables import tables

FRAMES = 3
INT8, UINT8 = IntegerType(8, True), IntegerType(8, False)


def average_pool_of(
    shape: Shape,
    kernel: Kernel,
    lanes: int,
    number: IntegerType,
    pad_value: int,
    depth: int,
    extra: int,
    seed: int,
) -> AveragePool:
    """Return an element with factors near those of means."""
    random = np.random.default_rng(seed)
    shift = 12
    counts = np.multiply.outer(np.arange(1, kernel.height + 1), np.arange(1, kernel.width + 1))
    multipliers = np.rint(2**shift / counts.reshape(-1) * random.uniform(0.8, 1.2, kernel.taps))
    offsets = random.integers(-(2 ** (shift + 3)), 2 ** (shift + 3), kernel.taps)
    bound = kernel.taps * max(-number.minimum, number.maximum)
    source = Input("source", "", "s", StreamType(shape, number, lanes), 0)
    size = kernel.output_size(shape.height, shape.width)
    return AveragePool(
        name="dut",
        layer="",
        source=source,
        output=StreamType(Shape(*size, shape.channels), number, lanes),
        kernel=kernel,
        pad_value=pad_value,
        accumulator=IntegerType.spanning(-bound, bound),
        requantization=ScaleRequantization(
            frozen_integers(multipliers),
            frozen_integers(offsets),
            shift,
            number.minimum,
            number.maximum - 1,
        ),
        fifo_depth=depth,
        extra_beats=extra,
    )


def _last_edge(element: AveragePool) -> int:
    """Return the edge of the last output beat; the core's two AXI FIFOs add one edge each."""
    assert isinstance(element.source, Input)
    sink = Output("sink", "", element, element.output, "m")
    graph = StreamGraph("core", (element.source,), (sink,), {})
    return predict(graph, FRAMES).completions[-1] - 2


def formals_of(element: AveragePool) -> dict[str, int | bool | str]:
    """Return the generics of its entity but the tables."""
    lanes = str(element.output.lanes)
    actual = {knob.suffix: str(knob.default) for knob in knobs(element)}
    _, formals = instance(element, Context(actual, lanes, lanes, "tables"))
    tabled = {table.generic for table in tables(element)}
    return {formal: value for formal, value in formals.items() if formal not in tabled}


def _case(
    seed: int,
    shape: tuple[int, int, int],
    kernel: Kernel,
    lanes: int = 1,
    number: IntegerType = UINT8,
    pad_value: int = 0,
    depth: int = 8,
    extra: int = 0,
) -> Case:
    element = average_pool_of(Shape(*shape), kernel, lanes, number, pad_value, depth, extra, seed)

    def write(folder: Path) -> None:
        random = np.random.default_rng(seed + 100)
        x: IntArray = random_codes(random, (FRAMES, *shape), number.bits, number.signed)
        write_beats(folder / "input.txt", x, lanes, number.bits)
        write_beats(folder / "expected.txt", apply(element, x), lanes, number.bits)
        for table in tables(element):
            write_table(folder / f"{table.generic}.txt", table.values, table.bits)

    generics = formals_of(element)
    generics |= {"seed": seed, "last_edge": _last_edge(element)}
    size = f"{kernel.height}x{kernel.width}"
    return Case(f"{shape} {size}, {lanes} x {number}, depth {depth}+{extra}", generics, write)


CASES = (
    _case(1, (5, 4, 2), Kernel(3, 3, pad_top=1, pad_left=1, pad_bottom=1, pad_right=1)),
    _case(2, (6, 5, 4), Kernel(2, 3, 2, 2, pad_left=1, pad_right=2), 2, INT8, -7),
    _case(3, (4, 4, 3), Kernel(2, 2), 3, UINT8, 3),
    _case(4, (3, 3, 2), Kernel(4, 1, pad_top=3, pad_bottom=2), 1, UINT8, 9, 2),
    _case(5, (2, 6, 2), Kernel(2, 4, 1, 3, pad_top=1, pad_left=3), 2, IntegerType(5, True), 4),
    _case(6, (4, 3, 2), Kernel(1, 2, 2, 1, pad_right=1), 1, IntegerType(16, False), 500, 1, 7),
    _case(7, (5, 9, 4), Kernel(3, 3, pad_top=1, pad_left=1, pad_bottom=1, pad_right=1), 2, depth=9),
    _case(8, (7, 5, 1), Kernel(2, 2, 3, 3), 1, INT8, -128),
)
