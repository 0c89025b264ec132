"""The resource model: rules of the tool are exact, and what is fitted is near what was counted."""

from __future__ import annotations

import ast
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import get_args

import numpy as np
import pytest

import ir.resources
from frontend.compiler import compile_model
from ir import elements
from ir.elements import ALONE, Fork, Input
from ir.resources import Resources, estimate, parts_of
from ir.resources.memory import Mapping, distributed_ram, ram, rom
from ir.resources.part import coefficients
from ir.resources.products import dsps
from ir.resources.tables import different_columns
from rtl import write_vhdl
from sim.resources import count_cells, count_element, count_entities, resources
from sim.synthesis import synthesize
from tools.fit_resources import estimate_sample
from tools.resource_grid import GRID, Sample
from tools.resource_grid.random_elements import kernel, processing
from zoo.catalogue import MODELS

ELEMENTS = {kind for union in get_args(elements.Element) for kind in get_args(union) or (union,)}

COUNTED = {
    ("stream_fifo", 4): Resources(lut=11, lut_memory=12, ff=8),
    ("stream_fifo", 16): Resources(lut=65, lut_memory=12, ff=94, bram18=1),
    ("stream_fifo", 21): Resources(lut=83, lut_memory=12, ff=106, bram18=2),
    ("stream_fifo", 22): Resources(lut=136, lut_memory=24, ff=160, bram18=6),
    ("window", 0): Resources(lut=85, lut_memory=24, ff=81),
    ("window", 6): Resources(lut=142, ff=150, bram18=1),
    ("window", 10): Resources(lut=171, ff=170, bram18=2),
    ("pixel_window", 0): Resources(lut=21, lut_memory=8, ff=30),
    ("pixel_window", 7): Resources(lut=18, ff=26, bram18=1),
    ("window", 16): Resources(lut=76, ff=75, bram18=2),
    ("matrix_vector", 0): Resources(lut=4, lut_memory=2, ff=22, dsp=1, bram18=1),
    ("matrix_vector", 2): Resources(lut=414, lut_memory=10, ff=445, dsp=16),
    ("matrix_vector", 11): Resources(lut=878, lut_memory=5, ff=658, dsp=8),
    ("requantize", 2): Resources(lut=67, ff=103, dsp=2),
    ("serial_requantize", 1): Resources(lut=71, ff=107),
    ("serial_requantize", 6): Resources(lut=70, ff=154),
    ("serializer", 1): Resources(lut=23, ff=104),
    ("depthwise_vector", 4): Resources(lut=434, lut_memory=2, ff=34, dsp=2),
    ("lookup", 0): Resources(lut=32, ff=9),
    ("lookup", 7): Resources(lut=0, ff=1, bram18=2),
    ("lane_maxima", 4): Resources(lut=588, ff=370),
    ("concatenate", 3): Resources(lut=144, lut_memory=44, ff=10),
    ("softmax", 1): Resources(lut=1425, lut_memory=88, ff=961),
    ("layer_normalization", 2): Resources(lut=571, lut_memory=104, ff=746, dsp=8, bram18=1),
    ("dot_product", 1): Resources(lut=109, lut_memory=9, ff=149, dsp=5),
    ("border", 4): Resources(lut=93, lut_memory=48, ff=30),
    ("cluster_sums", 6): Resources(lut=5, lut_memory=17, ff=187, dsp=16),
    ("merge", 4): Resources(lut=67, lut_memory=12, ff=100, dsp=4),
    ("reorder", 3): Resources(lut=59, lut_memory=44, ff=128, bram18=2),
    ("float_mean", 1): Resources(lut=349, lut_memory=92, ff=526),
}
"""By entity and number in its grid, what GHDL 2.0 and yosys 0.70 made of it."""

WORST = 0.15
"""Relative error of the LUTs and flip-flops of these configurations."""

WORST_OF_ALL = 0.2
"""Of the LUTs of a network: what is together is mapped otherwise than alone."""

FEW = 8
"""So many cells more or less are no error."""


@cache
def grid(entity: str) -> tuple[Sample, ...]:
    return tuple(GRID[entity]())


@pytest.mark.parametrize(("entity", "number"), COUNTED)
def test_estimates_are_near_the_counts(entity: str, number: int) -> None:
    counted = COUNTED[entity, number]
    estimated = estimate_sample(grid(entity)[number])
    assert (estimated.dsp, estimated.bram18) == (counted.dsp, counted.bram18)
    assert estimated.lut == pytest.approx(counted.lut, rel=WORST, abs=FEW)
    assert estimated.ff == pytest.approx(counted.ff, rel=WORST, abs=FEW)


def test_the_counts_are_those_of_the_tools() -> None:
    pinned = [("stream_fifo", 4), ("requantize", 2), ("serializer", 1)]
    counted = count_entities([grid(entity)[number].design for entity, number in pinned])
    assert counted == [COUNTED[place] for place in pinned]


def test_a_processing_element_is_the_sum_of_its_parts() -> None:
    element = processing((6, 6, 2), 4, kernel(3), 2, 1, 1, fifo_depth=8)
    counted, estimated = count_element(element), estimate(element)
    assert (estimated.dsp, estimated.bram18) == (counted.dsp, counted.bram18)
    assert estimated.lut == pytest.approx(counted.lut, rel=WORST)
    assert estimated.ff == pytest.approx(counted.ff, rel=WORST)


