"""Events of the elements that give values other places."""

from __future__ import annotations

import numpy as np

from ir import timing
from ir.cycles.system import EventSystem, before, element_events, gated
from ir.elements import Border, Reorder
from ir.numbers import IntArray


@element_events.register
def _reorder(element: Reorder, system: EventSystem) -> None:
    source = system.streams[id(element.source)]
    lanes = element.output.lanes
    written, read = element.block_size // lanes, element.block_values // lanes
    issues = system.events(element.output.beats)
    ends = np.cumsum(element.rounds) * read
    blocks = np.arange(len(ends))
    firsts = np.concatenate([[0], ends[:-1]])
    issues.after(source, system.only(issues, firsts, (blocks + 1) * written - 1), 1)
    frames, overwritten = np.divmod(blocks - element.stored_blocks, len(blocks))
    freeing = ends[overwritten] - 1 + frames * issues.count
    source.after(issues, system.only(source, blocks * written, freeing), 1)
    each = np.arange(issues.count)
    system.streams[id(element)] = gated(
        system, issues, each, timing.REORDER_LATENCY, element.fifo_depth
    )


@element_events.register
def _border(element: Border, system: EventSystem) -> None:
    source = system.streams[id(element.source)]
    shape = element.source.output.shape
    words = shape.channels // element.output.lanes
    rows, columns = element.walk
    row_in, row_sent = _axis(rows, shape.height, element.top, element.bottom)
    column_in, column_sent = _axis(columns, shape.width, element.left, element.right)
    taking = np.flatnonzero(np.repeat(np.outer(row_in, column_in).reshape(-1), words))
    sending = np.flatnonzero(np.repeat(np.outer(row_sent, column_sent).reshape(-1), words))
    steps = system.events(rows * columns * words)
    each = np.arange(source.count)
    steps.after(source, system.only(steps, taking, each), 1)
    steps.after(source, system.only(steps, np.array([0]), np.array([0])), 1)
    freed = taking[before(source.count, element.input_depth) % source.count]
    frames = before(source.count, element.input_depth) // source.count
    source.after(steps, freed + frames * steps.count, 1)
    sink = system.streams[id(element)] = system.events(element.output.beats)
    each = np.arange(sink.count)
    sink.after(steps, sending, 1)
    steps.after(sink, system.only(steps, sending, before(sink.count, element.fifo_depth)), 1)


def _axis(steps: int, size: int, first: int, last: int) -> tuple[IntArray, IntArray]:
    """Return which of the ``steps`` along an axis lie in the image, and which are sent."""
    place = np.arange(steps) - max(first, 0)
    inside = (place >= 0) & (place < size)
    sent = (place >= -first) & (place < size + last)
    return inside.astype(np.int64), sent.astype(np.int64)
