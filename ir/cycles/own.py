"""Cycles per frame that an element needs by itself, when nothing keeps it waiting."""

from __future__ import annotations

from collections.abc import Iterator
from functools import singledispatch

from ir import timing
from ir.cycles.parallel import parallel_cycles
from ir.cycles.pools import pool_cycles
from ir.elements import (
    AveragePool,
    Border,
    Element,
    FloatMean,
    GlobalAverage,
    Input,
    MaxPool,
    ProcessingElement,
    input_lanes,
    sources,
)


def own_cycles(element: Element) -> int:
    """Return the cycles per frame that ``element`` needs when nothing keeps it waiting."""
    return max(_own_cycles(element))


def _own_cycles(element: Element) -> Iterator[int]:
    yield element.output.beats
    if not isinstance(element, Input):
        for source in sources(element):
            yield source.output.shape.size // input_lanes(element, source)
    yield from working_cycles(element)


@singledispatch
def working_cycles(element: Element) -> Iterator[int]:
    """Yield the cycles of each unit inside ``element`` that may need more than its ports."""
    del element
    yield from ()


@working_cycles.register
def _processing_element(element: ProcessingElement) -> Iterator[int]:
    shape = element.window_positions
    yield shape.pixels * element.folds * element.group_edges
    if element.taps > 1:
        yield parallel_cycles(element)
    if element.pool is not None:
        yield from pool_cycles(element.pool, shape, element.output.lanes)


@working_cycles.register
def _global_average(element: GlobalAverage) -> Iterator[int]:
    beats, edges = element.output.beats, element.beat_edges
    yield element.source.output.beats + (beats - 1) * (edges - 1)
    yield beats * edges


@working_cycles.register
def _pool(element: MaxPool | AveragePool) -> Iterator[int]:
    yield from pool_cycles(element.kernel, element.source.output.shape, element.output.lanes)


@working_cycles.register
def _float_mean(element: FloatMean) -> Iterator[int]:
    folds = element.output.shape.channels // element.output.lanes
    yield element.input.shape.pixels * (folds - 1 + timing.float_mean_pause(folds))


@working_cycles.register
def _border(element: Border) -> Iterator[int]:
    rows, columns = element.walk
    yield rows * columns * element.output.shape.channels // element.output.lanes
