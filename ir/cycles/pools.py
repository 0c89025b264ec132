"""Events and cycles of pools: two sliding maxima or sums, along the rows and down the columns."""

from __future__ import annotations

import numpy as np

from ir import timing
from ir.cycles.system import EventSystem, element_events, gated
from ir.elements import AveragePool, FloatMean, Kernel, MaxPool, Shape
from ir.maxplus import EventList


@element_events.register
def _max_pool(element: MaxPool, system: EventSystem) -> None:
    source = system.streams[id(element.source)]
    stream = element.source.output
    depths = element.row_depth, element.fifo_depth
    system.streams[id(element)] = pool_events(
        system, source, element.kernel, stream.shape, stream.lanes, depths
    )


@element_events.register
def _average_pool(element: AveragePool, system: EventSystem) -> None:
    source = system.streams[id(element.source)]
    stream = element.source.output
    latencies = timing.SLIDING_SUM_LATENCY, timing.AVERAGE_POOL_LATENCY
    depths = element.row_depth, element.fifo_depth
    system.streams[id(element)] = _two_passes(
        system, source, element.kernel, stream.shape, stream.lanes, latencies, depths
    )


@element_events.register
def _float_mean(element: FloatMean, system: EventSystem) -> None:
    source, stream = system.streams[id(element.source)], element.input
    shape, kernel, output = stream.shape, element.kernel, element.output.shape
    folds = shape.channels // stream.lanes
    steps = np.arange(source.count).reshape(shape.height, shape.width, folds)
    first = steps[:, :, 0].reshape(-1)
    source.after(source, system.only(source, first, first - 1), timing.float_mean_pause(folds))
    rows = np.arange(output.height) * kernel.stride_height + kernel.height - 1
    columns = np.arange(output.width) * kernel.stride_width + kernel.width - 1
    yields = steps[np.ix_(rows, columns)].reshape(-1)
    latency = timing.float_mean_latency(element)
    system.streams[id(element)] = gated(system, source, yields, latency, element.fifo_depth)


def pool_events(
    system: EventSystem,
    source: EventList,
    kernel: Kernel,
    shape: Shape,
    lanes: int,
    depths: tuple[int, int],
) -> EventList:
    """Add a max pool behind ``source``, a map of ``shape``; return its output's transfers.

    ``depths``: of the FIFOs behind the rows and behind the columns.
    """
    latencies = (
        timing.sliding_maximum_latency(kernel.width),
        timing.sliding_maximum_latency(kernel.height),
    )
    return _two_passes(system, source, kernel, shape, lanes, latencies, depths)


def _two_passes(
    system: EventSystem,
    source: EventList,
    kernel: Kernel,
    shape: Shape,
    lanes: int,
    latencies: tuple[int, int],
    depths: tuple[int, int],
) -> EventList:
    """``latencies``, from a step to its push, and FIFOs: along the rows and down the columns."""
    rows, columns = kernel.output_size(shape.height, shape.width)
    inner = shape.channels // lanes
    across = _sliding(
        system,
        source,
        shape.width,
        kernel.width,
        kernel.stride_width,
        kernel.pad_left,
        columns,
        inner,
        latencies[0],
        depths[0],
    )
    return _sliding(
        system,
        across,
        shape.height,
        kernel.height,
        kernel.stride_height,
        kernel.pad_top,
        rows,
        columns * inner,
        latencies[1],
        depths[1],
    )


def _sliding(
    system: EventSystem,
    source: EventList,
    length: int,
    kernel: int,
    stride: int,
    pad: int,
    windows: int,
    inner: int,
    latency: int,
    depth: int,
) -> EventList:
    """Add the steps of `sliding_steps` behind ``source``; return the transfers of its results."""
    ends = np.arange(windows) * stride - pad + kernel - 1
    positions = max(length, int(ends[-1]) + 1)
    outers = source.count // (length * inner)
    steps = system.events(outers * positions * inner)
    numbers = np.arange(steps.count).reshape(outers, positions, inner)
    source.together(steps, numbers[:, :length].reshape(-1))
    yields = numbers[:, ends].reshape(-1)
    return gated(system, steps, yields, latency, depth)


def pool_cycles(kernel: Kernel, shape: Shape, lanes: int) -> tuple[int, int]:
    """Return the steps per frame of the two passes of a pool, flush steps included."""
    rows, columns = kernel.output_size(shape.height, shape.width)
    inner = shape.channels // lanes
    across = max(shape.width, (columns - 1) * kernel.stride_width - kernel.pad_left + kernel.width)
    down = max(shape.height, (rows - 1) * kernel.stride_height - kernel.pad_top + kernel.height)
    return shape.height * across * inner, down * columns * inner
