"""Whole networks: interpreter == GHDL with stalls, cycles as predicted, faults diagnosed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ir.cycles import predict
from ir.elements import Kernel, Shape
from ir.graph import StreamGraph
from ir.interpreter import evaluate
from ir.numbers import IntArray, IntegerType
from sim import SimulationOptions, SimulationResult, simulate
from tests.stream_graphs import INT8, UINT8, Chain

FRAMES = 4
SAME = {"pad_top": 1, "pad_left": 1, "pad_bottom": 1, "pad_right": 1}


def uint(bits: int) -> IntegerType:
    return IntegerType(bits, False)


def sint(bits: int) -> IntegerType:
    return IntegerType(bits, True)


def lenet_like() -> Chain:
    chain = Chain(Shape(8, 8, 1))
    chain.conv(4, Kernel(3, 3, **SAME), pe=2, pool=Kernel(2, 2, 2, 2))
    chain.conv(6, Kernel(3, 3), pe=3, simd=2).dense(5, pe=5, simd=4, output=INT8)
    return chain


NETWORKS: dict[str, Callable[[], Chain]] = {
    "lenet_like": lenet_like,
    "stride_2_same_asymmetric": lambda: Chain(Shape(6, 6, 3), lanes=3).conv(
        4, Kernel(3, 3, 2, 2, pad_bottom=1, pad_right=1), pe=4, simd=3
    ),
    "dilated_signed": lambda: Chain(Shape(7, 9, 2), sint(8)).conv(
        3, Kernel(3, 2, 1, 2, 2, 3, 2, 1, 0, 2), simd=2, output=sint(8)
    ),
    "one_bit": lambda: Chain(Shape(5, 6, 4), uint(1), lanes=2)
    .conv(4, Kernel(2, 2), pe=2, simd=4, weight=sint(2), output=uint(1), steps=True)
    .conv(3, Kernel(1, 1), weight=uint(1), output=sint(3), steps=True),
    "three_bits": lambda: Chain(Shape(4, 5, 6), sint(3), lanes=3)
    .conv(6, Kernel(3, 3, **SAME), pe=6, simd=2, weight=sint(3), output=sint(3), steps=True)
    .conv(2, Kernel(2, 3), simd=6, weight=sint(3), output=uint(3)),
    "twelve_bits": lambda: Chain(Shape(4, 4, 2), sint(12))
    .conv(4, Kernel(3, 3, **SAME), pe=2, weight=sint(12), output=uint(12))
    .conv(2, Kernel(1, 1, 2, 2), weight=sint(12), output=sint(12)),
    "sixteen_bits": lambda: Chain(Shape(3, 4, 2), uint(16), lanes=2)
    .conv(3, Kernel(2, 2), pe=3, simd=2, weight=sint(16), output=sint(16))
    .dense(2, output=uint(16)),
    "table_and_pool": lambda: Chain(Shape(7, 7, 2)).conv(
        4, Kernel(2, 2), pe=2, simd=2, table=True, output=INT8, pool=Kernel(3, 3, 2, 2, **SAME)
    ),
    "pools_and_averages": lambda: Chain(Shape(6, 7, 4), INT8, lanes=2)
    .pool(Kernel(3, 2, 2, 1, pad_top=1), lanes=2)
    .affine(INT8, lanes=4)
    .lookup(UINT8, lanes=2)
    .fifo(5)
    .average(INT8)
    .arg_max(),
    "shallow_fifos": lambda: Chain(Shape(5, 5, 2))
    .conv(4, Kernel(2, 2), pe=4, simd=1, fifo_depth=1, pool_fifo_depth=1, pool=Kernel(2, 2))
    .conv(2, Kernel(1, 1), simd=4, fifo_depth=1),
    "dense_only": lambda: Chain(Shape(1, 1, 24), lanes=4)
    .dense(12, pe=3, simd=8)
    .dense(6, pe=6, simd=12)
    .dense(1, simd=2, output=sint(8)),
    "one_pixel": lambda: Chain(Shape(1, 1, 1)).conv(1, Kernel(1, 1)),
    "kernel_larger_than_stride_skips_pixels": lambda: Chain(Shape(7, 8, 1)).conv(
        2, Kernel(1, 2, 3, 3), pe=2
    ),
}


def run(
    chain: Chain, folder: Path, options: SimulationOptions | None = None
) -> tuple[StreamGraph, SimulationResult]:
    graph = chain.graph()
    inputs = {"s_axis": chain.frames(FRAMES)}
    expected = evaluate(graph, inputs)
    return graph, simulate(graph, inputs, expected, folder, options or SimulationOptions())


@pytest.mark.parametrize("name", NETWORKS)
def test_network_equals_interpreter_and_prediction(name: str, tmp_path: Path) -> None:
    graph, result = run(NETWORKS[name](), tmp_path)
    assert result.passed, result.fault
    # The timed phase and the stalled one, and what came before the reset in mid-frame
    output = graph.outputs[0]
    assert result.values_checked[output.name] >= 2 * FRAMES * output.output.shape.size
    assert result.completions == predict(graph, FRAMES).completions
