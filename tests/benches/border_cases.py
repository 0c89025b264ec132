"""Cases of ``border_tb``: values from the interpreter, edges from the cycle model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from harness import Case, IntArray, random_codes, write_beats

from ir.cycles import predict
from ir.elements import Border, Input, Output, Shape, StreamType
from ir.graph import StreamGraph
from ir.interpreter import apply
from ir.numbers import IntegerType

FRAMES = 3


def _last_edge(element: Border) -> int:
    """Return the edge of the last output beat; the core's two AXI FIFOs add one edge each."""
    assert isinstance(element.source, Input)
    sink = Output("sink", "", element, element.output, "m")
    graph = StreamGraph("core", (element.source,), (sink,), {})
    return predict(graph, FRAMES).completions[-1] - 2


def _case(
    seed: int,
    shape: tuple[int, int, int],
    sides: tuple[int, int, int, int],
    lanes: int = 1,
    bits: int = 8,
    pad_value: int = 0,
    depth: int = 2,
    extra: int = 0,
) -> Case:
    height, width, channels = shape
    top, left, bottom, right = sides
    number = IntegerType(bits, False)
    source = Input("source", "", "s", StreamType(Shape(*shape), number, lanes), 0)
    size = Shape(height + top + bottom, width + left + right, channels)
    output = StreamType(size, number, lanes)
    element = Border("dut", "", source, output, *sides, pad_value, depth, extra)

    def write(folder: Path) -> None:
        x: IntArray = random_codes(
            np.random.default_rng(seed), (FRAMES, *shape), bits, signed=False
        )
        write_beats(folder / "input.txt", x, lanes, bits)
        write_beats(folder / "expected.txt", apply(element, x), lanes, bits)

    generics: dict[str, int | bool | str] = {
        "seed": seed,
        "bits": bits,
        "lanes": lanes,
        "height": height,
        "width": width,
        "channels": channels,
        "top": top,
        "left": left,
        "bottom": bottom,
        "right": right,
        "pad_value": pad_value,
        "extra_beats": extra,
        "fifo_depth": depth,
        "last_edge": _last_edge(element),
    }
    return Case(f"{shape} {sides}, {lanes} x {bits}, depth {depth}, {extra} more", generics, write)


CASES = (
    _case(1, (3, 4, 2), (1, 2, 2, 1), 1, 8, 200),
    _case(2, (4, 5, 4), (-1, -2, -1, -1), 2),
    _case(3, (3, 4, 2), (2, -1, -1, 3), 2, 5, 17),
    _case(4, (2, 3, 3), (0, 0, 0, 0), 3),
    _case(5, (1, 1, 1), (2, 0, 0, 2), 1, 1, 1, 3, 4),
    _case(6, (3, 3, 2), (0, 3, 0, 0), 1, 16, 40_000, 1),
    _case(7, (1, 6, 4), (0, -2, 0, 1), 4, 8, 3, 2, 1),
    _case(8, (5, 2, 1), (-4, 0, 0, -1)),
)