@pytest.mark.long
def test_a_whole_network_is_the_sum_of_its_elements(tmp_path: Path) -> None:
    graph = compile_model(MODELS / "digits_cnn.h5").graph
    netlist = synthesize(graph.name, write_vhdl(graph, tmp_path))
    counted = resources(count_cells([netlist], graph.name)[0])
    estimated = sum((estimate(element) for element in graph), Resources())
    assert (estimated.dsp, estimated.bram18) == (counted.dsp, counted.bram18)
    assert estimated.lut == pytest.approx(counted.lut, rel=WORST_OF_ALL)
    assert estimated.ff == pytest.approx(counted.ff, rel=WORST)


@pytest.mark.parametrize("groups", [1, 2, 4])
@pytest.mark.parametrize("taps", [3, 9])
def test_several_taps_are_as_many_multipliers(groups: int, taps: int) -> None:
    """The multipliers of the element itself, and one for each requantized lane."""
    one = processing((6, 6, 4), 4, kernel(3), 4 // groups, 4 // groups, 1, groups=groups)
    several = replace(one, taps=taps, simd=taps * 4 // groups, sharing=ALONE)
    assert estimate(several).dsp == several.multipliers + 1
    assert estimate(several).ff > estimate(one).ff


PLUMBING = {
    "Fifo": "stream_fifo",
    "WidthConverter": "width_converter",
    "Fork": "stream_fork",
    "Input": "axis_input",
    "Output": "axis_output",
    "MaxPool": "max_pool",
    "Reshape": "",
}
"""Elements that are fitted as entities with generics; a Reshape is wires."""


def test_each_element_is_fitted() -> None:
    """Whatever the compiler may place is in the grid, as an element or as its entity."""
    samples = [sample for entity in GRID for sample in grid(entity)]
    kinds = {sample.kind for sample in samples}
    entities = {sample.design[0] for sample in samples} | {""}
    missing = {kind.__name__ for kind in ELEMENTS - kinds}
    assert missing <= PLUMBING.keys()
    assert {PLUMBING[kind] for kind in missing} <= entities


def test_each_part_is_fitted() -> None:
    """No formula has sizes that count once each because nobody looked."""
    named = {
        node.args[0].value
        for path in Path(ir.resources.__file__).parent.glob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Part"
        if isinstance(node.args[0], ast.Constant)
    }
    assert len(named) > 30
    assert named <= coefficients().keys()


@pytest.mark.parametrize("kind", sorted(ELEMENTS - {Fork}, key=lambda kind: kind.__name__))
def test_each_element_has_a_formula(kind: type) -> None:
    assert parts_of.dispatch(kind) is not parts_of.dispatch(object)


def test_a_fork_costs_by_its_readers() -> None:
    source = processing((4, 4, 2), 2, kernel(1), 1, 1).source
    assert isinstance(source, Input)
    fork = Fork("fork", "fork", source, source.output)
    assert estimate(fork, 4).lut > estimate(fork, 2).lut


def test_coefficients_belong_to_sizes() -> None:
    sizes: dict[str, set[str]] = {}
    for build in GRID.values():
        for part in (part for sample in build() for part in sample.parts):
            sizes.setdefault(part.entity, set()).update(part.lut, part.ff)
    for entity, fitted in coefficients().items():
        assert {*fitted["lut"], *fitted["ff"]} <= sizes[entity], entity


@pytest.mark.parametrize(
    ("first", "second", "used"),
    [
        (4, 4, 0),
        (5, 4, 1),
        (1, 20, 0),
        (9, 8, 1),
        (25, 18, 1),
        (26, 18, 2),
        (22, 20, 2),
        (8, 43, 3),
    ],
)
def test_products_are_cut_as_the_tool_cuts_them(first: int, second: int, used: int) -> None:
    assert dsps(first, second) == dsps(second, first) == used


@pytest.mark.parametrize(
    ("found", "bram18", "luts", "rows"),
    [
        (rom(256, 32), 0, 0, 1),  # 8192 bits: a LUT6 holds 64
        (rom(259, 32), 1, 0, 1),
        (rom(2048, 8), 1, 0, 1),
        (rom(4096, 8), 2, 0, 1),
        (ram(84, 8), 0, 24, 3),
        (ram(1000, 8), 1, 0, 1),
        (ram(3000, 32), 6, 0, 3),
        (distributed_ram(3, 16), 0, 12, 1),
        (distributed_ram(200, 16), 0, 96, 4),
    ],
)
def test_memories_go_where_the_tool_puts_them(
    found: Mapping, bram18: int, luts: int, rows: int
) -> None:
    assert (found.bram18, found.luts, found.rows) == (bram18, luts, rows)


def test_equal_columns_and_constants_are_no_tables() -> None:
    assert different_columns(np.array([[5, 1], [4, 0], [5, 1]]), 3) == 1


@pytest.mark.parametrize(("words", "expected"), [(1, 0), (3, 6), (40, 1 << 15), (65, 1 << 15)])
def test_columns_of_wide_tables_are_as_different_as_they_can_be(words: int, expected: int) -> None:
    assert different_columns(np.ones((words, 1 << 12), np.int64), 8) == expected
