"""Cycle model: exact times of every beat for a core that is always fed and never stalled.

Each element's rules stand on docs/elements.md, under the same heading; tests compare the times
with simulation, beat for beat.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import singledispatch

import numpy as np

from ir import maxplus, timing
from ir.elements import (
    Affine,
    ArgMax,
    Concatenate,
    Element,
    Fifo,
    Fork,
    GlobalAverage,
    Input,
    Kernel,
    Lookup,
    MaxPool,
    Merge,
    Output,
    ProcessingElement,
    Reshape,
    Shape,
    WidthConverter,
    input_lanes,
    sources,
)
from ir.graph import StreamGraph
from ir.maxplus import EventList
from ir.numbers import IntArray

AXIS_FIFO_DEPTH = 2
_LONGEST_PIPELINE = 1000
"""More edges than any element takes beside its own cycles."""


@dataclass(frozen=True, slots=True)
class Cycles:
    """Predicted times, in clock edges.

    ``completions``: for successive frames, edges from the one that takes the first input beat of
    frame 0 to the one that takes the frame's last output beat.  ``lower_bound``: cycles per frame
    of the slowest element, ``bottleneck``; no schedule of these elements can be faster.
    ``element_cycles``: each element's own cycles per frame, by name.
    """

    completions: tuple[int, ...]
    cycles_per_frame: int
    lower_bound: int
    bottleneck: str
    element_cycles: dict[str, int]

    @property
    def latency_cycles(self) -> int:
        """First input beat taken to last output beat taken, for the first frame after reset."""
        return self.completions[0]


def predict(graph: StreamGraph, frames: int | None = None) -> Cycles:
    """Return the exact times of ``frames`` frames, or of as many as it takes to be steady.

    Raises:
        maxplus.DeadlockError: a buffer is so small that the streams wait for each other forever.
    """
    own = {element.name: own_cycles(element) for element in graph}
    bottleneck = max(own, key=lambda name: own[name])
    counts = [frames] if frames else [3, 6, 12, 24]
    for count in counts:
        completions = _completions(graph, count)
        intervals = np.diff(completions)
        if len(intervals) and (intervals[-1] == own[bottleneck] or _periodic(intervals)):
            break
    interval = int(intervals[-1]) if len(intervals) else own[bottleneck]
    return Cycles(tuple(completions), interval, own[bottleneck], bottleneck, own)


def _periodic(intervals: IntArray) -> bool:
    return len(intervals) >= 4 and bool(np.all(intervals[-3:] == intervals[-1]))


def fifo_demands(graph: StreamGraph, frames: int) -> dict[str, int]:
    """Return how deep each Fifo must be, by name, so that it never keeps its sender waiting."""
    system = _solved(graph, frames)
    demands = {}
    for element in graph:
        if isinstance(element, Fifo):
            pushes = system.streams[id(element.source)].times
            pops = system.streams[id(element)].times
            free_again = np.searchsorted(pops + 1, pushes, side="right")
            demands[element.name] = int(np.max(np.arange(len(pushes)) - free_again)) + 1
    return demands


def _completions(graph: StreamGraph, frames: int) -> list[int]:
    system = _solved(graph, frames)
    ends = [system.streams[id(o)].times.reshape(frames, -1)[:, -1] for o in graph.outputs]
    return [int(t) for t in np.max(ends, axis=0)]


def _solved(graph: StreamGraph, frames: int) -> _System:
    system = _System(frames)
    for element in graph:
        element_events(element, system)
    one_after_another = sum(own_cycles(element) + _LONGEST_PIPELINE for element in graph)
    maxplus.solve(system.lists, limit=(frames + 1) * one_after_another)
    return system


class _System:
    """Event lists of a graph under construction; ``streams``: transfers by sending element."""

    def __init__(self, frames: int) -> None:
        self.frames = frames
        self.lists: list[EventList] = []
        self.streams: dict[int, EventList] = {}

    def events(self, per_frame: int, gap: int = 1) -> EventList:
        """Return a new event list with ``per_frame`` events in each frame."""
        events = EventList(per_frame * self.frames, gap)
        self.lists.append(events)
        return events

    def every_frame(self, index: IntArray, per_frame: int) -> IntArray:
        """Repeat event numbers within a frame of ``per_frame`` events for all frames."""
        starts = np.arange(self.frames)[:, None] * per_frame
        return (starts + np.asarray(index)[None, :]).reshape(-1)

    def only(self, events: EventList, at: IntArray, index: IntArray) -> IntArray:
        """Return an index for ``events`` that waits at the positions ``at`` only."""
        full = np.full(events.count, maxplus.NEVER)
        full[at] = np.where(index >= 0, index, maxplus.NEVER)
        return full


def _before(count: int, depth: int) -> IntArray:
    """Return, for each of ``count`` events, the number of the event ``depth`` earlier."""
    index = np.arange(count) - depth
    return np.where(index >= 0, index, maxplus.NEVER)


def _fifo(source: EventList, sink: EventList, depth: int) -> None:
    each = np.arange(sink.count)
    sink.after(source, each, 1)
    source.after(sink, _before(source.count, depth), 1)


@singledispatch
def element_events(element: Element, system: _System) -> None:
    """Add ``element``'s events, the transfers of its output stream last."""
    raise NotImplementedError(type(element).__name__)


