"""Events and cycles of max pools: two sliding maxima, along the row and down the columns."""

from __future__ import annotations

import numpy as np

from ir import timing
from ir.cycles.system import EventSystem, element_events, gated
from ir.elements import Kernel, MaxPool, Shape
from ir.maxplus import EventList


@element_events.register
def _max_pool(element: MaxPool, system: EventSystem) -> None:
    source = system.streams[id(element.source)]
    stream = element.source.output
    system.streams[id(element)] = pool_events(
        system, source, element.kernel, stream.shape, stream.lanes, element.fifo_depth
    )


def pool_events(
    system: EventSystem, source: EventList, kernel: Kernel, shape: Shape, lanes: int, depth: int
) -> EventList:
    """Add a max pool behind ``source``, a map of ``shape``; return its output's transfers."""
    rows, columns = kernel.output_size(shape.height, shape.width)
    inner = shape.channels // lanes
    across = _sliding_maximum(
        system,
        source,
        shape.width,
        kernel.width,
        kernel.stride_width,
        kernel.pad_left,
        columns,
        inner,
        depth,
    )
    return _sliding_maximum(
        system,
        across,
        shape.height,
        kernel.height,
        kernel.stride_height,
        kernel.pad_top,
        rows,
        columns * inner,
        depth,
    )


def _sliding_maximum(
    system: EventSystem,
    source: EventList,
    length: int,
    kernel: int,
    stride: int,
    pad: int,
    windows: int,
    inner: int,
    depth: int,
) -> EventList:
    ends = np.arange(windows) * stride - pad + kernel - 1
    positions = max(length, int(ends[-1]) + 1)
    outers = source.count // (length * inner)
    steps = system.events(outers * positions * inner)
    numbers = np.arange(steps.count).reshape(outers, positions, inner)
    source.together(steps, numbers[:, :length].reshape(-1))
    yields = numbers[:, ends].reshape(-1)
    return gated(system, steps, yields, timing.sliding_maximum_latency(kernel), depth)


def pool_cycles(kernel: Kernel, shape: Shape, lanes: int) -> tuple[int, int]:
    """Return the steps per frame of the two passes of a max pool, flush steps included."""
    rows, columns = kernel.output_size(shape.height, shape.width)
    inner = shape.channels // lanes
    across = max(shape.width, (columns - 1) * kernel.stride_width - kernel.pad_left + kernel.width)
    down = max(shape.height, (rows - 1) * kernel.stride_height - kernel.pad_top + kernel.height)
    return shape.height * across * inner, down * columns * inner
