"""Cases of ``float_mean_tb``: values from the interpreter, edges from the cycle model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from element_edges import output_edges_of
from harness import Case, random_codes, write_beats, write_table

from ir.average_proof import GoldenMean
from ir.elements import FloatMean, Input, Kernel, Shape, StreamType
from ir.float_mean import accumulator_of, float_sums, prove_float_mean
from ir.interpreter import apply
from ir.numbers import IntegerType, frozen_integers
from rtl.generics import Context, instance
from rtl.knobs import knobs
from rtl.tables import tables

FRAMES = 3
INT8, UINT8 = IntegerType(8, True), IntegerType(8, False)


def float_mean_of(
    shape: Shape,
    kernel: Kernel,
    lanes: int,
    number: IntegerType,
    scale: float,
    zero_point: int,
    ratio: float,
    depth: int,
    fewer: tuple[int, ...] = (),
) -> FloatMean:
    """Return the element of a mean of numbers of ``scale`` into codes of ``ratio`` times that.

    ``fewer``: other counts that sums are divided by in turns.
    """
    entering = np.float32(scale)
    golden = GoldenMean(
        entering,
        zero_point,
        np.float32(entering * ratio),
        number.minimum + 3,
        number,
        kernel.taps,
        np.array([*fewer, kernel.taps]),
        number.minimum,
        number.maximum,
    )
    sums = float_sums(golden, number)
    function, _ = prove_float_mean("dut", golden, sums)
    rows, columns = kernel.output_size(shape.height, shape.width)
    return FloatMean(
        name="dut",
        layer="",
        source=Input("source", "", "s", StreamType(shape, number, lanes), 0),
        output=StreamType(Shape(rows, columns, shape.channels), number, lanes),
        kernel=kernel,
        addends=sums.addends,
        accumulator=accumulator_of(sums, function),
        requantization=function,
        sets=frozen_integers(np.arange(rows * columns) * 7 % (len(fewer) + 1)),
        fifo_depth=depth,
    )


def formals_of(element: FloatMean) -> dict[str, int | bool | str]:
    """Return the generics of its entity but the tables."""
    lanes = str(element.output.lanes)
    actual = {knob.suffix: str(knob.default) for knob in knobs(element)}
    _, formals = instance(element, Context(actual, lanes, lanes, "tables"))
    tabled = {table.generic for table in tables(element)}
    return {formal: value for formal, value in formals.items() if formal not in tabled}


def _case(seed: int, name: str, element: FloatMean) -> Case:
    source, lanes = element.input, element.output.lanes
    edges = output_edges_of(element, FRAMES)

    def write(folder: Path) -> None:
        random = np.random.default_rng(seed)
        shape = (FRAMES, source.shape.height, source.shape.width, source.shape.channels)
        x = random_codes(random, shape, source.number.bits, source.number.signed)
        x[1, ..., 0], x[1, ..., -1] = source.number.minimum, source.number.maximum
        bits = element.output.number.bits
        write_beats(folder / "input.txt", x, lanes, source.number.bits)
        write_beats(folder / "expected.txt", apply(element, x), lanes, bits)
        (folder / "set_numbers.txt").write_text("")  # of one set there are none
        for table in tables(element):
            write_table(folder / f"{table.generic}.txt", table.values, table.bits)

    generics = formals_of(element)
    generics |= {"seed": seed, "first_edge": edges[0], "last_edge": edges[-1]}
    return Case(name, generics, write)


ELEMENTS = {
    "unsigned, a sum for each of 8 beats": float_mean_of(
        Shape(5, 5, 8), Kernel(4, 5, 4, 5), 1, UINT8, 0.0372913, 0, 0.7, 16
    ),
    "both signs, windows beside each other": float_mean_of(
        Shape(5, 7, 4), Kernel(2, 3, 2, 3), 2, UINT8, 0.51271, 117, 0.41, 16
    ),
    "signed codes, one sum": float_mean_of(
        Shape(7, 3, 2), Kernel(3, 3, 4, 5), 2, INT8, 1.77e-5, -3, 1.0, 2
    ),
    "sums below zero": float_mean_of(
        Shape(4, 4, 3), Kernel(2, 2, 2, 2), 1, UINT8, 0.00911, 255, 0.5, 1
    ),
    "few bits, exact sums": float_mean_of(
        Shape(6, 2, 4), Kernel(3, 1, 3, 1), 4, IntegerType(4, True), 0.375, 2, 1.0, 16
    ),
    "three counts": float_mean_of(
        Shape(5, 7, 4), Kernel(2, 2, 2, 2), 2, UINT8, 0.0213, 99, 0.5, 17, (1, 2)
    ),
    "two counts, all channels": float_mean_of(
        Shape(4, 4, 3), Kernel(2, 4, 2, 4), 3, INT8, 0.3, 0, 0.5, 17, (6,)
    ),
    "no pixels to add": float_mean_of(Shape(2, 3, 6), Kernel(1, 1, 1, 2), 1, UINT8, 0.3, 9, 1.3, 5),
    "one code": float_mean_of(Shape(2, 2, 1), Kernel(2, 2, 2, 2), 1, UINT8, 0.01, 0, 1e5, 2),
}
CASES = tuple(
    _case(seed, name, element) for seed, (name, element) in enumerate(ELEMENTS.items(), start=1)
)
