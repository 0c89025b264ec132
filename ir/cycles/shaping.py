"""Events of the elements that give values other places."""

from __future__ import annotations

import numpy as np

from ir import timing
from ir.cycles.system import EventSystem, element_events, gated
from ir.elements import Reorder


@element_events.register
def _reorder(element: Reorder, system: EventSystem) -> None:
    source = system.streams[id(element.source)]
    lanes = element.output.lanes
    written, read = element.block_size // lanes, element.block_values // lanes
    issues = system.events(element.output.beats)
    blocks = np.arange(issues.count // read)
    issues.after(source, system.only(issues, blocks * read, (blocks + 1) * written - 1), 1)
    freeing = (blocks - element.stored_blocks + 1) * read - 1
    source.after(issues, system.only(source, blocks * written, freeing), 1)
    each = np.arange(issues.count)
    system.streams[id(element)] = gated(
        system, issues, each, timing.REORDER_LATENCY, element.fifo_depth
    )
