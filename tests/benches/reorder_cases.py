"""Cases of ``reorder_tb``: values from the interpreter, edges from the cycle model."""

from __future__ import annotations

from math import prod
from pathlib import Path

import numpy as np
from harness import Case, IntArray, random_codes, write_beats

from ir.cycles import predict
from ir.elements import Input, Loop, Output, Reorder, Shape, StreamType
from ir.graph import StreamGraph
from ir.interpreter import apply
from ir.numbers import IntegerType

FRAMES = 3
MOST_LOOPS = 5


def _element(
    shape: Shape,
    block: int,
    loops: tuple[Loop, ...],
    lanes: int,
    bits: int,
    depth: int,
    extra: int,
    edges: bool,
) -> Reorder:
    number = IntegerType(bits, False)
    source = Input("source", "", "s", StreamType(shape, number, lanes), 0)
    values = (shape.size // block + 2 * edges) * prod(loop.count for loop in loops)
    output = StreamType(Shape(1, values // lanes, lanes), number, lanes)
    return Reorder("dut", "", source, output, block, loops, depth, extra, edges)


def _last_edge(element: Reorder) -> int:
    """Return the edge of the last output beat; the core's two AXI FIFOs add one edge each."""
    assert isinstance(element.source, Input)
    sink = Output("sink", "", element, element.output, "m")
    graph = StreamGraph("core", (element.source,), (sink,), {})
    return predict(graph, FRAMES).completions[-1] - 2


def _case(
    name: str,
    seed: int,
    shape: tuple[int, int, int],
    block: int,
    loops: tuple[tuple[int, int] | tuple[int, int, bool], ...],
    lanes: int = 1,
    bits: int = 8,
    depth: int = 4,
    extra: int = 0,
    edges: bool = False,
) -> Case:
    nest = tuple(Loop(*loop) for loop in loops)
    element = _element(Shape(*shape), block, nest, lanes, bits, depth, extra, edges)

    def write(folder: Path) -> None:
        size = (FRAMES, *shape)
        x: IntArray = random_codes(np.random.default_rng(seed), size, bits, signed=False)
        write_beats(folder / "input.txt", x, lanes, bits)
        write_beats(folder / "expected.txt", apply(element, x), lanes, bits)

    filled = (*nest, *[Loop(1, 0)] * (MOST_LOOPS - len(loops)))
    generics: dict[str, int | bool | str] = {
        "seed": seed,
        "bits": bits,
        "lanes": lanes,
        "block_size": block,
        "loops": len(loops),
        **{f"count_{level}": loop.count for level, loop in enumerate(filled)},
        **{f"stride_{level}": loop.stride for level, loop in enumerate(filled)},
        "clamped": sum(loop.clamped << level for level, loop in enumerate(filled)),
        "blocks": len(element.rounds),
        "edges": edges,
        "extra_blocks": extra,
        "fifo_depth": depth,
        "last_edge": _last_edge(element),
    }
    return Case(name, generics, write)


CASES = (
    _case("rows twice, columns twice", 1, (3, 4, 2), 8, ((2, 0), (4, 2), (2, 0), (2, 1)), 2),
    _case("pixel shuffle", 2, (2, 3, 8), 24, ((2, 4), (3, 8), (4, 1)), 2),
    _case("pixel shuffle, channel slowest", 3, (2, 3, 8), 24, ((2, 2), (3, 8), (2, 1), (2, 4))),
    _case("transposed", 4, (3, 4, 2), 24, ((4, 2), (3, 8), (2, 1)), 1, 5),
    _case("channels first", 5, (3, 2, 4), 24, ((4, 1), (6, 4))),
    _case("unchanged", 6, (2, 2, 6), 6, ((6, 1),), 3),
    _case("one word, repeated", 7, (2, 2, 4), 4, ((5, 0), (4, 1)), 4),
    _case("every other value", 8, (2, 2, 6), 6, ((3, 2),)),
    _case("five loops", 9, (4, 4, 2), 32, ((2, 16), (2, 4), (2, 8), (2, 2), (2, 1)), 2, 1),
    _case("extra blocks", 10, (6, 2, 2), 4, ((2, 0), (4, 1)), 2, 16, 4, 2),
    _case("shallow FIFO", 11, (3, 2, 2), 4, ((2, 2), (2, 1)), 1, 8, 2),
    _case("FIFO of one", 12, (3, 2, 2), 4, ((2, 2), (2, 1)), 2, 8, 1),
    _case("one value", 13, (3, 1, 1), 1, ((1, 0),)),
    _case("edges", 14, (3, 4, 2), 8, ((6, 2, True), (2, 1)), 2, edges=True),
    _case("edges of one row", 15, (1, 3, 2), 6, ((5, 2, True), (2, 1)), edges=True),
    _case("edges of one column", 16, (4, 1, 3), 3, ((3, 3, True), (3, 1)), 3, edges=True),
    _case("edges of two pixels", 17, (2, 2, 1), 2, ((4, 1, True),), 1, 5, 2, 1, True),
    _case("edges of columns only", 18, (3, 3, 1), 3, ((5, 1, True), (2, 0)), 1, 8, 1),
    _case("edges of rows only", 19, (3, 2, 2), 4, ((4, 1),), 2, edges=True),
)
