"""Events of windows that are sent several taps at a time: pixels, fetched columns, groups."""

from __future__ import annotations

import numpy as np

from ir.cycles.system import EventSystem
from ir.elements import Kernel, ProcessingElement, Shape
from ir.maxplus import EventList
from ir.numbers import IntArray


def parallel_groups(
    element: ProcessingElement, system: EventSystem, source: EventList
) -> EventList:
    """Add the fetches and the groups of a window whose pixels ``source`` transfers.

    Returns the groups' first beats, ``element.folds`` for each window position.
    """
    shape, kernel, folds = element.input.shape, element.kernel, element.folds
    lines, places = kernel.output_size(shape.height, shape.width)
    columns = fetched_columns(kernel, shape)
    fetches = system.events(lines * columns)
    pixels = _last_rows(kernel, shape)[:, None] * shape.width + np.arange(columns)
    fetches.after(source, pixels.reshape(-1), 1)
    groups = system.events(lines * places * folds, gap=element.group_edges)
    ends, line = _ends(kernel, places), np.arange(lines)[:, None] * columns
    complete = (line + np.minimum(ends, columns) - 1).reshape(-1)
    groups.after(fetches, np.repeat(complete, folds), 1)
    # A column may drop out of a window at the edge at which its first beat is issued.
    spanned = (line + ends).reshape(-1)
    with_frame_before = np.concatenate([spanned - fetches.count, spanned])
    done = np.searchsorted(with_frame_before, np.arange(fetches.count), side="right")
    fetches.after(groups, (done - len(spanned) - 1) * folds, 0)
    _free_pixels(element, source, fetches, columns)
    return groups


def parallel_cycles(element: ProcessingElement) -> int:
    """Return the cycles per frame of fetches and groups, when the pixels are there.

    Lines of windows are all alike.  The fetches of a line wait for each other, and so do its
    windows, ``held`` cycles each.  A chain of waits may also go from a fetch to a window, along
    some windows, and back to a fetch; along m windows it is longer than the fetches alone by
    m * held less what ``end`` grows by, less what the first window hangs over the edge.
    """
    shape, kernel = element.input.shape, element.kernel
    lines, places = kernel.output_size(shape.height, shape.width)
    columns, ends = fetched_columns(kernel, shape), _ends(kernel, places)
    held = element.folds * element.group_edges
    hanging = np.maximum(ends - columns, 0)
    within = (places - 1) * (held - kernel.stride_width) - int(hanging[0])
    along = (places - np.arange(places)) * held - (columns + ends[0] - ends) - hanging
    return lines * max(places * held, columns + max(0, within, int(along.max())))


def fetched_columns(kernel: Kernel, shape: Shape) -> int:
    """Return the columns that are fetched for each line of windows, one per cycle."""
    _, places = kernel.output_size(shape.height, shape.width)
    return min(shape.width, int(_ends(kernel, places)[-1]))


def _ends(kernel: Kernel, places: int) -> IntArray:
    """Return, for each window of a line, the columns up to its last one, as if without an edge."""
    ends: IntArray = np.arange(places) * kernel.stride_width - kernel.pad_left + kernel.span_width
    return ends


def _last_rows(kernel: Kernel, shape: Shape) -> IntArray:
    """Return the row of the image that each line of windows waits for."""
    lines, _ = kernel.output_size(shape.height, shape.width)
    bottom = np.arange(lines) * kernel.stride_height - kernel.pad_top + kernel.span_height - 1
    rows: IntArray = np.clip(bottom, 0, shape.height - 1)
    return rows


def _free_pixels(
    element: ProcessingElement, source: EventList, fetches: EventList, columns: int
) -> None:
    """A pixel waits for the last fetch of the one that it overwrites, a buffer's rows before."""
    shape, kernel = element.input.shape, element.kernel
    lines, _ = kernel.output_size(shape.height, shape.width)
    first_kept = np.maximum(np.arange(lines) * kernel.stride_height - kernel.pad_top, 0)
    rows = np.arange(shape.height)
    last_line = np.searchsorted(first_kept, rows, side="right") - 1
    frames, overwritten = np.divmod(rows - kernel.span_height - element.extra_rows, shape.height)
    line = last_line[overwritten] * columns + frames * fetches.count
    freed = line[:, None] + np.minimum(np.arange(shape.width), columns - 1)
    source.after(fetches, freed.reshape(-1), 1)
