"""Events of processing elements: groups of steps that wait for their window and for room."""

from __future__ import annotations

import numpy as np

from ir import timing
from ir.cycles.parallel import parallel_groups
from ir.cycles.pools import pool_events
from ir.cycles.system import EventSystem, element_events
from ir.elements import Kernel, ProcessingElement, Shape
from ir.maxplus import NEVER, EventList
from ir.numbers import IntArray


@element_events.register
def _processing_element(element: ProcessingElement, system: EventSystem) -> None:
    source = system.streams[id(element.source)]
    latency = timing.processing_latency(element)
    if element.is_direct:
        taken = _direct(element, system, source, latency)
    else:
        taken = _windowed(element, system, source, latency)
    if element.pool is not None:
        shape = element.window_positions
        depths = element.pool_fifo_depth, element.pool_fifo_depth
        lanes = element.output.lanes
        taken = pool_events(system, taken, element.pool, shape, lanes, depths)
    system.streams[id(element)] = taken


def _direct(
    element: ProcessingElement, system: EventSystem, source: EventList, latency: int
) -> EventList:
    firsts = np.arange(0, source.count, element.steps)
    taken = system.events(len(firsts) // element.folds * element.pixel_beats)
    _push_parts(element, source, taken, firsts + element.steps - 1, latency + 1)
    waits = system.only(source, firsts, _room(element, len(firsts)))
    source.after(taken, waits, 1)
    return taken


def _push_parts(
    element: ProcessingElement,
    events: EventList,
    taken: EventList,
    sums: IntArray,
    latency: int,
) -> None:
    """Let the first beat of each group leave ``latency`` edges after its event, one of ``sums``."""
    starts, beats = _beats(element, len(sums))
    for part in range(element.parts):
        sent = part < beats
        index = np.full(taken.count, NEVER)
        index[starts[sent] + part] = sums[sent]
        taken.after(events, index, latency + part * element.beat_edges)


def _beats(element: ProcessingElement, groups: int) -> tuple[IntArray, IntArray]:
    """Return the first output beat of each group, and how many it has: the last of a pixel less."""
    pixels, folds = np.divmod(np.arange(groups), element.folds)
    starts = pixels * element.pixel_beats + folds * element.parts
    beats = np.minimum(element.parts, element.pixel_beats - folds * element.parts)
    return starts, beats


def _room(element: ProcessingElement, groups: int) -> IntArray:
    """Return, for each group, the output beat that makes room for ``parts`` more."""
    starts, _ = _beats(element, groups)
    return starts + element.parts - 1 - element.fifo_depth


def _windowed(
    element: ProcessingElement, system: EventSystem, source: EventList, latency: int
) -> EventList:
    add_groups = _groups if element.taps == 1 else parallel_groups
    groups = add_groups(element, system, source)
    taken = system.events(element.window_positions.pixels * element.pixel_beats)
    _push_parts(element, groups, taken, np.arange(groups.count), element.steps - 1 + latency + 1)
    groups.after(taken, _room(element, groups.count), 1)
    return taken


def _groups(element: ProcessingElement, system: EventSystem, source: EventList) -> EventList:
    """Add the first beats of all groups; return them."""
    shape, kernel = _window_view(element)
    words = shape.channels // element.simd
    positions = element.window_positions.pixels
    groups = system.events(positions * element.folds, gap=element.group_edges)
    needed = np.repeat(_last_needed_pixel(kernel, shape), element.folds)
    needed[-1] = shape.pixels - 1
    groups.after(source, needed * words + words - 1, 1)
    _free_rows(element, system, source, groups, shape, kernel)
    return groups


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
    system: EventSystem,
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
    image_rows = np.arange(shape.height)
    frames, overwritten = np.divmod(
        image_rows - buffered_rows(kernel, element.extra_rows), shape.height
    )
    freed = last_group[overwritten] + frames * groups.count
    per_row = shape.width * shape.channels // element.simd
    source.after(groups, system.only(source, image_rows * per_row, freed), element.steps)