@element_events.register
def _input(element: Input, system: _System) -> None:
    axis = system.events(element.output.beats)
    system.streams[id(element)] = inner = system.events(element.output.beats)
    _fifo(axis, inner, AXIS_FIFO_DEPTH)


@element_events.register
def _output(element: Output, system: _System) -> None:
    axis = system.events(element.output.beats)
    _fifo(system.streams[id(element.source)], axis, AXIS_FIFO_DEPTH)
    system.streams[id(element)] = axis


@element_events.register
def _reshape(element: Reshape, system: _System) -> None:
    system.streams[id(element)] = system.streams[id(element.source)]


@element_events.register
def _fork(element: Fork, system: _System) -> None:
    # A beat passes when all readers take it: they share its transfers, and each may delay them.
    system.streams[id(element)] = system.streams[id(element.source)]


@element_events.register
def _stream_fifo(element: Fifo, system: _System) -> None:
    sink = system.events(element.output.beats)
    _fifo(system.streams[id(element.source)], sink, element.depth)
    system.streams[id(element)] = sink


@element_events.register
def _width_converter(element: WidthConverter, system: _System) -> None:
    source = system.streams[id(element.source)]
    sink = system.streams[id(element)] = system.events(element.output.beats)
    if source.count == sink.count:
        each = np.arange(sink.count)
        sink.after(source, each, 0)
        source.after(sink, each, 0)
    elif source.count < sink.count:
        parts = sink.count // source.count
        last = np.arange(source.count) * parts + parts - 1
        sink.after(source, np.arange(sink.count) // parts, 1)
        source.after(sink, np.concatenate([[maxplus.NEVER], last[:-1]]), 0)
    else:
        parts = source.count // sink.count
        sink.after(source, np.arange(sink.count) * parts + parts - 1, 1)
        first = np.arange(1, sink.count) * parts
        source.after(sink, system.only(source, first, np.arange(sink.count - 1)), 0)


def _gated(
    system: _System, steps: EventList, yields: IntArray, latency: int, depth: int
) -> EventList:
    """Return the transfers out of a reserving FIFO.

    Output n is reserved at event ``yields[n]`` of ``steps`` and pushed ``latency`` edges later.
    """
    taken = EventList(len(yields))
    system.lists.append(taken)
    taken.after(steps, yields, latency + 1)
    steps.after(taken, system.only(steps, yields, _before(len(yields), depth)), 1)
    return taken


def _pointwise(element: Affine | Lookup, system: _System, inner: int) -> None:
    source = system.streams[id(element.source)]
    each = np.arange(source.count)
    latency = timing.pointwise_latency(inner)
    system.streams[id(element)] = _gated(system, source, each, latency, element.fifo_depth)


@element_events.register
def _affine(element: Affine, system: _System) -> None:
    _pointwise(element, system, timing.requantization_latency(element.requantization))


@element_events.register
def _lookup(element: Lookup, system: _System) -> None:
    _pointwise(element, system, timing.LOOKUP_LATENCY)


@element_events.register
def _global_average(element: GlobalAverage, system: _System) -> None:
    source, stream = system.streams[id(element.source)], element.source.output
    last_pixel = np.arange(stream.beats - element.output.beats, stream.beats)
    latency = timing.global_average_latency(element.requantization)
    yields = system.every_frame(last_pixel, stream.beats)
    system.streams[id(element)] = _gated(system, source, yields, latency, element.fifo_depth)


@element_events.register
def _arg_max(element: ArgMax, system: _System) -> None:
    source, stream = system.streams[id(element.source)], element.source.output
    per_pixel = stream.shape.channels // stream.lanes
    yields = np.arange(per_pixel - 1, source.count, per_pixel)
    latency = timing.arg_max_latency(stream.lanes)
    system.streams[id(element)] = _gated(system, source, yields, latency, element.fifo_depth)


@element_events.register
def _merge(element: Merge, system: _System) -> None:
    first, second = (system.streams[id(source)] for source in element.sources)
    each = np.arange(first.count)
    first.after(second, each, 0)
    second.after(first, each, 0)
    latency = timing.merge_latency(element)
    system.streams[id(element)] = _gated(system, second, each, latency, element.fifo_depth)


@element_events.register
def _concatenate(element: Concatenate, system: _System) -> None:
    lanes = element.output.lanes
    words = [source.output.shape.channels // lanes for source in element.sources]
    steps = system.events(element.output.beats)
    places = np.arange(steps.count).reshape(-1, sum(words))
    for source, place in zip(
        element.sources, np.split(places, np.cumsum(words[:-1]), axis=1), strict=True
    ):
        stream, taking = system.streams[id(source)], place.reshape(-1)
        steps.after(stream, system.only(steps, taking, np.arange(stream.count)), 0)
        stream.after(steps, taking, 0)
    sink = system.streams[id(element)] = system.events(element.output.beats)
    _fifo(steps, sink, element.fifo_depth)


@element_events.register
def _max_pool(element: MaxPool, system: _System) -> None:
    source = system.streams[id(element.source)]
    stream = element.source.output
    system.streams[id(element)] = _pool(
        system, source, element.kernel, stream.shape, stream.lanes, element.fifo_depth
    )


def _pool(
    system: _System, source: EventList, kernel: Kernel, shape: Shape, lanes: int, depth: int
) -> EventList:
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
    system: _System,
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
    steps = EventList(outers * positions * inner)
    system.lists.append(steps)
    numbers = np.arange(steps.count).reshape(outers, positions, inner)
    taking = numbers[:, :length].reshape(-1)
    each = np.arange(source.count)
    steps.after(source, system.only(steps, taking, each), 0)
    source.after(steps, taking, 0)
    yields = numbers[:, ends].reshape(-1)
    return _gated(system, steps, yields, timing.sliding_maximum_latency(kernel), depth)


@element_events.register
def _processing_element(element: ProcessingElement, system: _System) -> None:
    source = system.streams[id(element.source)]
    latency = timing.processing_latency(element)
    if element.is_direct:
        taken = _direct(element, system, source, latency)
    else:
        taken = _windowed(element, system, source, latency)
    if element.pool is not None:
        shape = element.window_positions
        depth = element.pool_fifo_depth
        taken = _pool(system, taken, element.pool, shape, element.pe, depth)
    system.streams[id(element)] = taken


def _direct(
    element: ProcessingElement, system: _System, source: EventList, latency: int
) -> EventList:
    firsts = np.arange(0, source.count, element.steps)
    taken = EventList(len(firsts))
    system.lists.append(taken)
    taken.after(source, firsts + element.steps - 1, latency + 1)
    waits = system.only(source, firsts, _before(len(firsts), element.fifo_depth))
    source.after(taken, waits, 1)
    return taken


def _windowed(
    element: ProcessingElement, system: _System, source: EventList, latency: int
) -> EventList:
    shape, kernel = _window_view(element)
    words = shape.channels // element.simd
    positions = element.window_positions.pixels
    groups = system.events(positions * element.folds, gap=element.steps)
    needed = np.repeat(_last_needed_pixel(kernel, shape), element.folds)
    needed[-1] = shape.pixels - 1
    index = system.every_frame(needed * words + words - 1, shape.pixels * words)
    groups.after(source, index, 1)
    _free_rows(element, system, source, groups, shape, kernel)
    taken = EventList(groups.count)
    system.lists.append(taken)
    each = np.arange(groups.count)
    taken.after(groups, each, element.steps - 1 + latency + 1)
    groups.after(taken, _before(groups.count, element.fifo_depth), 1)
    return taken


def _window_view(element: ProcessingElement) -> tuple[Shape, Kernel]:
    """Return the image and kernel as the window entity sees them (pixel mode: one column)."""
    shape = element.input.shape
    if element.kernel.is_pointwise:
        return Shape(shape.pixels, 1, shape.channels), Kernel(1, 1)
    return shape, element.kernel


def _last_needed_pixel(kernel: Kernel, shape: Shape) -> IntArray:
    """Return, per window position, the last pixel to wait for."""
    rows, columns = kernel.output_size(shape.height, shape.width)
    bottom = np.arange(rows) * kernel.stride_height - kernel.pad_top + kernel.span_height - 1
    right = np.arange(columns) * kernel.stride_width - kernel.pad_left + kernel.span_width - 1
    row = np.clip(bottom, 0, shape.height - 1)[:, None]
    column = np.clip(right, 0, shape.width - 1)[None, :]
    pixel: IntArray = row * shape.width + column
    return pixel.reshape(-1)


def buffered_rows(kernel: Kernel, extra_rows: int) -> int:
    """Return the image rows that the window's circular buffer holds."""
    return kernel.span_height + kernel.stride_height + extra_rows


def _free_rows(
    element: ProcessingElement,
    system: _System,
    source: EventList,
    groups: EventList,
    shape: Shape,
    kernel: Kernel,
) -> None:
    """The first beat of an image row waits until the row it overwrites was freed."""
    rows, columns = kernel.output_size(shape.height, shape.width)
    first_kept = np.maximum((np.arange(rows) + 1) * kernel.stride_height - kernel.pad_top, 0)
    first_kept[-1] = shape.height
    freeing_row = np.searchsorted(
        np.minimum(first_kept, shape.height), np.arange(shape.height), side="right"
    )
    last_group = (freeing_row + 1) * columns * element.folds - 1
    freed = system.every_frame(last_group, rows * columns * element.folds)
    per_row = shape.width * shape.channels // element.simd
    image_rows = np.arange(system.frames * shape.height)
    overwritten = image_rows - buffered_rows(kernel, element.extra_rows)
    index = np.where(overwritten >= 0, freed[np.maximum(overwritten, 0)], maxplus.NEVER)
    source.after(groups, system.only(source, image_rows * per_row, index), element.steps)


def own_cycles(element: Element) -> int:
    """Return the cycles per frame that ``element`` needs when nothing keeps it waiting."""
    return max(_own_cycles(element))


def _own_cycles(element: Element) -> Iterator[int]:
    yield element.output.beats
    if not isinstance(element, Input):
        yield from (source.output.shape.size // input_lanes(element) for source in sources(element))
    if isinstance(element, ProcessingElement):
        shape = element.window_positions
        yield shape.pixels * element.folds * element.steps
        if element.pool is not None:
            yield from _pool_cycles(element.pool, shape, element.pe)
    if isinstance(element, MaxPool):
        yield from _pool_cycles(element.kernel, element.source.output.shape, element.output.lanes)


def _pool_cycles(kernel: Kernel, shape: Shape, lanes: int) -> tuple[int, int]:
    """Return the steps per frame of the two passes of a max pool, flush steps included."""
    rows, columns = kernel.output_size(shape.height, shape.width)
    inner = shape.channels // lanes
    across = max(shape.width, (columns - 1) * kernel.stride_width - kernel.pad_left + kernel.width)
    down = max(shape.height, (rows - 1) * kernel.stride_height - kernel.pad_top + kernel.height)
    return shape.height * across * inner, down * columns * inner
