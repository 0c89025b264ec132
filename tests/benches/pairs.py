"""What the benches of elements that read pairs of beats have in common."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from harness import Case, random_codes, write_beats
from stream_timing import Stage, Step, output_edges

from ir.elements import Input, Pairwise, Shape, StreamType
from ir.interpreter import apply
from ir.numbers import IntegerType
from ir.timing import pairwise_latency

PIXELS = 20

INT8, UINT8 = IntegerType(8, True), IntegerType(8, False)


def streams(
    a: IntegerType, b: IntegerType, output: IntegerType, lanes: int
) -> tuple[tuple[Input, Input], StreamType]:
    """Return the sources and the output type of an element."""
    first, second, y = (
        StreamType(Shape(1, PIXELS, lanes), number, lanes) for number in (a, b, output)
    )
    return (Input("a", "", "a", first, 0), Input("b", "", "b", second, 0)), y


def number_generics(element: Pairwise) -> dict[str, int | bool | str]:
    """Return the generics of the types of both streams and of the output."""
    numbers = [source.output.number for source in element.sources]
    return {
        "input_a_bits": numbers[0].bits,
        "input_a_signed": numbers[0].signed,
        "input_b_bits": numbers[1].bits,
        "input_b_signed": numbers[1].signed,
        "output_bits": element.output.number.bits,
        "output_signed": element.output.number.signed,
    }


def case_of(
    name: str,
    seed: int,
    element: Pairwise,
    generics: Mapping[str, int | bool | str],
    write_more: Callable[[Path], None] | None = None,
) -> Case:
    """Return a case on random pairs; ``write_more`` writes what else the bench reads."""
    numbers = [source.output.number for source in element.sources]
    lanes = element.output.lanes
    steps = [Step(takes=True, yields=True)] * PIXELS
    edges = output_edges([Stage(steps, pairwise_latency(element), element.fifo_depth)])

    def write(folder: Path) -> None:
        random = np.random.default_rng(seed)
        shape = (1, 1, PIXELS, lanes)
        a, b = (random_codes(random, shape, number.bits, number.signed) for number in numbers)
        write_beats(folder / "input.txt", a, lanes, numbers[0].bits)
        write_beats(folder / "input_b.txt", b, lanes, numbers[1].bits)
        output = element.output.number
        write_beats(folder / "expected.txt", apply(element, a, b), lanes, output.bits)
        if write_more is not None:
            write_more(folder)

    common: dict[str, int | bool | str] = {
        "seed": seed,
        "lanes": lanes,
        "fifo_depth": element.fifo_depth,
        "first_edge": edges[0],
        "last_edge": edges[-1],
    }
    return Case(name, {**generics, **common}, write)
