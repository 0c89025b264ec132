"""Cases of ``adder_chain_tb``: random datapaths behind a FIFO, edges edge by edge."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from adder_graph_cases import (
    BEATS,
    INT8,
    UINT8,
    Adders,
    datapath_of,
    generics_of,
    inputs_of,
    write_case,
)
from harness import Case
from stream_timing import Stage, Step, output_edges

from ir.datapath import Datapath, Lane
from ir.numbers import IntegerType

WIDEST = 16
"""Bits of a code."""


def _limited(datapath: Datapath) -> Datapath:
    """Return ``datapath`` with lanes that are codes."""
    numbers = datapath.numbers()
    lanes = tuple(
        Lane(lane.node)
        if lane.node >= 0 and not numbers[lane.node].signed and numbers[lane.node].bits < WIDEST
        else Lane(-1)
        for lane in datapath.lanes
    )
    return replace(datapath, lanes=lanes)


def _case(seed: int, adders: Adders, depth: int) -> Case:
    random = np.random.default_rng(seed)
    datapath = _limited(datapath_of(adders, random))
    x = inputs_of(datapath, random)
    steps = [Step(takes=True, yields=True)] * BEATS
    edges = output_edges([Stage(steps, datapath.stages, depth)])
    generics = generics_of(datapath) | {
        "seed": seed,
        "fifo_depth": depth,
        "first_edge": edges[0],
        "last_edge": edges[-1],
    }
    shape = f"{adders.inputs} inputs, {adders.operations} operations, {datapath.stages} stages"
    name = f"{adders.number}, {shape}, FIFO of {depth}"
    return Case(name, generics, lambda folder: write_case(folder, datapath, x))


CASES = tuple(
    _case(seed, replace(adders, registers_lanes=False), depth)
    for seed, (adders, depth) in enumerate(
        (
            (Adders(UINT8, 4, 12, 3, 1), 12),
            (Adders(INT8, 5, 24, 4, 2, base=-128), 9),
            (Adders(UINT8, 3, 20, 3, 40, base=7), 2),
            (Adders(UINT8, 3, 20, 3, 40), 1),
            (Adders(UINT8, 6, 30, 7, 3), 3),
            (Adders(IntegerType(4, True), 3, 0, 3, 1), 2),
            (Adders(IntegerType(1, False), 6, 10, 5, 1), 20),
        ),
        start=1,
    )
)
